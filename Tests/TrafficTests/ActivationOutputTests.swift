import Base
import Testing
import Traffic

struct ActivationOutputTests {
    private func feed(_ lines: inout OutputLines, _ text: String, at seconds: UInt64 = 10) -> [String] {
        Array(text.utf8).withUnsafeBytes { lines.feed($0, now: Instant(nanoseconds: seconds * 1_000_000_000)) }
    }

    @Test func cutsLines() {
        var lines = OutputLines()
        #expect(feed(&lines, "one\r\ntw") == ["one"])
        #expect(feed(&lines, "o\n\n\nthree") == ["two"])
        #expect(lines.finish(now: Instant(nanoseconds: 0)) == ["three"])
        #expect(lines.last == ["one", "two", "three"])
    }

    @Test func boundsALine() {
        var lines = OutputLines()
        let told = feed(&lines, String(repeating: "x", count: 1 << 20) + "\nnext\n")
        #expect(told == [String(repeating: "x", count: OutputLines.lineLimit) + "…", "next"])
    }

    @Test func boundsTheRate() {
        var lines = OutputLines()
        let flood = String(repeating: "again\n", count: 1000)
        #expect(feed(&lines, flood).count == OutputLines.linesPerSecond)
        #expect(feed(&lines, flood).isEmpty)
        let left = 2000 - OutputLines.linesPerSecond
        #expect(feed(&lines, "later\n", at: 11) == ["(\(left) lines left out)", "later"])
        #expect(lines.last.count == OutputLines.kept)
        _ = feed(&lines, flood, at: 11)
        let rest = 1000 - (OutputLines.linesPerSecond - 1)
        #expect(lines.finish(now: Instant(nanoseconds: 0)) == ["(\(rest) lines left out)"], "also of those at the end")
    }

    @Test func makesTerminalsSafe() {
        var lines = OutputLines()
        #expect(feed(&lines, "\u{1B}[31mred\u{2028}x\n") == [" [31mred x"])
        var broken = OutputLines()
        #expect([0xFF, 0x41, 0x0A].withUnsafeBytes { broken.feed($0, now: Instant(nanoseconds: 0)) }.count == 1)
    }

    @Test(arguments: [
        (
            ["I1122 a.cc:1] fine", "error: creating server: Internal - failed to load all models"],
            "it exited with status 1: error: creating server: Internal - failed to load all models"
        ),
        (
            [
                "E1122 05:01:02.1 77 model_lifecycle.cc:638] \"failed to load 'bad' version 1: Internal: no module\\n\\nAt:\\n\"",
                "I1122 05:01:02.1 77 model_lifecycle.cc:777] \"failed to load 'bad'\"",
                "error: creating server: Internal - failed to load all models",
            ],
            "it exited with status 1: failed to load 'bad' version 1: Internal: no module"
        ),
        (["starting", "listening"], "it exited with status 1: listening"),
        (["+-----+-----+"], "it exited with status 1"), ([], "it exited with status 1"),
    ])
    func findsTheReason(_ lines: [String], _ reason: String) {
        #expect(StartFailure.reason(ending: "it exited with status 1", lines: lines) == reason)
    }

    @Test func boundsTheReason() {
        let reason = StartFailure.reason(ending: "it ended", lines: [String(repeating: "error ", count: 1000)])
        #expect(reason.count == StartFailure.reasonLimit)
    }
}
