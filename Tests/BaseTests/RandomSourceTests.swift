import Base
import Testing

struct RandomSourceTests {
    @Test func equalSeedsGiveEqualSequences() {
        for seed in [0, 1, 42, .max] as [UInt64] {
            var first = RandomSource(seed: seed)
            var second = RandomSource(seed: seed)
            #expect((0..<100).map { _ in first.next() } == (0..<100).map { _ in second.next() })
        }
    }

    @Test func neighbouringSeedsGiveDifferentSequences() {
        let firsts = (0..<1000 as Range<UInt64>).map { seed in
            var random = RandomSource(seed: seed)
            return random.next()
        }
        #expect(Set(firsts).count == 1000)
    }

    /// The all-zero state would stay at zero for ever.
    @Test(arguments: [0, 1, .max] as [UInt64]) func doesNotGetStuck(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        #expect(Set((0..<1000).map { _ in random.next() }).count == 1000)
    }

    @Test(arguments: [1, 2, 3, 7, 10, 100, 1000] as [UInt32]) func staysBelowItsBoundEvenly(_ bound: UInt32) {
        var random = RandomSource(seed: UInt64(bound))
        let expected = 2000
        var counts = [Int](repeating: 0, count: Int(bound))
        for _ in 0..<(expected * Int(bound)) {
            let drawn = random.below(bound)
            guard drawn < bound else {
                Issue.record("\(drawn) is not below \(bound)")
                return
            }
            counts[Int(drawn)] += 1
        }
        // Six standard deviations of a binomial count around 2000.
        #expect(counts.allSatisfy { abs($0 - expected) < 270 }, "\(counts.min() ?? 0)...\(counts.max() ?? 0)")
    }

    @Test func keepsToExtremeBounds() {
        var random = RandomSource(seed: 9)
        var highest: UInt32 = 0
        for _ in 0..<1000 {
            #expect(random.below(0) == 0)
            #expect(random.below(1) == 0)
            highest = max(highest, random.below(.max))
        }
        #expect(highest > UInt32.max - (UInt32.max / 100))
        #expect(highest < .max)
    }

    @Test(arguments: [
        (0, 0), (-5, 0), (100, 100_000), (250, 100_000), (-Double.infinity, 0), (.infinity, 100_000), (.nan, 0),
    ])
    func chanceIsCertainAtItsEnds(_ percent: Double, _ hits: Int) {
        var random = RandomSource(seed: 3)
        #expect((0..<100_000).count { _ in random.chance(percent: percent) } == hits)
    }

    @Test(arguments: [0.1, 1, 12.5, 50, 99, 99.9]) func chanceFollowsThePercentage(_ percent: Double) {
        var random = RandomSource(seed: 4)
        let draws = 200_000
        let hits = Double((0..<draws).count { _ in random.chance(percent: percent) })
        let share = percent / 100
        let deviation = (Double(draws) * share * (1 - share)).squareRoot()
        #expect(abs(hits - Double(draws) * share) < 5 * deviation, "\(hits)")
    }
}
