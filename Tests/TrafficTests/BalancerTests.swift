import Base
import Testing
import Traffic

/// What holds whatever the policy: order of candidates, room, eligibility, panic.
struct BalancerTests {
    @Test(arguments: BalancedEndpoints.Kind.allCases) func oneOrNone(_ kind: BalancedEndpoints.Kind) {
        var random = RandomSource(seed: 1)
        for key in [nil, 7] as [UInt64?] {
            let none = BalancedEndpoints([])
            #expect(none.pick(none.balancer(kind, random: &random, panic: 50), &random, key: key) == nil)
            var one = BalancedEndpoints([5])
            let balancer = one.balancer(kind, random: &random)
            #expect(one.pick(balancer, &random, key: key) == 0)
            one.limits = [0]
            #expect(one.pick(balancer, &random, key: key) == nil)
            one.limits = [1]
            one.unusable = [0]
            #expect(one.pick(balancer, &random, key: key) == nil)
        }
    }

    /// Every call with one more endpoint tried gives another one, until none is left. 100 are more than one word of bits.
    @Test(arguments: BalancedEndpoints.Kind.allCases, [1, 2, 7, 64, 65, 100]) func everyTryGoesElsewhere(
        _ kind: BalancedEndpoints.Kind, _ count: Int
    ) {
        var random = RandomSource(seed: UInt64(count))
        let endpoints = BalancedEndpoints((0..<count).map { 1 + $0 % 3 })
        let balancer = endpoints.balancer(kind, random: &random)
        for key in [nil, 1, 2, 3] as [UInt64?] {
            var tried = TriedEndpoints()
            var order: [Int] = []
            while let next = endpoints.pick(balancer, &random, key: key, tried: tried) {
                order.append(next)
                tried.insert(next)
                if order.count > count { break }
            }
            #expect(order.sorted() == Array(0..<count), "\(order)")
            #expect(tried.count == count)
        }
    }

    @Test func triedEndpointsAreASet() {
        var tried = TriedEndpoints()
        #expect(tried.isEmpty && !tried.contains(0) && !tried.contains(500))
        for index in [0, 63, 64, 500, 63, 500] { tried.insert(index) }
        #expect(tried.count == 4 && !tried.isEmpty)
        #expect((0..<600).filter(tried.contains) == [0, 63, 64, 500])
        tried.removeAll()
        #expect(tried == TriedEndpoints() && tried.count == 0)
    }

    /// Against a plain statement of the rules: what is chosen may be, and nothing is chosen only if nothing may be.
    @Test(arguments: BalancedEndpoints.Kind.allCases, 0..<40 as Range<UInt64>) func choosesWhatMayBeChosen(
        _ kind: BalancedEndpoints.Kind, _ seed: UInt64
    ) {
        var random = RandomSource(seed: seed)
        for step in 0..<100 {
            let count = 1 + Int(random.below(9))
            var endpoints = BalancedEndpoints((0..<count).map { _ in 1 + Int(random.below(5)) })
            for index in 0..<count {
                endpoints.loads[index] = Int(random.below(4))
                endpoints.limits[index] = Int(random.below(5))
                if random.below(3) == 0 { endpoints.unusable.insert(index) }
                if random.below(6) == 0 { endpoints.ineligible.insert(index) }
            }
            var tried = TriedEndpoints()
            for index in 0..<count where random.below(5) == 0 { tried.insert(index) }
            let panic = Int(random.below(101))
            let balancer = endpoints.balancer(kind, random: &random, panic: panic)

            let eligible = (0..<count).filter { !endpoints.ineligible.contains($0) }
            let usable = eligible.filter { !endpoints.unusable.contains($0) }
            let candidates = usable.count * 100 < panic * eligible.count ? eligible : usable
            let free = candidates.filter { !tried.contains($0) && endpoints.loads[$0] < endpoints.limits[$0] }
            let keyed = random.below(2) == 0
            let pick = endpoints.pick(balancer, &random, key: keyed ? random.next() : nil, tried: tried)
            if let pick {
                #expect(free.contains(pick), "seed \(seed), step \(step)")
            } else if kind != .hash || !keyed {
                #expect(free.isEmpty, "seed \(seed), step \(step)")
            }
            let canServe = balancer.canServe(
                isUsable: { !endpoints.unusable.contains($0) }, isEligible: { !endpoints.ineligible.contains($0) })
            #expect(canServe == !candidates.isEmpty, "seed \(seed), step \(step)")
            let isPanicking = balancer.isPanicking(
                isUsable: { !endpoints.unusable.contains($0) }, isEligible: { !endpoints.ineligible.contains($0) })
            #expect(isPanicking == (usable.count * 100 < panic * eligible.count), "seed \(seed), step \(step)")
        }
    }

