/// How many answers had each pair of status code and cause, for one series of one loop.
///
/// A series sees a handful of pairs, so they are a short list searched from the pair that was hit last. An endpoint can send
/// any three-digit status; from the `capacity`-th pair on an unseen one is counted under the code 0, which
/// the exposition calls `other`, and so the number of label sets stays bounded.
package struct ResponseCounts: Sendable {
    /// Pairs kept apart. Twice what HTTP registers as status codes in common use and every cause; 1 KiB at the most.
    package static let capacity = 64

    /// The count of one pair.
    package struct Entry: Sendable, Equatable {
        /// HTTP status as the client saw it, 499 when the client left, 0 for all that found no place in the list.
        package var code: UInt16
        package var cause: Cause
        package var count: UInt64
    }

    /// In order of first appearance.
    package private(set) var entries: [Entry] = []
    private var last = 0

    package init() {}

    /// Counts one answer.
    package mutating func count(code: UInt16, cause: Cause) {
        add(code: code, cause: cause, count: 1)
    }

    /// Adds what another loop counted.
    package mutating func add(_ other: borrowing ResponseCounts) {
        for entry in other.entries { add(code: entry.code, cause: entry.cause, count: entry.count) }
    }

    /// The sum of all counts.
    package var total: UInt64 { entries.reduce(0) { $0 &+ $1.count } }

    private mutating func add(code: UInt16, cause: Cause, count: UInt64) {
        if last < entries.count, entries[last].code == code, entries[last].cause == cause {
            entries[last].count &+= count
            return
        }
        if let found = index(code: code, cause: cause) {
            last = found
        } else if entries.count < Self.capacity {
            last = entries.count
            entries.append(Entry(code: code, cause: cause, count: 0))
        } else if let found = index(code: 0, cause: .none) {
            last = found
        } else {
            // The only pair above the capacity.
            last = entries.count
            entries.append(Entry(code: 0, cause: .none, count: 0))
        }
        entries[last].count &+= count
    }

    private func index(code: UInt16, cause: Cause) -> Int? {
        entries.firstIndex { $0.code == code && $0.cause == cause }
    }
}
