/// How often gRPC calls ended with each status code (0...16), as one loop counts it: plain numbers in place, no heap.
package struct GRPCStatusCounts: Sendable {
    private var counts = InlineArray<17, UInt64>(repeating: 0)

    package init() {}

    /// Counts one call. Codes above 16 do not exist, and are not counted.
    package mutating func count(_ status: UInt8) {
        guard status < 17 else { return }
        counts[Int(status)] &+= 1
    }

    /// Adds what another loop counted.
    package mutating func add(_ other: borrowing GRPCStatusCounts) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
    }

    /// The codes that occurred.
    package var entries: [(status: Int, count: UInt64)] {
        counts.indices.filter { counts[$0] > 0 }.map { ($0, counts[$0]) }
    }
}
