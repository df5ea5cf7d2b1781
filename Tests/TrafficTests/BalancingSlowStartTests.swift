import Base
import Testing
import Traffic

struct BalancingSlowStartTests {
    static let start = Instant(nanoseconds: 5_000_000_000)

    @Test(arguments: [
        (0, 100), (1, 100), (2_999, 100), (3_000, 100), (3_030, 101), (6_000, 200), (15_000, 500), (29_999, 999),
        (30_000, 1000), (90_000, 1000),
    ]) func growsFromATenthToTheWhole(_ milliseconds: UInt64, _ factor: Int) {
        let slowStart = SlowStart(.seconds(30))
        let now = Self.start + .milliseconds(milliseconds)
        #expect(slowStart.factor(joined: Self.start, now: now) == factor)
    }

    @Test func extremes() {
        let now = Self.start
        #expect(SlowStart().factor(joined: now, now: now) == SlowStart.whole)
        #expect(!SlowStart().isOn && !SlowStart(Nanoseconds(0)).isOn && SlowStart(Nanoseconds(1)).isOn)
        #expect(SlowStart(.seconds(30)).factor(joined: nil, now: now) == SlowStart.whole)
        // Joined ahead of a clock that was read earlier.
        #expect(SlowStart(.seconds(30)).factor(joined: now + .seconds(1), now: now) == SlowStart.least)
        let longest = SlowStart(Nanoseconds(.max))
        #expect(longest.factor(joined: Instant(nanoseconds: 0), now: Instant(nanoseconds: .max / 2)) == 499)
        #expect(longest.factor(joined: Instant(nanoseconds: 0), now: Instant(nanoseconds: .max - 1)) == 999)
        #expect(SlowStart(Nanoseconds(7)).factor(joined: now, now: Instant(nanoseconds: now.nanoseconds + 6)) == 857)
    }

    @Test func neverShrinks() {
        let slowStart = SlowStart(Nanoseconds(1_234_567_891))
        let factors = (0..<2000 as Range<UInt64>).map {
            slowStart.factor(joined: Self.start, now: Self.start + .milliseconds($0))
        }
        #expect(zip(factors, factors.dropFirst()).allSatisfy { $0 <= $1 && $1 - $0 <= 1 })
        #expect(factors.first == SlowStart.least && factors.last == SlowStart.whole)
    }

    /// What one endpoint of four gets while it starts, at several times.
    @Test(arguments: [BalancedEndpoints.Kind.roundRobin, .leastRequest], [0, 6, 15, 24, 30] as [UInt64])
    func sharesFollowTheCurve(_ kind: BalancedEndpoints.Kind, _ seconds: UInt64) {
        var random = RandomSource(seed: seconds)
        var endpoints = BalancedEndpoints([1, 2, 1, 4])
        endpoints.joined = [3: Self.start]
        let balancer = endpoints.balancer(kind, random: &random, slowStart: .seconds(30))
        let now = Self.start + .seconds(seconds)
        var counts = [0, 0, 0, 0]
        for _ in 0..<20_000 { counts[endpoints.pick(balancer, &random, now: now) ?? 0] += 1 }
        let weight = 4 * max(0.1, Double(seconds) / 30)
        #expect(chiSquare(counts, [1, 2, 1, weight]) < chiSquareBound(3), "\(counts)")
    }

    /// One that has nearly all the weight is spared as much as any other.
    @Test func aHeavyEndpointIsSparedToo() {
        var random = RandomSource(seed: 9)
        var endpoints = BalancedEndpoints([1, 99])
        endpoints.joined = [1: Self.start]
        let balancer = endpoints.balancer(.leastRequest, random: &random, slowStart: .seconds(30))
        var counts = [0, 0]
        for _ in 0..<20_000 { counts[endpoints.pick(balancer, &random, now: Self.start) ?? 0] += 1 }
        #expect(chiSquare(counts, [1, 9.9]) < chiSquareBound(1), "\(counts)")
    }

    /// When all have just come, as at the start of a gateway, the weights hold.
    @Test(arguments: [BalancedEndpoints.Kind.roundRobin, .leastRequest]) func allAtOnceShareByWeight(
        _ kind: BalancedEndpoints.Kind
    ) {
        var random = RandomSource(seed: 10)
        var endpoints = BalancedEndpoints([1, 2, 5])
        endpoints.joined = [0: Self.start, 1: Self.start, 2: Self.start]
        let balancer = endpoints.balancer(kind, random: &random, slowStart: .seconds(30))
        var counts = [0, 0, 0]
        for _ in 0..<20_000 { counts[endpoints.pick(balancer, &random, now: Self.start) ?? 0] += 1 }
        #expect(chiSquare(counts, [1, 2, 5]) < chiSquareBound(2), "\(counts)")
    }

    /// With many requests under way the starting endpoint also holds only its part of them.
    @Test func theLoadFollowsTheCurve() {
        var random = RandomSource(seed: 11)
        var endpoints = BalancedEndpoints.equal(4)
        endpoints.joined = [0: Self.start]
        let balancer = endpoints.balancer(.leastRequest, random: &random, slowStart: .seconds(30))
        var underWay: [Int] = []
        for _ in 0..<20_000 {
            if underWay.count == 350 {
                underWay.swapAt(Int(random.below(350)), 349)
                endpoints.loads[underWay.removeLast()] -= 1
            }
            guard let pick = endpoints.pick(balancer, &random, now: Self.start + .seconds(15)) else { continue }
            endpoints.loads[pick] += 1
            underWay.append(pick)
        }
        #expect(abs(endpoints.loads[0] - 50) <= 12, "\(endpoints.loads)")
    }

    @Test func nobodyAsksWithoutSlowStart() {
        var random = RandomSource(seed: 12)
        let balancer = BalancedEndpoints.equal(3).balancer(.roundRobin, random: &random)
        _ = balancer.pick(
            now: Self.start, random: &random, load: { _ in 0 }, isUsable: { _ in true }, hasRoom: { _ in true },
            joined: { _ in
                Issue.record("asked")
                return nil
            })
    }
}
