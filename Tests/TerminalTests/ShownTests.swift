import Terminal
import Testing

/// Names come from configurations and from clients, and a terminal obeys what it is sent.
@Suite struct ShownTests {
    @Test(
        arguments: [
            ("\u{1B}[2J", "\\x1b[2J"), ("\u{1B}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
            ("\u{7F}", "\\x7f"), ("\u{9B}31m", "\\u{9b}31m"), ("\u{202E}evil", "\\u{202e}evil"),
            ("a\u{200B}b", "a\\u{200b}b"), ("\u{FEFF}x", "\\u{feff}x"), ("a\u{2028}b", "a\\u{2028}b"),
            ("\u{E000}", "\\u{e000}"), ("\u{FFFF}", "\\u{ffff}"), ("\0", "\\x00"),
            ("models/größe-模型 ✓", "models/größe-模型 ✓"), ("", ""),
        ])
    func whatDrivesATerminalIsEscaped(_ text: String, _ shown: String) {
        #expect(Shown.text(text) == shown)
        #expect(Shown.text(shown) == shown)
    }

    @Test func marksDoNotPileUp() {
        let marks = String(repeating: "\u{301}", count: 5)
        #expect(Shown.text("a" + marks) == "a\u{301}\u{301}\u{301}\\u{301}\\u{301}")
    }

    @Test func nothingThatIsShownCounts() {
        for value in (0...0x2FFF).compactMap(Unicode.Scalar.init) {
            let shown = Shown.text(String(Character(value)))
            #expect(!shown.isEmpty)
            #expect(
                shown.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F ~= $0.value) }, "U+\(value.value)")
        }
    }

    @Test func jsonKeepsItsMeaning() {
        let json = Shown.json(Array("{\"a\u{7F}\":\"\u{9B}2J ü\u{C2}\"}".utf8))
        #expect(String(decoding: json, as: UTF8.self) == "{\"a\\u007f\":\"\\u009b2J ü\u{C2}\"}")
        #expect(Shown.json([0xC2]) == [0xC2])
    }

    @Test(
        arguments: [
            ("abc", 3), ("größe", 5), ("模型", 4), ("ｗ", 2), ("한", 2), ("e\u{301}", 1), ("🚀", 2), ("…█▏→⇢", 5), ("", 0),
        ])
    func widths(_ text: String, _ columns: Int) { #expect(DisplayWidth.of(text) == columns) }

    @Test func linesAreCutByColumns() {
        var line = StyledLine("模型", .strong)
        line.append("abc", .bad)
        #expect(line.width == 7)
        #expect(line.cut(to: 7).text(coloured: false) == "模型abc")
        #expect(line.cut(to: 6).text(coloured: false) == "模型a…")
        // No half of a wide character.
        #expect(line.cut(to: 4).text(coloured: false) == "模…")
        #expect(line.cut(to: 1).text(coloured: false) == "…")
        #expect(line.cut(to: 0).text(coloured: false) == "")
        for columns in 0...8 { #expect(line.cut(to: columns).width <= columns) }
    }

    @Test func coloursAreOnlyWhereTheyAreWanted() {
        var line = StyledLine("up", .good)
        line.append(" \u{1B}[31m")
        #expect(line.text(coloured: false) == "up \\x1b[31m")
        #expect(line.text(coloured: true) == "\u{1B}[32mup\u{1B}[0m \\x1b[31m")
    }
}
