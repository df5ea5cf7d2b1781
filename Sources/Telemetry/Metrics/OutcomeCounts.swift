/// How often each outcome happened, as one loop counts it: plain numbers in place, no heap.
package struct OutcomeCounts<Outcome: OutcomeLabel>: Sendable {
    /// The largest outcome table has six cases; one cache line holds eight counters.
    package static var capacity: Int { 8 }

    @usableFromInline var counts = InlineArray<8, UInt64>(repeating: 0)

    @inlinable package init() {}

    /// The count of one outcome. Counts only grow, and wrap after 2^64.
    @inlinable package subscript(outcome: Outcome) -> UInt64 {
        counts[Int(outcome.rawValue)]
    }

    /// Counts one.
    @inlinable package mutating func count(_ outcome: Outcome) {
        counts[Int(outcome.rawValue)] &+= 1
    }

    /// Adds what another loop counted.
    @inlinable package mutating func add(_ other: borrowing OutcomeCounts<Outcome>) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
    }
}
