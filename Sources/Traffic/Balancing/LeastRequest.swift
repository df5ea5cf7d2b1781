package import Base

/// Chooses among endpoints by the power of two choices: of two drawn by weight the one with fewer requests for its weight
/// (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
///
/// Nearly as even as looking at all of them, and immune to every loop choosing the same emptiest one at the same moment.
/// Where nothing is in flight the draw alone decides, and so the weights.
package struct LeastRequest: Sendable {
    private let weights: [Int]
    /// For each endpoint the sum of the weights up to it.
    private let sums: [Int]
    /// Quick draws before all endpoints are looked at: one of 16 is missed where half may not be chosen.
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
    ///   - isAllowed: whether the endpoint may be chosen at all.
    ///   - hasRoom: whether the endpoint may get one more.
    ///   - factor: the part of its weight that counts, in thousandths (`SlowStart`).
    /// - Returns: an endpoint that is allowed and has room, or `nil` when there is none.
    package func pick(
        random: inout RandomSource, load: (Int) -> Int, isAllowed: (Int) -> Bool = { _ in true },
        hasRoom: (Int) -> Bool, factor: (Int) -> Int = { _ in SlowStart.whole }
    ) -> Int? {
        guard weights.count > 1 else { return weights.count == 1 && isAllowed(0) && hasRoom(0) ? 0 : nil }
        guard let first = draw(&random, isAllowed, factor) else { return nil }
        var second = first
        for _ in 0..<Self.draws where second == first { second = draw(&random, isAllowed, factor) ?? first }
        if second == first { second = neighbour(of: first, isAllowed) }
        let better = isBusier(first, second, load, factor) ? second : first
        if hasRoom(better) { return better }
        // Rare: look at all of them, so that a request never waits while any endpoint has room. Of equal ones the nearest
        // to where the draw fell, so that not all of these go to the first.
        var best: Int?
        for step in 0..<weights.count {
            let index = (first + step) % weights.count
            guard isAllowed(index) && hasRoom(index) else { continue }
            if let leader = best, !isBusier(leader, index, load, factor) { continue }
            best = index
        }
        return best
    }

    /// One that is allowed, by its weight as it counts now; `nil` if none is.
    func draw(_ random: inout RandomSource, _ isAllowed: (Int) -> Bool, _ factor: (Int) -> Int) -> Int? {
        for _ in 0..<Self.draws {
            let index = draw(&random)
            guard isAllowed(index) else { continue }
            let factor = factor(index)
            if factor >= SlowStart.whole || random.point(below: SlowStart.whole) < factor { return index }
        }
        // What cannot be drawn quickly is drawn exactly.
        var total = 0
        for index in weights.indices where isAllowed(index) { total += weights[index] * factor(index) }
        var point = random.point(below: total)
        for index in weights.indices where isAllowed(index) {
            point -= weights[index] * factor(index)
            if point < 0 { return index }
        }
        return nil
    }

    private func draw(_ random: inout RandomSource) -> Int {
        let point = random.point(below: sums[sums.count - 1])
        return partitionPoint(in: sums.indices) { sums[$0] <= point }
    }

    /// The next endpoint that is allowed; itself if there is no other.
    private func neighbour(of first: Int, _ isAllowed: (Int) -> Bool) -> Int {
        for step in 1..<weights.count {
            let index = (first + step) % weights.count
            if isAllowed(index) { return index }
        }
        return first
    }

    /// Compares load / weight without dividing.
    private func isBusier(_ left: Int, _ right: Int, _ load: (Int) -> Int, _ factor: (Int) -> Int) -> Bool {
        load(left) * weights[right] * factor(right) > load(right) * weights[left] * factor(left)
    }
}
