package import Telemetry

/// How durations were spread over a few seconds: what one histogram has beyond an earlier one, in half its size.
package struct Distribution: Sendable {
    /// A bucket for each of `DurationHistogram`; a few seconds never fill 32 bits.
    private var counts = InlineArray<21, UInt32>(repeating: 0)
    /// Of all durations, in nanoseconds; stays at the most 64 bits hold.
    private var sum: UInt64 = 0

    package init() {}

    /// What was recorded since.
    ///
    /// - Returns: `nil` where a count has gone back: `now` is not what `before` has become.
    package init?(_ now: DurationHistogram, since before: DurationHistogram) {
        for bucket in counts.indices {
            let (more, hasGoneBack) = now.count(inBucket: bucket).subtractingReportingOverflow(
                before.count(inBucket: bucket))
            if hasGoneBack { return nil }
            counts[bucket] = UInt32(clamping: more)
        }
        guard now.sum >= before.sum else { return nil }
        sum = UInt64(clamping: now.sum - before.sum)
    }

    package mutating func add(_ other: borrowing Distribution) {
        for bucket in counts.indices {
            let (total, overflow) = counts[bucket].addingReportingOverflow(other.counts[bucket])
            counts[bucket] = overflow ? .max : total
        }
        let (total, overflow) = sum.addingReportingOverflow(other.sum)
        sum = overflow ? .max : total
    }

    package var count: UInt64 {
        var total: UInt64 = 0
        for bucket in counts.indices { total += UInt64(counts[bucket]) }
        return total
    }

    /// In seconds; `nil` where there were none.
    package var mean: Double? {
        let count = count
        return count == 0 ? nil : Double(sum) / 1e9 / Double(count)
    }

    /// The duration, in seconds, that this share of them does not exceed, as far as the buckets tell: durations within one
    /// bucket are taken to be spread evenly, as `histogram_quantile` of Prometheus does. `nil` where there were none; for what
    /// is above the last bound, that bound.
    ///
    /// - Parameter share: 0...1.
    package func quantile(_ share: Double) -> Double? {
        let total = count
        guard total > 0 else { return nil }
        let rank = share * Double(total)
        var below: UInt64 = 0
        for bucket in 0..<DurationHistogram.boundCount {
            let here = UInt64(counts[bucket])
            if here > 0, Double(below + here) >= rank {
                let lower = bucket == 0 ? 0 : Double(DurationHistogram.bounds[bucket - 1])
                let part = (rank - Double(below)) / Double(here)
                return (lower + (Double(DurationHistogram.bounds[bucket]) - lower) * part) / 1e9
            }
            below += here
        }
        return Double(DurationHistogram.bounds[DurationHistogram.boundCount - 1]) / 1e9
    }
}
