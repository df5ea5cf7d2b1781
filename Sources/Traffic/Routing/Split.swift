package import Base

/// Smooth weighted round robin: of any run of picks each entry gets its share to within one.
///
/// Every pick adds each weight to its entry's credit, takes the entry with the most credit, and takes the sum of the weights
/// off it. It starts at a random place of its cycle, so that many loops (or gateways) do not all begin with the same entry.
package struct Split {
    private var weights: [Int]
    private var credits: [Int]
    /// Picks skipped at the start at most, so that a reload of many routes stays quick. Only splits over three entries and
    /// more whose weights have no common measure have longer cycles; theirs begin in the first part of it.
    private static let maxSkipped = 10_000

    package init(weights: [Int], random: inout RandomSource) {
        self.weights = weights
        credits = weights.map { _ in 0 }
        let total = weights.reduce(0, +)
        let active = weights.indices.filter { weights[$0] > 0 }
        if active.count == 2 {
            // The credits of two entries are each other's opposite, and over a cycle take each value in this range once.
            let credit = Int(random.below(UInt32(clamping: total))) - total / 2
            credits[active[0]] = credit
            credits[active[1]] = -credit
        } else if active.count > 2 {
            let cycle = total / active.reduce(0) { Self.greatestCommonDivisor($0, weights[$1]) }
            for _ in 0..<random.below(UInt32(min(cycle, Self.maxSkipped))) { _ = next { _ in true } }
        }
    }

    private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        var (left, right) = (left, right)
        while right != 0 { (left, right) = (right, left % right) }
        return left
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
