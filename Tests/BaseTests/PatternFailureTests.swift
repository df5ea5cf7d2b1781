import Base
import Testing

struct PatternFailureTests {
    @Test(arguments: [
        ("a(b", "'(' without ')'", 1),
        ("a)b", "')' without '('", 1),
        ("é[a", "'[' without ']'", 2),
        ("[]", "'[' without ']'", 0),
        ("[^]", "'[' without ']'", 0),
        ("*a", "nothing to repeat", 0),
        ("a|+", "nothing to repeat", 2),
        ("({2})", "nothing to repeat", 1),
        ("(?i)*", "nothing to repeat", 4),
        ("a**", "repetition of a repetition", 2),
        ("a*{3}", "repetition of a repetition", 2),
        ("a+??", "repetition of a repetition", 3),
        ("a*+", "repetition of a repetition", 2),
        ("a{3,2}", "below the lower", 1),
        ("a{1001}", "above 1000", 1),
        ("a{2,99999999999999999999999}", "above 1000", 1),
        (#"a\"#, #"'\' at the end"#, 1),
        (#"(a)\1"#, "back-references", 3),
        (#"\q"#, "unknown escape", 0),
        (#"\é"#, "unknown escape", 0),
        (#"\Z"#, #"write '\z'"#, 0),
        (#"\pL"#, "Unicode classes", 0),
        (#"\012"#, "octal", 0),
        (#"\x4"#, "two hexadecimal digits", 0),
        (#"\x{}"#, "two hexadecimal digits", 0),
        (#"\x{d800}"#, "two hexadecimal digits", 0),
        (#"\x{1234567}"#, "two hexadecimal digits", 0),
        (#"\xg0"#, "two hexadecimal digits", 0),
        ("(?=a)", "look-ahead", 0),
        ("(?!a)", "look-ahead", 0),
        ("(?<=a)", "look-behind", 0),
        ("(?<!a)", "look-behind", 0),
        ("(?P=a)", "'(?P<name>'", 0),
        ("(?P<a-b>c)", "a group's name", 0),
        ("(?<>c)", "a group's name", 0),
        ("(?m)a", "multi-line", 0),
        ("(?>a)", "must be followed by", 0),
        ("(?)a", "must be followed by", 0),
        ("(?i", "'(' without ')'", 0),
        ("[b-a]", "ends before it starts", 1),
        (#"[a-\d]"#, "end with one character", 1),
        (#"[\ba]"#, "mean nothing inside brackets", 1),
        ("[[:alpah:]]", "no such class", 1),
        ("[[:alpha]", "no such class", 1),
    ])
    func refusedWithTheReasonAndThePlace(_ source: String, _ reason: String, _ offset: Int) throws {
        let failure = try #require(throws: Pattern.Failure.self) { try Pattern(source) }
        #expect(failure.message.contains(reason), "\(failure.message)")
        #expect(failure.offset == offset)
    }

    /// Noise is taken or refused, at a place inside it; nothing traps.
    @Test(arguments: 0..<16) func noise(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let parts =
            Array(#"ab0é😀().*+?{}[]^$|\-:,<>=!iPxdbz"#).map(String.init) + ["(?", "[[:", ":]]", "{1,2}", "\\x{"]
        for _ in 0..<500 {
            let source = (0..<random.below(12)).map { _ in parts[Int(random.below(UInt32(parts.count)))] }.joined()
            do {
                let pattern = try Pattern(source)
                let text = (0..<random.below(9)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                _ = text.withUnsafeBytes { pattern.matchesWhole($0) }
            } catch {
                #expect(0...source.utf8.count ~= error.offset, "\(source)")
            }
        }
    }

    @Test(arguments: [
        (String(repeating: "a", count: 4096), true),
        (String(repeating: "a", count: 4097), false),
        (String(repeating: "(", count: 100) + String(repeating: ")", count: 100), true),
        (String(repeating: "(", count: 101) + String(repeating: ")", count: 101), false),
        (String(repeating: "(?:", count: 1300), false),
        ("a{1000}", true),
        ("(a{80}){90}", true),
        ("(a{100}){100}", false),
        ("((a{1000}){1000}){1000}", false),
        // Writes no instruction at all, a thousand million times.
        ("(?:(?:(?:){1000}){1000}){1000}", false),
        ("(((a*)*)*)*", true),
    ])
    func sizeIsLimited(_ source: String, _ isTaken: Bool) {
        #expect(((try? Pattern(source)) != nil) == isTaken)
    }
}
