import Terminal
import Testing

@Suite struct SparklineTests {
    @Test func risesWithTheValues() { #expect(Sparkline.text([0, 1, 2, nil, 4]) == "▁▃▅ █") }
    @Test func isFlatWhereNothingMoves() { #expect(Sparkline.text([0, 0]) == "▁▁") }
}
