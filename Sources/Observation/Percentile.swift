package import Telemetry

extension DurationHistogram {
    /// The duration, in seconds, that this share of the recorded ones does not exceed, as far as the buckets tell: durations
    /// within one bucket are taken to be spread evenly, as `histogram_quantile` of Prometheus does. `nil` where nothing was
    /// recorded; for what is above the last bound, that bound.
    ///
    /// - Parameter share: 0...1.
    package func quantile(_ share: Double) -> Double? {
        let total = count
        guard total > 0 else { return nil }
        let rank = share * Double(total)
        var below: UInt64 = 0
        for bucket in 0..<Self.boundCount {
            let here = count(inBucket: bucket)
            if here > 0, Double(below + here) >= rank {
                let lower = bucket == 0 ? 0 : Double(Self.bounds[bucket - 1])
                let part = (rank - Double(below)) / Double(here)
                return (lower + (Double(Self.bounds[bucket]) - lower) * part) / 1e9
            }
            below += here
        }
        return Double(Self.bounds[Self.boundCount - 1]) / 1e9
    }
}
