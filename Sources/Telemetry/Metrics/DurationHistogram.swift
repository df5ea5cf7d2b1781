/// A histogram of durations with fixed buckets, recorded by one loop.
///
/// The bounds follow the 1 - 2.5 - 5 steps that dashboards expect, from 100 µs, below which a gateway adds more than it
/// measures, to 60 s, and on to 300 s for answers that are generated while they are read. A duration belongs to the first
/// bucket whose bound it does not exceed, so a wait of 0 is in the first.
///
/// Neighbouring bounds are at least a factor of two apart: among the durations that share their highest set bit at most one
/// bound can lie. `record` therefore looks up that bit and compares once. The value is 192 bytes in place, no heap.
package struct DurationHistogram: Sendable {
    /// How many bounds there are; there is one bucket more, for what is above the last.
    package static let boundCount = 20

    /// Upper bounds in nanoseconds, inclusive and increasing; the last entry is the bucket without a bound.
    package static let bounds: InlineArray<21, UInt64> = [
        100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000,
        10_000_000, 25_000_000, 50_000_000,
        100_000_000, 250_000_000, 500_000_000,
        1_000_000_000, 2_500_000_000, 5_000_000_000,
        10_000_000_000, 30_000_000_000, 60_000_000_000,
        120_000_000_000, 300_000_000_000,
        .max,
    ]

    /// For each position of the highest set bit, the first bound that is not below the smallest number with that bit.
    static let firstBound: InlineArray<64, UInt8> = {
        var table = InlineArray<64, UInt8>(repeating: 0)
        for bit in table.indices {
            let smallest = UInt64(1) << UInt64(bit)
            var bound = 0
            while bounds[bound] < smallest { bound += 1 }
            table[bit] = UInt8(bound)
        }
        return table
    }()

    private var counts = InlineArray<21, UInt64>(repeating: 0)

    /// Sum of everything recorded, in nanoseconds. A thousand requests at a time fill 64 bits in 213 days; 128 never fill.
    package private(set) var sum: UInt128 = 0

    package init() {}

    /// Counts one duration.
    package mutating func record(nanoseconds: UInt64) {
        let bit = 63 - (nanoseconds | 1).leadingZeroBitCount
        let first = Int(Self.firstBound[bit])
        counts[first + (nanoseconds > Self.bounds[first] ? 1 : 0)] &+= 1
        sum &+= UInt128(nanoseconds)
    }

    /// Adds what another loop recorded.
    package mutating func add(_ other: borrowing DurationHistogram) {
        for bucket in counts.indices { counts[bucket] &+= other.counts[bucket] }
        sum &+= other.sum
    }

    /// How many durations fell in the bucket with this index, 0...`boundCount`, not counting the buckets below.
    package func count(inBucket bucket: Int) -> UInt64 { counts[bucket] }

    /// How many durations were recorded.
    package var count: UInt64 {
        var total: UInt64 = 0
        for bucket in counts.indices { total &+= counts[bucket] }
        return total
    }
}
