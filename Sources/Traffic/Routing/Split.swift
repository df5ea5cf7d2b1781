package import Base

/// Smooth weighted round robin: of any run of picks each entry gets its share to within one.
///
/// Every pick adds each weight to its entry's credit, takes the entry with the most credit, and takes the sum of the weights
/// off it. Credits start at random, so that many loops (or gateways) do not all begin with the same entry.
package struct Split {
    private var weights: [Int]
    private var credits: [Int]

    package init(weights: [Int], random: inout RandomSource) {
        self.weights = weights
        let total = weights.reduce(0, +)
        credits = weights.map { weight in
            // Within the credits a running split passes through, so that the first picks keep to the shares as well.
            weight == 0 || weight == total ? 0 : Int(random.below(UInt32(weight))) - weight / 2
        }
        if let last = credits.indices.last(where: { weights[$0] > 0 }) { credits[last] -= credits.reduce(0, +) }
    }

    /// - Parameter isUsable: entries for which it is false are passed over, and the others share what was theirs.
    /// - Returns: an entry with a weight above 0, or `nil` if none is usable.
    package mutating func next(isUsable: (Int) -> Bool) -> Int? {
        var best: Int?
        var total = 0
        for index in weights.indices where weights[index] > 0 && isUsable(index) {
            total += weights[index]
            credits[index] += weights[index]
            if let leader = best, credits[leader] >= credits[index] { continue }
            best = index
        }
        if let best { credits[best] -= total }
        return best
    }
}
