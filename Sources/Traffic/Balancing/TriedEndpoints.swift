/// The endpoints one request has been sent to, by index, so that a retry goes elsewhere.
///
/// Nearly every backend has at most 64 endpoints and is then served by one word, without an allocation; the few places a
/// retry has been to beyond that are looked through one by one.
package struct TriedEndpoints: Sendable, Equatable {
    private var first: UInt64 = 0
    private var beyond: [Int] = []

    package init() {}

    package var isEmpty: Bool { first == 0 && beyond.isEmpty }
    package var count: Int { first.nonzeroBitCount &+ beyond.count }

    /// - Parameter index: of an endpoint in its backend, 0 or more.
    package func contains(_ index: Int) -> Bool {
        index < UInt64.bitWidth ? first & (1 << UInt64(index)) != 0 : beyond.contains(index)
    }

    package mutating func insert(_ index: Int) {
        if index < UInt64.bitWidth {
            first |= 1 << UInt64(index)
        } else if !beyond.contains(index) {
            beyond.append(index)
        }
    }

    package mutating func formUnion(_ other: TriedEndpoints) {
        first |= other.first
        for index in other.beyond { insert(index) }
    }

    /// For the next request, or when every endpoint has had its turn.
    package mutating func removeAll() {
        first = 0
        beyond.removeAll(keepingCapacity: true)
    }
}