    @Test(arguments: [
        (50, 4, 2, false), (50, 4, 1, true), (50, 2, 1, false), (50, 3, 1, true), (50, 1, 0, true), (0, 4, 0, false),
        (100, 4, 4, false), (100, 4, 3, true), (1, 4, 0, true), (1, 4, 1, false), (50, 0, 0, false), (-5, 2, 0, false),
        (400, 2, 2, false),
    ]) func panicThreshold(_ percent: Int, _ count: Int, _ usable: Int, _ isReached: Bool) {
        #expect(PanicThreshold(percent: Double(percent)).isReached(usable: usable, of: count) == isReached)
    }

    /// At half the endpoints the usable ones serve alone; below that all do, those that are down as well.
    @Test(arguments: [BalancedEndpoints.Kind.roundRobin, .leastRequest]) func panicSpreadsOverAll(
        _ kind: BalancedEndpoints.Kind
    ) {
        var random = RandomSource(seed: 5)
        var endpoints = BalancedEndpoints.equal(10)
        let balancer = endpoints.balancer(kind, random: &random, panic: 50)
        func picks() -> [Int] {
            var picks = [Int](repeating: 0, count: 10)
            for _ in 0..<10_000 { picks[endpoints.pick(balancer, &random) ?? 0] += 1 }
            return picks
        }
        endpoints.unusable = [0, 1, 2, 3, 4]
        var counts = picks()
        #expect(counts[..<5].allSatisfy { $0 == 0 }, "\(counts)")
        #expect(chiSquare(Array(counts[5...]), [1, 1, 1, 1, 1]) < chiSquareBound(4), "\(counts)")
        endpoints.unusable.insert(5)
        counts = picks()
        #expect(chiSquare(counts, [Double](repeating: 1, count: 10)) < chiSquareBound(9), "\(counts)")
        endpoints.unusable.remove(0)
        #expect(picks()[1] == 0)
    }

    /// While all are usable nobody counts them.
    @Test func asksOnlyForWhatItLooksAt() {
        var random = RandomSource(seed: 6)
        let endpoints = BalancedEndpoints.equal(1000)
        for (kind, atMost) in [(BalancedEndpoints.Kind.leastRequest, 3), (.hash, 1)] {
            let balancer = endpoints.balancer(kind, random: &random, panic: 50)
            for key in 0..<100 as Range<UInt64> {
                var asked = 0
                _ = balancer.pick(
                    now: Instant(nanoseconds: 0), random: &random, key: key, load: { _ in 0 },
                    isUsable: { _ in
                        asked += 1
                        return true
                    }, hasRoom: { _ in true })
                #expect(asked <= atMost)
            }
        }
    }

    /// A key waits for its own endpoint while that is full, and moves only when that is down.
    @Test func aKeyWaitsForItsEndpoint() {
        var random = RandomSource(seed: 7)
        var endpoints = BalancedEndpoints.equal(5)
        let balancer = endpoints.balancer(.hash, random: &random)
        for key in 0..<50 as Range<UInt64> {
            guard let owner = endpoints.pick(balancer, &random, key: key) else { continue }
            endpoints.limits[owner] = 0
            #expect(endpoints.pick(balancer, &random, key: key) == nil)
            endpoints.unusable = [owner]
            let other = endpoints.pick(balancer, &random, key: key)
            #expect(other != nil && other != owner)
            endpoints.limits[owner] = .max
            endpoints.unusable = []
            #expect(endpoints.pick(balancer, &random, key: key) == owner)
        }
    }

    @Test func requestsWithoutAKeyAreBalanced() {
        var random = RandomSource(seed: 8)
        var endpoints = BalancedEndpoints.equal(2)
        endpoints.loads = [9, 0]
        let balancer = endpoints.balancer(.hash, random: &random)
        for _ in 0..<100 { #expect(endpoints.pick(balancer, &random) == 1) }
    }
}
