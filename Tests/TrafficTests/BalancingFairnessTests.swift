import Base
import Testing
import Traffic

/// How evenly endpoints are chosen, by their weights.
struct BalancingFairnessTests {
    /// Of any run of picks each endpoint gets its share to within two: one for the schedule, one for where it began.
    @Test(arguments: [[1], [1, 1], [4, 1], [1, 2, 3], [5, 5, 5], [50, 30, 20], [7, 11, 13, 17], [98, 1, 1]])
    func roundRobinKeepsToTheShares(_ weights: [Int]) {
        let total = Double(weights.reduce(0, +))
        for seed in 0..<50 as Range<UInt64> {
            var random = RandomSource(seed: seed)
            let policy = RoundRobin(weights: weights, random: &random)
            let picks = (0..<600).map { _ in policy.pick() }
            for (index, weight) in weights.enumerated() {
                // How far ahead of its share the endpoint is: between any two points that may change by two at most.
                var ahead = 0.0
                var (least, most) = (0.0, 0.0)
                for pick in picks {
                    ahead += (pick == index ? 1 : 0) - Double(weight) / total
                    (least, most) = (min(least, ahead), max(most, ahead))
                }
                #expect(most - least <= 2, "seed \(seed), endpoint \(index): \(least)...\(most)")
            }
        }
    }

    /// Many loops must not all begin with the same endpoint, nor go on in the same order.
    @Test func roundRobinsBeginAtRandom() {
        var starts = [Int](repeating: 0, count: 8)
        var orders: Set<[Int?]> = []
        for seed in 0..<4000 as Range<UInt64> {
            var random = RandomSource(seed: seed)
            let policy = RoundRobin(weights: [Int](repeating: 1, count: 8), random: &random)
            let order = (0..<8).map { _ in policy.pick() }
            #expect(Set(order).count == 8)
            orders.insert(order)
            starts[(order[0]) ?? 0] += 1
        }
        #expect(chiSquare(starts, [Double](repeating: 1, count: 8)) < chiSquareBound(7), "\(starts)")
        #expect(orders.count > 3000)
    }

    @Test func roundRobinGoesOnAsBeforeWhenAnEndpointComesBack() {
        for seed in 0..<20 as Range<UInt64> {
            var random = RandomSource(seed: seed)
            let policy = RoundRobin(weights: [3, 1, 1], random: &random)
            for _ in 0..<37 { _ = policy.pick() }
            var counts = [0, 0, 0]
            for _ in 0..<1000 { counts[policy.pick(isAllowed: { $0 != 0 }) ?? 0] += 1 }
            #expect(counts[0] == 0 && abs(counts[1] - 500) <= 2, "\(counts)")
            counts = [0, 0, 0]
            for _ in 0..<500 { counts[policy.pick() ?? 0] += 1 }
            // It is not paid what it missed.
            #expect(abs(counts[0] - 300) <= 2 && abs(counts[1] - 100) <= 2, "\(counts)")
        }
    }

    static let weights: [[Int]] = [
        [1, 1], [3, 1], [1, 9], [5, 3, 2], [1, 2, 3, 4], [1000, 1, 1, 1], [Int](repeating: 1, count: 20),
    ]

    /// Where nothing is in flight the draw decides: its shares are the weights, to the accuracy chance allows.
    @Test(arguments: weights, 0..<3 as Range<UInt64>) func leastRequestDrawsByWeight(_ weights: [Int], _ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let endpoints = BalancedEndpoints(weights)
        let balancer = endpoints.balancer(.leastRequest, random: &random)
        var counts = weights.map { _ in 0 }
        for _ in 0..<20_000 { counts[endpoints.pick(balancer, &random) ?? 0] += 1 }
        #expect(chiSquare(counts, weights.map(Double.init)) < chiSquareBound(weights.count - 1), "\(counts)")
    }

    /// The same with most of the weight out of use, which the quick draws find nothing in.
    @Test(arguments: 0..<5 as Range<UInt64>) func leastRequestDrawsByWeightAmongTheUsable(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        var endpoints = BalancedEndpoints([10_000, 5, 20_000, 3, 2])
        endpoints.unusable = [0, 2]
        let balancer = endpoints.balancer(.leastRequest, random: &random)
        var counts = [0, 0, 0, 0, 0]
        for _ in 0..<20_000 { counts[endpoints.pick(balancer, &random) ?? 0] += 1 }
        #expect(counts[0] == 0 && counts[2] == 0)
        #expect(chiSquare([counts[1], counts[3], counts[4]], [5, 3, 2]) < chiSquareBound(2), "\(counts)")
    }

    /// Sums of weights beyond 32 bits are drawn from evenly as well.
    @Test func heavyWeightsAreAllDrawn() {
        var random = RandomSource(seed: 4)
        let endpoints = BalancedEndpoints([Int](repeating: 1_000_000, count: 6000))
        let balancer = endpoints.balancer(.leastRequest, random: &random)
        var tenths = [Int](repeating: 0, count: 10)
        for _ in 0..<20_000 { tenths[(endpoints.pick(balancer, &random) ?? 0) / 600] += 1 }
        #expect(chiSquare(tenths, [Double](repeating: 1, count: 10)) < chiSquareBound(9), "\(tenths)")
    }
}
