import Testing
import Tracing

@Suite struct SpanIDTests {
    @Test func isNeverAllZeros() { #expect(SpanID(random: 0).value != 0) }
}
