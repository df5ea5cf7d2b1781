import Base
import Testing
import Traffic

struct SplitTests {
    static func picks(_ weights: [Int], seed: UInt64, count: Int, isUsable: (Int) -> Bool = { _ in true }) -> [Int?] {
        var random = RandomSource(seed: seed)
        var split = Split(weights: weights, random: &random)
        return (0..<count).map { _ in split.next(isUsable: isUsable) }
    }

    /// Of any `window` picks in sequence, how many go to `entry`: the least and the most.
    static func bounds(_ picks: [Int?], of entry: Int, window: Int) -> ClosedRange<Int> {
        var inWindow = picks[..<window].count { $0 == entry }
        var (least, most) = (inWindow, inWindow)
        for next in window..<picks.count {
            inWindow += (picks[next] == entry ? 1 : 0) - (picks[next - window] == entry ? 1 : 0)
            (least, most) = (min(least, inWindow), max(most, inWindow))
        }
        return least...most
    }

    /// Every entry gets its share of any 100 picks in sequence to within one, from the first pick on.
    @Test(arguments: [
        [80, 20], [20, 80], [4, 1], [50, 50], [1, 1], [99, 1], [1, 99], [90, 10], [95, 5], [800_000, 200_000],
        [80, 20, 0], [0, 80, 0, 20], [70, 30],
        [50, 30, 20], [80, 15, 5], [1, 1, 1, 1, 1], [98, 1, 1], [25, 25, 25, 25],
    ])
    func keepsToTheSharesInAnyHundred(_ weights: [Int]) {
        let total = weights.reduce(0, +)
        for seed in 0..<200 as Range<UInt64> {
            let picks = Self.picks(weights, seed: seed, count: 500)
            for (entry, weight) in weights.enumerated() {
                let bounds = Self.bounds(picks, of: entry, window: 100)
                let share = weight * 100 / total
                #expect(
                    bounds.lowerBound >= share - 1 && bounds.upperBound <= share + 1,
                    "seed \(seed), entry \(entry): \(bounds)")
            }
        }
    }

    @Test(arguments: [[1, 2, 3], [7, 11, 13, 17], [3, 1_000_000], [5, 5, 5]])
    func sharesAreExactOverLongRuns(_ weights: [Int]) {
        let total = weights.reduce(0, +)
        let count = 50_000
        let picks = Self.picks(weights, seed: 5, count: count)
        for (entry, weight) in weights.enumerated() {
            let expected = Double(count) * Double(weight) / Double(total)
            #expect(abs(Double(picks.count { $0 == entry }) - expected) <= 2, "entry \(entry)")
        }
    }

    @Test func anEntryOfWeightZeroGetsNothing() {
        for seed in 0..<50 as Range<UInt64> {
            let picks = Self.picks([0, 3, 0, 1, 0], seed: seed, count: 400)
            #expect(Set(picks) == [1, 3], "seed \(seed)")
            // Not even when nothing else is left.
            #expect(Self.picks([0, 3, 0], seed: seed, count: 10) { $0 != 1 } == [Int?](repeating: nil, count: 10))
        }
        #expect(Self.picks([], seed: 1, count: 1) == [nil])
        #expect(Self.picks([1], seed: 1, count: 3) == [0, 0, 0])
    }

    @Test func othersShareWhatAnUnusableEntryWouldGet() {
        let picks = Self.picks([50, 30, 20], seed: 3, count: 1000) { $0 != 0 }
        #expect(picks.count { $0 == 0 } == 0)
        #expect(abs(picks.count { $0 == 1 } - 600) <= 2)
        #expect(abs(picks.count { $0 == 2 } - 400) <= 2)
        #expect(Self.picks([1, 1], seed: 3, count: 5) { _ in false } == [Int?](repeating: nil, count: 5))
    }

    /// An entry that comes back gets its share and no more: it is not paid what it missed.
    @Test func goesOnAsBeforeWhenAnEntryComesBack() {
        for seed in 0..<50 as Range<UInt64> {
            var random = RandomSource(seed: seed)
            var split = Split(weights: [80, 20], random: &random)
            for _ in 0..<37 { _ = split.next { _ in true } }
            for _ in 0..<5000 { #expect(split.next { $0 == 1 } == 1) }
            let after = (0..<500).map { _ in split.next { _ in true } }
            #expect((78...82).contains(Self.bounds(after, of: 0, window: 100).lowerBound), "seed \(seed)")
            #expect((78...82).contains(Self.bounds(after, of: 0, window: 100).upperBound), "seed \(seed)")
        }
    }

    /// Many loops, and many gateways, must not all begin with the same entry.
    @Test func beginsAtARandomPhase() {
        let starts = (0..<2000 as Range<UInt64>).map { Self.picks([80, 20], seed: $0, count: 1)[0] }
        let share = starts.count { $0 == 1 }
        #expect((320...480).contains(share), "\(share) of 2000 begin with the smaller entry")
        let sequences = Set((0..<200 as Range<UInt64>).map { Self.picks([80, 20], seed: $0, count: 5) })
        #expect(sequences.count == 5)
    }

    @Test func picksAreSpreadOut() {
        for seed in 0..<50 as Range<UInt64> {
            let picks = Self.picks([80, 20], seed: seed, count: 1000)
            let places = picks.indices.filter { picks[$0] == 1 }
            #expect(zip(places, places.dropFirst()).allSatisfy { (4...6).contains($1 - $0) }, "seed \(seed)")
        }
    }
}
