import Testing

@testable import ConfigFiles

/// Files made to keep the reader busy, and files that are merely broken all over.
@Suite struct HostileFileTests {
    private func lines(_ yaml: String) throws -> [String] {
        let scratch = try ScratchDirectory(["sluice.yaml": yaml])
        return scratch.lines(scratch.load())
    }

    /// Ten aliases of ten aliases and so on: 10^29 values in 2 KiB.
    private var bomb: String {
        (1..<30).reduce("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n") { text, level in
            text + "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
                + "]\n"
        }
    }

    /// What is done for each character of a value must not look at all of it.
    @Test func longPrefix() throws {
        let start = ContinuousClock.now
        let yaml = """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: a, match: [{ path: { prefix: /\(String(repeating: "/", count: 1 << 20)) } }],
                       backends: [{ name: stable }] }]
            """
        #expect(try lines(yaml) == [])
        #expect(ContinuousClock.now - start < .seconds(60), "the work must grow with the length alone")
    }

    @Test func aliasesOfAliases() throws {
        let message =
            "sluice.yaml:1:1: error: more than 500000 values, aliases counted as often as they are used: split the file"
        #expect(try lines(bomb).contains(message))
        #expect(try lines(bomb + "? *a29\n: 1\n").contains(message))
    }

    @Test func aliasesInAChainAreNestedToo() throws {
        let chain = (1..<100).reduce("a0: &a0 [x]\n") { $0 + "a\($1): &a\($1) [*a\($1 - 1)]\n" }
        #expect(try lines(chain).contains { $0.hasSuffix("nested too deeply, at most 32 levels are read") })
    }

    @Test func anAliasOfItself() throws {
        #expect(try lines("loops: &a [*a]\n").contains { $0.contains("'*a' is an alias without an anchor before it") })
    }

    @Test(arguments: ["[", "{", "- ", "? ", "[{a: "])
    func nesting(opening: String) throws {
        let lines = try lines(String(repeating: opening, count: 20_000) + "a\n")
        #expect(lines.count == 1 && lines[0].hasSuffix("nested too deeply"))
    }

    @Test(arguments: ["[", "{a: "])
    func nestingThatEnds(opening: String) throws {
        let closing = opening == "[" ? "]" : "}"
        let lines = try lines(
            "loops: " + String(repeating: opening, count: 400) + String(repeating: closing, count: 400))
        #expect(lines.contains { $0.hasSuffix("nested too deeply, at most 32 levels are read") })
    }

    @Test func nestingDoesNotNeedTheStackOfTheCaller() throws {
        let yaml = "loops: " + String(repeating: "{a: ", count: 990) + "1" + String(repeating: "}", count: 990)
        let scratch = try ScratchDirectory(["sluice.yaml": yaml])
        var outcome: ConfigurationLoader.Outcome?
        DeepStack.run(stack: 256 << 10) { outcome = scratch.load() }
        #expect(outcome?.gateway == nil && outcome?.diagnostics.isEmpty == false)
    }

    @Test func oneKeyOverAndOver() throws {
        let lines = try lines("listeners: [{ address: 0.0.0.0:1 }]\n" + String(repeating: "loops: 1\n", count: 500))
        #expect(lines.count == YAMLReader.maximumRenamedKeys + 1)
        #expect(lines[0] == "sluice.yaml:2:1: error: 'loops' is written twice in this mapping, keep one of them")
    }

    @Test func errorsAreCut() throws {
        let lines = try lines((0..<5_000).map { "key\($0): 1\n" }.joined())
        #expect(
            lines.count == Report.maximumErrors + 2, "the errors, the warning that there are no routes, and the note")
        #expect(lines.last?.hasSuffix("there are more than 500 errors, mend these first") == true)
    }

    @Test func warningsDoNotCrowdOutErrors() throws {
        let backends = (0..<2_000).map { "  b\($0): { endpoints: [127.0.0.1:8000] }\n" }.joined()
        let lines = try lines("listeners: [{ address: 0.0.0.0:1 }]\nbackends:\n" + backends)
        #expect(lines.count == Report.maximumWarnings)
    }

    @Test func longValuesAreCutInMessages() throws {
        let lines = try lines("loops: " + String(repeating: "x", count: 100_000))
        #expect(lines.allSatisfy { $0.utf8.count < 300 })
    }
}
