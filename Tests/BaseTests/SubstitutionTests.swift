import Base
import Testing

struct SubstitutionTests {
    /// With the answers of RE2, by hand.
    @Test(arguments: [
        // As its own tests have them.
        ("a.*a", #"(\0)"#, "banana", "b(anana)"),
        ("b*", "bb", "aaaaa", "bbabbabbabbabbabb"),
        ("b*", "bb", "bbbbb", "bb"),
        ("b*?", "bb", "bbbbb", "bbbbbbbbbbbbbbbbb"),
        ("b+", "bb", "aaaaa", "aaaaa"),
        ("(qu|[b-df-hj-np-tv-z]*)([a-z]+)", #"\2\1ay"#, "the quick brown", "ethay ickquay ownbray"),
        (#"\b"#, "bb", "fo xy", "bbfobb bbxybb"),
        (#"(a)(b)?"#, #"<\1\2>"#, "abac", "<ab><a>c"),
        // Paths.
        ("^/v1/(.*)$", #"/v2/\1"#, "/v1/models/a/infer", "/v2/models/a/infer"),
        ("^/v1/(.*)$", #"/v2/\1"#, "/v3/models", "/v3/models"),
        ("^/service/([^/]+)(/.*)$", #"\2/instance/\1"#, "/service/foo/v1/api", "/v1/api/instance/foo"),
        ("/", "/x/", "/a/b", "/x/a/x/b"),
        ("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"),
        ("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb"),
        // The first alternative, not the longest one; lazy and greedy.
        ("a|ab|abc", #"[\0]"#, "abc", "[a]bc"),
        ("(?:a+?)(a*)", #"[\1]"#, "aaa", "[aa]"),
        ("(a+?)(a*?)", #"[\1,\2]"#, "aaa", "[a,][a,][a,]"),
        // Characters of several bytes, and bytes that are none.
        ("", "-", "é😀", "-é-😀-"),
        (".", #"[\0]"#, "é😀", "[é][😀]"),
        (#"\\"#, #"\\\\"#, #"a\b"#, #"a\\b"#),
    ])
    func replaces(_ pattern: String, _ replacement: String, _ text: String, _ result: String) throws {
        #expect(try substitute(pattern, replacement, text) == result)
    }

    @Test func asRE2() throws {
        for (pattern, replacement, text, result) in SubstitutionExamples.cases {
            #expect(try substitute(pattern, replacement, text) == result, "\(pattern) with \(replacement) in \(text)")
        }
    }

    @Test(arguments: [
        ("a", #"\1"#, "no groups"), ("(a)", #"x\2"#, "one group"), ("(a)(b)", #"\9"#, "2 groups"),
        ("a", #"\x"#, "neither a digit"), ("a", #"x\"#, "neither a digit"),
        ("a", String(repeating: "x", count: 1025), "longer than 1024"), ("(ab{40}){60}", "", "too long"),
    ])
    func saysWhatIsWrong(_ pattern: String, _ replacement: String, _ reason: String) throws {
        let problem = Substitution.problem(try Pattern(pattern), replacement: replacement)
        #expect(problem?.contains(reason) == true, "\(problem ?? "nothing")")
    }

    @Test func nothingIsWrong() throws {
        #expect(Substitution.problem(try Pattern("(a)"), replacement: #"\0\1\\"#) == nil)
    }

    @Test func theLimitIsOnWhatIsAppended() throws {
        let substitution = try Substitution(pattern: Pattern("a"), replacement: "bb")
        var scratch = Substitution.Scratch()
        for (limit, isTaken) in [(-1, false), (0, false), (4, false), (5, true), (6, true)] {
            var out = ByteBuffer()
            out.append("kept ")
            let done = raw("axa").withUnsafeBytes {
                substitution.apply(to: $0, into: &out, limit: limit, scratch: &scratch)
            }
            #expect(done == isTaken, "limit \(limit)")
            #expect(contents(out) == raw(isTaken ? "kept bbxbb" : "kept "), "limit \(limit)")
        }
    }

    /// Exponential for a backtracking matcher, and the last ones quadratic for one that begins anew behind each match.
    @Test(arguments: [
        ("(a*)*b", "a"), ("(a|aa)+$", "a"), ("(a|a)*c", "a"), ("(.*)(.*)(.*)(.*)(.*)x", "a"), ("(a?){20}a{20}b", "a"),
        (#"(\w+\s?)*\d"#, "a"), ("((a+)+)+b", "a"), ("(é*)*b", "é"), ("a.*b|a", "a"), (".*?b|()a", "a"),
    ])
    func noBadInput(_ pattern: String, _ unit: String) throws {
        let substitution = try Substitution(pattern: Pattern(pattern), replacement: #"\0\0"#)
        let text = Array((String(repeating: unit, count: 8192 / unit.utf8.count) + "-").utf8)
        var scratch = Substitution.Scratch()
        var out = ByteBuffer()
        #expect(text.withUnsafeBytes { substitution.apply(to: $0, into: &out, limit: 1 << 20, scratch: &scratch) })
        #expect(out.count >= text.count)
    }

    @Test func tooMuchWorkIsRefused() throws {
        let substitution = try Substitution(pattern: Pattern("(a?){500}b"), replacement: "")
        var scratch = Substitution.Scratch()
        var out = ByteBuffer()
        for (length, isTaken) in [(1000, true), (100_000, false), (10, true)] {
            let text = [UInt8](repeating: 0x61, count: length)
            let done = text.withUnsafeBytes {
                substitution.apply(to: $0, into: &out, limit: .max / 2, scratch: &scratch)
            }
            #expect(done == isTaken)
        }
        #expect(out.count == 1010)
    }

    /// Random patterns on random bytes: what is found put back gives the text, whatever both are.
    @Test(arguments: 0..<16) func whatIsFoundPutBack(_ seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        var scratch = Substitution.Scratch()
        let parts =
            Array(#"ab0é😀().*+?[]^$|\-/"#).map(String.init) + ["(?:", "[^", "{1,2}", "*?", "(a", "b)", #"\b"#, #"\B"#]
        var matched = 0
        for _ in 0..<1000 {
            let source = (0..<random.below(12)).map { _ in parts[Int(random.below(UInt32(parts.count)))] }.joined()
            guard let pattern = try? Pattern(source) else { continue }
            let bytes = (0..<random.below(12)).map { _ -> UInt8 in
                let common: [UInt8] = [0x61, 0x62, 0x2F, 0xC3, 0xA9, 0x30]
                return random.below(8) == 0 ? UInt8(truncatingIfNeeded: random.next()) : common[Int(random.below(6))]
            }
            let whole = try Substitution(pattern: pattern, replacement: #"\0"#)
            var out = ByteBuffer()
            #expect(bytes.withUnsafeBytes { whole.apply(to: $0, into: &out, limit: 99, scratch: &scratch) })
            #expect(contents(out) == bytes, "\(source) in \(bytes)")
            let cut = try Substitution(pattern: pattern, replacement: "")
            out.removeAll()
            #expect(bytes.withUnsafeBytes { cut.apply(to: $0, into: &out, limit: 99, scratch: &scratch) })
            matched += out.count < bytes.count ? 1 : 0
        }
        #expect(matched > 5)
    }

    private func substitute(_ pattern: String, _ replacement: String, _ text: String) throws -> String {
        let substitution = try Substitution(pattern: Pattern(pattern), replacement: replacement)
        var scratch = Substitution.Scratch()
        var out = ByteBuffer()
        let text = Array(text.utf8)
        #expect(text.withUnsafeBytes { substitution.apply(to: $0, into: &out, limit: 1024, scratch: &scratch) })
        return String(decoding: contents(out), as: UTF8.self)
    }
}
