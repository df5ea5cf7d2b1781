import Base
import Testing

struct PatternSyntaxTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let pattern: String
        let takes: [String]
        let refuses: [String]

        init(_ pattern: String, takes: [String], refuses: [String]) {
            self.pattern = pattern
            self.takes = takes
            self.refuses = refuses
        }

        var testDescription: String { pattern }
    }

    static let cases = [
        // Literals, the dot and the whole-value rule.
        Case("", takes: [""], refuses: ["a"]),
        Case("abc", takes: ["abc"], refuses: ["", "ab", "abcd", "xabc", "ABC"]),
        Case("/v2/models/.*", takes: ["/v2/models/", "/v2/models/a/infer"], refuses: ["/v2/models", "/v2/models/\n"]),
        Case("a.c", takes: ["abc", "a c", "aéc", "a😀c"], refuses: ["ac", "a\nc", "abbc"]),
        Case(#"1\.5\*\\\-\/\{"#, takes: [#"1.5*\-/{"#], refuses: ["1x5*"]),
        Case("a{b}c{,2}{", takes: ["a{b}c{,2}{"], refuses: ["abc"]),
        Case("]}", takes: ["]}"], refuses: ["]"]),
        Case("é😀", takes: ["é😀"], refuses: ["é", "e😀"]),
        Case(#"\x41\x{e9}\x{1F600}\t\n\r\f\v\a"#, takes: ["Aé😀\t\n\r\u{C}\u{B}\u{7}"], refuses: ["A"]),
        // Classes.
        Case("[a-c]", takes: ["a", "b", "c"], refuses: ["d", "", "B", "ab"]),
        Case("[^a-c]", takes: ["d", "\n", "é", "😀"], refuses: ["a", "c", ""]),
        Case("[]a]+", takes: ["]a"], refuses: ["b"]),
        Case("[^]a]", takes: ["b"], refuses: ["]", "a"]),
        Case("[-a]+", takes: ["-a"], refuses: ["b"]),
        Case("[a-]+", takes: ["-a"], refuses: ["b"]),
        Case(#"[\]\\\-x]+"#, takes: [#"]\-x"#], refuses: ["a"]),
        Case("[à-ÿ]", takes: ["é"], refuses: ["e", "Ā"]),
        Case(#"[\x{4e00}-\x{9fff}]+"#, takes: ["模型"], refuses: ["a"]),
        Case(#"[\d.]+"#, takes: ["1.2"], refuses: ["a"]),
        Case(#"[^\d]"#, takes: ["a"], refuses: ["1"]),
        Case(#"[\Da]"#, takes: ["a", "b"], refuses: ["1"]),
        Case(#"\d\w\s"#, takes: ["1_ ", "9a\t"], refuses: ["a_ ", "1- ", "1_\u{B}", "١_ "]),
        Case(#"\D\W\S"#, takes: ["a-x", "é\u{B}é"], refuses: ["1-x", "aax", "a- "]),
        Case("[[:alpha:]][[:digit:]_]", takes: ["a1", "Z_"], refuses: ["11", "aa", "é1"]),
        Case("[[:^alpha:]]", takes: ["1", "é"], refuses: ["a"]),
        Case("[[:space:]]", takes: ["\u{B}"], refuses: ["a"]),
        Case("[[:xdigit:]]+", takes: ["0aF"], refuses: ["g"]),
        Case("[a[:]+", takes: ["a[:"], refuses: ["b"]),
        // Groups and alternation.
        Case("(a|b)c", takes: ["ac", "bc"], refuses: ["c", "abc"]),
        Case("(?:a|bc|)d", takes: ["ad", "bcd", "d"], refuses: ["bd"]),
        Case("a|b|", takes: ["a", "b", ""], refuses: ["ab"]),
        Case("(?P<one>a)(?<two>b)()", takes: ["ab"], refuses: ["a"]),
        // Repetition, lazy or not.
        Case("a*b+c?", takes: ["b", "aabb", "bc"], refuses: ["a", "bcc", ""]),
        Case("a*?b+?c??", takes: ["b", "aabb", "bc"], refuses: ["a", "bcc", ""]),
        Case("a{2}", takes: ["aa"], refuses: ["a", "aaa"]),
        Case("a{2,}", takes: ["aa", "aaaa"], refuses: ["a"]),
        Case("a{1,3}?", takes: ["a", "aaa"], refuses: ["", "aaaa"]),
        Case("a{0}", takes: [""], refuses: ["a"]),
        Case("(ab){0,2}c", takes: ["c", "ababc"], refuses: ["abababc"]),
        Case("(a*)*", takes: ["", "aaa"], refuses: ["b"]),
        Case("(a|b*)+c", takes: ["c", "abbac"], refuses: ["abd"]),
        Case(".{1,3}", takes: ["a", "é", "ééé", "😀"], refuses: ["", "éééé"]),
        // Assertions.
        Case("^abc$", takes: ["abc"], refuses: ["abc\n", ""]),
        Case(#"\Aabc\z"#, takes: ["abc"], refuses: ["abcd"]),
        Case("^*a$*", takes: ["a"], refuses: ["aa"]),
        Case("a^b|c$d|e", takes: ["e"], refuses: ["ab", "cd", "a", "d"]),
        Case("(^a|b)*", takes: ["", "a", "ab", "abb", "b"], refuses: ["ba", "aa"]),
        Case("(a$|b)*", takes: ["", "a", "ba"], refuses: ["ab"]),
        Case(#".*\bgpu\b.*"#, takes: ["gpu", "a gpu b", "/gpu/", "éгgpu"], refuses: ["gpus", "_gpu", "mygpu1"]),
        Case(#".*\Bgpu.*"#, takes: ["mygpu"], refuses: ["gpu", "my gpu"]),
        Case(#"\b"#, takes: [], refuses: ["", "a"]),
        Case(#"\B"#, takes: [""], refuses: ["a"]),
        Case(#"\b\w.\b.*"#, takes: ["ab c", "a/b"], refuses: ["abc", "/ab"]),
        // Flags.
        Case("(?i)GpU-é", takes: ["gpu-é", "GPU-é"], refuses: ["gpu-É"]),
        Case("(?i)[a-c]+[^x]", takes: ["aBC1"], refuses: ["abX"]),
        Case("(?i)[k-m]", takes: ["K", "m"], refuses: ["J", "n", "+"]),
        Case("(?i:a)b", takes: ["ab", "Ab"], refuses: ["AB"]),
        Case("a(b(?i)c|d)e", takes: ["abce", "abCe", "aDe"], refuses: ["aBce", "abcE", "aBCe"]),
        Case("(?i)a(?-i)b", takes: ["Ab"], refuses: ["AB"]),
        Case("(?s)a.b", takes: ["a\nb"], refuses: ["ab"]),
        Case("(?is-i:A.)", takes: ["A\n"], refuses: ["a\n"]),
    ]

    @Test(arguments: cases) func matchesTheWhole(_ example: Case) throws {
        let pattern = try Pattern(example.pattern)
        for text in example.takes { #expect(pattern.matchesWhole(text), "\(text.debugDescription)") }
        for text in example.refuses { #expect(!pattern.matchesWhole(text), "\(text.debugDescription)") }
    }

    /// Bytes that are part of no UTF-8 sequence: each is one character, which no literal and no plain class takes.
    @Test(arguments: [
        ([0xE9], 1),  // Latin-1
        ([0xC3], 1),  // cut short
        ([0xC3, 0x28], 2),
        ([0x80, 0x80], 2),
        ([0xC0, 0x80], 2),  // overlong
        ([0xE0, 0x80, 0x80], 3),
        ([0xED, 0xA0, 0x80], 3),  // a surrogate
        ([0xF4, 0x90, 0x80, 0x80], 4),  // above U+10FFFF
        ([0xF0, 0x9F, 0x98], 3),
        ([0xF0, 0x9F, 0x98, 0x80], 1),
        ([0xED, 0x9F, 0xBF], 1),
        ([0xF4, 0x8F, 0xBF, 0xBF], 1),
        ([0xFF, 0xC3, 0xA9], 2),
    ])
    func straysAreCharacters(_ bytes: [UInt8], _ count: Int) throws {
        for length in 1...4 {
            let pattern = try Pattern(".{\(length)}")
            #expect(bytes.withUnsafeBytes { pattern.matchesWhole($0) } == (length == count))
        }
        let negated = try Pattern("[^é]+")
        #expect(bytes.withUnsafeBytes { negated.matchesWhole($0) } == !bytes.contains(0xA9))
        let plain = try Pattern(#"[\x00-\x{10ffff}]+"#)
        let isText = String(validating: bytes, as: UTF8.self) != nil
        #expect(bytes.withUnsafeBytes { plain.matchesWhole($0) } == isText)
    }

    @Test func equalityIsThatOfTheSource() throws {
        #expect(try Pattern("a|b") == Pattern("a|b"))
        #expect(try Pattern("a|b") != Pattern("b|a"))
        #expect(try Pattern("a|b").source == "a|b")
        #expect(try Pattern("(a)(?:b)(?P<n>c(d)?)").groupCount == 3)
    }
}

extension Pattern {
    func matchesWhole(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { matchesWhole($0) } }
}
