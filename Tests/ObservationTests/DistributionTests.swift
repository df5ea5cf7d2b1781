import Observation
import Telemetry
import Testing

@Suite struct DistributionTests {
    private func distribution(_ nanoseconds: [UInt64]) throws -> Distribution {
        var histogram = DurationHistogram()
        for one in nanoseconds { histogram.record(nanoseconds: one) }
        return try #require(Distribution(histogram, since: DurationHistogram()))
    }

    @Test func aQuantileIsBetweenTheBoundsOfItsBucket() throws {
        let some = try distribution(Array(repeating: 2_000_000, count: 99) + [40_000_000])
        let median = try #require(some.quantile(0.5))
        #expect(median > 0.001 && median < 0.0025)
        let last = try #require(some.quantile(0.995))
        #expect(last > 0.025 && last <= 0.05)
        #expect(some.mean.map { abs($0 - (99 * 0.002 + 0.04) / 100) < 1e-9 } == true)
    }

    @Test func nothingHasNoQuantile() {
        #expect(Distribution().quantile(0.5) == nil)
        #expect(Distribution().mean == nil)
    }

    @Test func aboveTheLastBoundIsThatBound() throws {
        #expect(try distribution([900_000_000_000]).quantile(0.5) == 300)
    }

    @Test func isWhatCameSince() throws {
        var histogram = DurationHistogram()
        for _ in 0..<1000 { histogram.record(nanoseconds: 90_000) }
        let before = histogram
        histogram.record(nanoseconds: 4_000_000_000)
        let since = try #require(Distribution(histogram, since: before))
        #expect(since.count == 1)
        #expect(since.mean == 4)
        #expect(Distribution(before, since: histogram) == nil)
    }

    @Test func addsUpWithoutOverflow() throws {
        var sum = Distribution()
        let one = try distribution([UInt64.max, UInt64.max])
        for _ in 0..<3 { sum.add(one) }
        #expect(sum.count == 6)
        #expect(sum.mean?.isFinite == true)
    }
}
