import Base
import Testing
import Traffic

struct LeastQueueTests {
    static func counts(_ endpoints: BalancedEndpoints, seed: UInt64, picks: Int = 4000) -> [Int] {
        var random = RandomSource(seed: seed)
        let balancer = endpoints.balancer(.leastQueue, random: &random)
        var counts = endpoints.weights.map { _ in 0 }
        for _ in 0..<picks { endpoints.pick(balancer, &random).map { counts[$0] += 1 } }
        return counts
    }

    /// Where nothing is known it is `leastRequest`: the same choices from the same randomness.
    @Test(arguments: 0..<20 as Range<UInt64>) func isLeastRequestWithoutNumbers(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        var endpoints = BalancedEndpoints((0..<(2 + Int(seed % 6))).map { _ in 1 + Int(random.below(4)) })
        let queue = endpoints.balancer(.leastQueue, random: &random)
        let request = endpoints.balancer(.leastRequest, random: &random)
        for _ in 0..<200 {
            for index in endpoints.loads.indices { endpoints.loads[index] = Int(random.below(5)) }
            var left = random
            var right = random
            #expect(endpoints.pick(queue, &left) == endpoints.pick(request, &right))
            _ = random.next()
        }
    }

    @Test(arguments: [2, 5, 32]) func takesTheLeast(_ count: Int) {
        var endpoints = BalancedEndpoints.equal(count)
        endpoints.loads[count - 1] = 50
        endpoints.times = (0..<count).map { 100 + Double(count - $0) * 10 }
        #expect(Self.counts(endpoints, seed: 1)[count - 1] == 4000)
        endpoints.limits[count - 1] = 50
        #expect(Self.counts(endpoints, seed: 1)[count - 2] == 4000)
        endpoints.unusable = [count - 2]
        #expect(Self.counts(endpoints, seed: 1)[count - 2] == 0)
    }

    /// What is within a twentieth is as good, and drawn by weight; what is beyond is not.
    @Test(arguments: 0..<5 as Range<UInt64>) func nearTiesAreDrawnByWeight(_ seed: UInt64) {
        var endpoints = BalancedEndpoints([3, 1, 5])
        endpoints.times = [1000, 1049, 1060]
        let counts = Self.counts(endpoints, seed: seed)
        #expect(counts[2] == 0)
        #expect(chiSquare(Array(counts[..<2]), [3, 1]) < chiSquareBound(1), "\(counts)")
    }

    /// Of many, eight are looked at: the slow third gets next to nothing, and the fast ones share.
    @Test(arguments: 0..<3 as Range<UInt64>) func looksAtSomeOfMany(_ seed: UInt64) {
        var endpoints = BalancedEndpoints.equal(90)
        endpoints.times = (0..<90).map { $0 < 30 ? 5000 : 1000 }
        let counts = Self.counts(endpoints, seed: seed, picks: 6000)
        #expect(counts[..<30].reduce(0, +) < 12, "\(counts)")
        #expect(chiSquare(Array(counts[30...]), [Double](repeating: 1, count: 60)) < chiSquareBound(59), "\(counts)")
        // None waits while any has room.
        endpoints.limits = (0..<90).map { $0 == 17 ? .max : 0 }
        #expect(Self.counts(endpoints, seed: seed, picks: 50)[17] == 50)
        endpoints.limits = endpoints.limits.map { _ in 0 }
        #expect(Self.counts(endpoints, seed: seed, picks: 50).allSatisfy { $0 == 0 })
    }

    /// Who is drawn by weight is not weighed again, and of those that may not be used none is drawn.
    @Test(arguments: 0..<3 as Range<UInt64>) func manyShareByWeight(_ seed: UInt64) {
        var endpoints = BalancedEndpoints((0..<60).map { $0 < 40 ? ($0 < 20 ? 1 : 3) : 5 })
        endpoints.times = [Double](repeating: 1000, count: 60)
        endpoints.unusable = Set(40..<60)
        let counts = Self.counts(endpoints, seed: seed)
        #expect(counts[40...].allSatisfy { $0 == 0 }, "\(counts)")
        let (light, heavy) = (counts[..<20].reduce(0, +), counts[20..<40].reduce(0, +))
        // Eight that are drawn are not always eight, which makes it a little less than three times as many.
        #expect(2.2..<3.5 ~= Double(heavy) / Double(light), "\(light) \(heavy)")
    }

    @Test func looksAtFewOfMany() {
        var random = RandomSource(seed: 3)
        let balancer = Balancer(.leastQueue(LeastQueue(weights: [Int](repeating: 1, count: 1000))), endpoints: 1000)
        var asked = 0
        _ = balancer.pick(
            now: Instant(nanoseconds: 0), random: &random, load: { _ in 0 }, isEstimated: true,
            expectedTime: { _ in
                asked += 1
                return 1
            }, isUsable: { _ in true }, hasRoom: { _ in true })
        #expect((1...LeastQueue.draws).contains(asked))
    }

    /// A newcomer at a tenth of its weight is as one that is ten times as slow.
    @Test func slowStartMakesItSlower() {
        var random = RandomSource(seed: 4)
        var endpoints = BalancedEndpoints.equal(2)
        let start = Instant(nanoseconds: 1_000_000_000_000)
        endpoints.joined = [1: start]
        let balancer = endpoints.balancer(.leastQueue, random: &random, slowStart: .seconds(10))
        for (seconds, time, expected) in [(0, 9, 1), (0, 12, 0), (5, 40, 1), (5, 60, 0), (10, 90, 1), (10, 120, 0)] {
            endpoints.times = [100, Double(time)]
            let now = start + .seconds(UInt64(seconds))
            for _ in 0..<20 { #expect(endpoints.pick(balancer, &random, now: now) == expected, "\(seconds) \(time)") }
        }
    }

    /// Of two that are as good one is drawn by weight, and a newcomer has a tenth of its own at first.
    @Test func slowStartCountsAmongEqualsToo() {
        var random = RandomSource(seed: 5)
        var endpoints = BalancedEndpoints.equal(2)
        let start = Instant(nanoseconds: 1_000_000_000_000)
        endpoints.joined = [1: start]
        endpoints.times = [1000, 100]
        let balancer = endpoints.balancer(.leastQueue, random: &random, slowStart: .seconds(10))
        var counts = [0, 0]
        for _ in 0..<4000 { endpoints.pick(balancer, &random, now: start).map { counts[$0] += 1 } }
        #expect(chiSquare(counts, [10, 1]) < chiSquareBound(1), "\(counts)")
    }
}
