import Base
import Testing

struct PatternLinearityTests {
    /// Expressions that take a backtracking matcher exponential time on the input given.
    @Test(arguments: [
        ("(a*)*b", "a"), ("(a|aa)+$", "a"), ("(a|a)*c", "a"), ("(.*)(.*)(.*)(.*)(.*)x", "a"), ("(a?){50}a{50}b", "a"),
        ("([a-zA-Z]+)*!", "a"), (#"(\w+\s?)*\d"#, "a"), ("(a*?)*?b", "a"), ("((a+)+)+b", "a"), ("(é*)*b", "é"),
    ])
    func oneLookUpForEachCharacter(_ source: String, _ unit: String) throws {
        let pattern = try Pattern(source)
        #expect(pattern.stepsPerCharacter == 1)
        let attack = String(repeating: unit, count: 8192 / unit.utf8.count)
        #expect(!pattern.matchesWhole(attack + "-"))
    }

    /// Tables of 2^n states: these are matched on sets of positions, in a bounded number of look-ups.
    @Test func setsOfPositionsDecideAsTheTableWould() throws {
        let pattern = try Pattern("[ab]*a[ab]{40}")
        #expect(pattern.stepsPerCharacter == 64)
        let tail = String(repeating: "ab", count: 20)
        #expect(pattern.matchesWhole("bba" + tail))
        #expect(!pattern.matchesWhole("bbb" + tail))
        #expect(pattern.matchesWhole(String(repeating: "a", count: 8192)))
        #expect(!pattern.matchesWhole(String(repeating: "a", count: 8192) + "c"))
        #expect(!pattern.matchesWhole(""))
        let optional = try Pattern("([ab]*a[ab]{40})?")
        #expect(optional.stepsPerCharacter == 64)
        #expect(optional.matchesWhole(""))
    }

    /// Neither form can hold it: refused when it is written, not slow when it is used.
    @Test func tooComplexIsRefused() {
        #expect(throws: Pattern.Failure.self) { try Pattern("[ab]*a[ab]{300}") }
    }

    /// Long alternations, as they are generated from lists of models, still get a table.
    @Test func longAlternationsGetATable() throws {
        let names = (0..<400).map { "model_\($0)" }
        let pattern = try Pattern("/v2/(" + names.joined(separator: "|").prefix(4000) + ")/infer")
        #expect(pattern.stepsPerCharacter == 1)
        #expect(pattern.matchesWhole("/v2/model_17/infer"))
        #expect(!pattern.matchesWhole("/v2/model_/infer"))
    }
}
