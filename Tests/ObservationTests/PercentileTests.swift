import Observation
import Telemetry
import Testing

@Suite struct PercentileTests {
    @Test func isBetweenTheBoundsOfItsBucket() throws {
        var histogram = DurationHistogram()
        for _ in 0..<99 { histogram.record(nanoseconds: 2_000_000) }
        histogram.record(nanoseconds: 40_000_000)
        let median = try #require(histogram.quantile(0.5))
        #expect(median > 0.001 && median < 0.0025)
        let last = try #require(histogram.quantile(0.995))
        #expect(last > 0.025 && last <= 0.05)
    }

    @Test func isUnknownWhereNothingWasRecorded() { #expect(DurationHistogram().quantile(0.5) == nil) }

    @Test func isTheLastBoundAboveIt() {
        var histogram = DurationHistogram()
        histogram.record(nanoseconds: 900_000_000_000)
        #expect(histogram.quantile(0.5) == 300)
    }
}
