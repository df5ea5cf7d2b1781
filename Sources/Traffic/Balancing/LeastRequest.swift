package import Base

/// Chooses among endpoints by the power of two choices: of two drawn by weight the one with fewer requests for its weight.
///
/// Nearly as even as looking at all of them, and immune to every loop choosing the same emptiest one at the same moment.
/// Where nothing is in flight the draw alone decides, and so the weights.
package struct LeastRequest: Sendable {
    private let weights: [Int]
    /// For each endpoint the sum of the weights up to it.
    private let sums: [Int]
    /// Draws for a second endpoint that differs from the first, before its neighbour is taken.
    private static let draws = 4

    /// - Parameter weights: 1...1,000,000 each.
    package init(weights: [Int]) {
        self.weights = weights
        var sum = 0
        sums = weights.map { weight in
            sum += weight
            return sum
        }
    }

    /// - Parameters:
    ///   - load: requests in flight at an endpoint.
    ///   - hasRoom: whether the endpoint may get one more.
    /// - Returns: an endpoint with room, or `nil` when none has any.
    package func pick(random: inout RandomSource, load: (Int) -> Int, hasRoom: (Int) -> Bool) -> Int? {
        guard weights.count > 1 else { return weights.count == 1 && hasRoom(0) ? 0 : nil }
        let first = draw(&random)
        var second = first
        for _ in 0..<Self.draws where second == first { second = draw(&random) }
        if second == first { second = (first + 1) % weights.count }
        let better = isBusier(first, second, load) ? second : first
        if hasRoom(better) { return better }
        // Rare: look at all of them, so that a request never waits while any endpoint has room.
        var best: Int?
        for index in weights.indices where hasRoom(index) {
            if let leader = best, !isBusier(leader, index, load) { continue }
            best = index
        }
        return best
    }

    private func draw(_ random: inout RandomSource) -> Int {
        let point = Int(random.below(UInt32(clamping: sums[sums.count - 1])))
        var low = 0
        var high = sums.count - 1
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > point { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Compares load / weight without dividing.
    private func isBusier(_ left: Int, _ right: Int, _ load: (Int) -> Int) -> Bool {
        load(left) * weights[right] > load(right) * weights[left]
    }
}
