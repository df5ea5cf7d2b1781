import Glibc

/// A split that always sends the same key to the same entry: weighted rendezvous hashing (Schindelhauer and Schomaker,
/// "Weighted Distributed Hash Tables", 2005).
///
/// Each entry draws a number for the key, from the key and its own name alone, and the weights say how much the draws
/// count. So the entries get their shares of the keys, and when weights move, a key goes from one entry to another only if
/// the weight of the second has grown in relation to that of the first. Of two entries, or where one weight alone has
/// changed, exactly those keys move that must.
package struct StickySplit: Sendable {
    private var entries: [(name: UInt64, weight: Double)]

    /// - Parameter entries: names, unique, and weights from 0 up.
    package init(_ entries: [(name: String, weight: Int)]) {
        self.entries = entries.map { entry in
            (Array(entry.name.utf8).withUnsafeBytes { KeyHash.hash($0) }, Double(entry.weight))
        }
    }

    /// - Parameters:
    ///   - keyHash: evenly spread over all numbers, as `KeyHash` makes them.
    ///   - isUsable: entries for which it is false are passed over; their keys spread over the others.
    /// - Returns: an entry with a weight above 0, or `nil` if none is usable.
    package func choose(keyHash: UInt64, isUsable: (Int) -> Bool) -> Int? {
        var best: Int?
        var least = Double.infinity
        for index in entries.indices where entries[index].weight > 0 && isUsable(index) {
            // Between 0 and 1, neither of them. The entry whose exponentially distributed time is up first wins, and they
            // run at the speed of the weights.
            let draw = (Double(KeyHash.mix(keyHash ^ entries[index].name) >> 11) + 0.5) * 0x1p-53
            let time = -log(draw) / entries[index].weight
            if time < least {
                least = time
                best = index
            }
        }
        return best
    }
}
