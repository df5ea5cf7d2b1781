package import Base

/// Chooses the endpoint where one more request would be done first, by what is known of the queues of its model there.
///
/// Requests under way are counted as they are now, over all loops, so loops do not run after one another; what endpoints
/// say of others' requests is some hundred milliseconds old, and `ModelBoard` lets it fade. Of endpoints that are as good as
/// each other one is drawn by weight, so that gateways beside each other do not all find the same one best.
package struct LeastQueue: Sendable {
    /// Up to so many endpoints all are looked at: about a microsecond's work. Of more, some drawn by weight.
    package static let lookLimit = 32
    /// With one of eight there is one among the best eighth in two of three cases, at a quarter of the work.
    package static let draws = 8
    /// What differs by less is as good: service times are known no better than that.
    private static let nearTie = 1.05

    private let weights: [Int]
    private let leastRequest: LeastRequest

    /// - Parameter weights: 1...1,000,000 each.
    package init(weights: [Int]) {
        self.weights = weights
        leastRequest = LeastRequest(weights: weights)
    }

    private struct Candidate {
        var index: Int
        var time: Double
        /// By which it is drawn among its like.
        var weight: Int
    }

    /// - Parameters:
    ///   - isEstimated: whether anything is known of the model; otherwise this is `leastRequest`.
    ///   - expectedTime: until one more request would be done at an endpoint, in any unit.
    ///   - load: requests in flight at an endpoint.
    ///   - isAllowed: whether the endpoint may be chosen at all.
    ///   - hasRoom: whether the endpoint may get one more.
    ///   - factor: the part of its weight that counts, in thousandths (`SlowStart`): it is taken to be that much slower.
    /// - Returns: an endpoint that is allowed and has room, or `nil` when there is none.
    package func pick(
        random: inout RandomSource, isEstimated: Bool, expectedTime: (Int) -> Double, load: (Int) -> Int,
        isAllowed: (Int) -> Bool = { _ in true }, hasRoom: (Int) -> Bool,
        factor: (Int) -> Int = { _ in SlowStart.whole }
    ) -> Int? {
        guard isEstimated, weights.count > 1 else {
            return leastRequest.pick(
                random: &random, load: load, isAllowed: isAllowed, hasRoom: hasRoom, factor: factor)
        }
        func candidate(_ index: Int) -> Candidate {
            let factor = factor(index)
            return Candidate(
                index: index, time: Self.time(expectedTime(index), factor: factor),
                weight: weights[index] * factor)
        }
        if weights.count > Self.lookLimit {
            let drawn: Int? = withUnsafeTemporaryAllocation(of: Candidate.self, capacity: Self.draws) { candidates in
                var count = 0
                for _ in 0..<Self.draws {
                    guard let index = leastRequest.draw(&random, isAllowed, factor) else { return nil }
                    guard hasRoom(index), !candidates[..<count].contains(where: { $0.index == index }) else { continue }
                    // Drawn by weight already.
                    var found = candidate(index)
                    found.weight = 1
                    candidates.initializeElement(at: count, to: found)
                    count += 1
                }
                return Self.best(candidates[..<count], &random)
            }
            if let drawn { return drawn }
        }
        return withUnsafeTemporaryAllocation(of: Candidate.self, capacity: weights.count) { candidates in
            var count = 0
            for index in weights.indices where isAllowed(index) && hasRoom(index) {
                candidates.initializeElement(at: count, to: candidate(index))
                count += 1
            }
            return Self.best(candidates[..<count], &random)
        }
    }

    /// What is compared: an endpoint that starts slowly is taken to be that much slower.
    ///
    /// - Parameter factor: in thousandths, at least 1.
    static func time(_ expected: Double, factor: Int) -> Double { expected * Double(SlowStart.whole) / Double(factor) }

    private static func best(
        _ candidates: Slice<UnsafeMutableBufferPointer<Candidate>>, _ random: inout RandomSource
    ) -> Int? {
        var least = Double.infinity
        for candidate in candidates { least = min(least, candidate.time) }
        let bound = least * nearTie
        var total = 0
        for candidate in candidates where candidate.time <= bound { total += candidate.weight }
        var point = random.point(below: total)
        for candidate in candidates where candidate.time <= bound {
            point -= candidate.weight
            if point < 0 { return candidate.index }
        }
        return candidates.first?.index
    }
}
