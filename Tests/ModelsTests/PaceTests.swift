import Base
import Models
import Testing

@Suite struct PaceTests {
    private static let start = Instant(nanoseconds: 5_000_000_000)

    @Test func theFirstQuestionsAreSpread() {
        var random = RandomSource(seed: 1)
        let first = (0..<1000).map { _ in Pace(interval: .seconds(1), now: Self.start, random: &random).next }
        #expect(first.allSatisfy { $0 >= Self.start && $0 <= Self.start + .milliseconds(200) })
        #expect(Set(first).count > 900)
    }

    @Test func anIntervalIsTenPercentMoreOrLess() {
        var random = RandomSource(seed: 2)
        var pace = Pace(interval: .milliseconds(500), now: Self.start, random: &random)
        var (shortest, longest) = (UInt64.max, UInt64.min)
        for _ in 0..<1000 {
            pace.succeed(now: Self.start, random: &random)
            let span = pace.next.since(Self.start).count
            (shortest, longest) = (min(shortest, span), max(longest, span))
        }
        #expect(450_000_000..<455_000_000 ~= shortest && 545_000_000...550_000_000 ~= longest)
    }

    @Test func whoFailsIsAskedLessOften() {
        var random = RandomSource(seed: 3)
        var pace = Pace(interval: .milliseconds(500), now: Self.start, random: &random)
        var seconds: [Double] = []
        for _ in 0..<100 {
            pace.fail(now: Self.start, random: &random)
            seconds.append(Double(pace.next.since(Self.start).count) / 1e9)
        }
        #expect(0.9...1.1 ~= seconds[0] && 1.8...2.2 ~= seconds[1] && 3.6...4.4 ~= seconds[2])
        #expect(seconds[10...].allSatisfy { 9...11 ~= $0 })
        pace.succeed(now: Self.start, random: &random)
        #expect(pace.failures == 0 && pace.next.since(Self.start) < .milliseconds(600))
    }

    @Test func aLongIntervalStaysLong() {
        var random = RandomSource(seed: 4)
        var pace = Pace(interval: .seconds(3600), now: Self.start, random: &random)
        for _ in 0..<100 { pace.fail(now: Self.start, random: &random) }
        #expect(pace.next.since(Self.start) > .seconds(3200) && pace.next.since(Self.start) < .seconds(4000))
        pace.refuse(now: Self.start, random: &random)
        #expect(pace.next.since(Self.start) > .seconds(3200))
    }

    @Test func whoDoesNotKnowTheQuestionIsAskedSeldom() {
        var random = RandomSource(seed: 5)
        var pace = Pace(interval: .seconds(2), now: Self.start, random: &random)
        pace.refuse(now: Self.start, random: &random)
        #expect(pace.next.since(Self.start) >= .seconds(54) && pace.next.since(Self.start) <= .seconds(66))
        pace.ask(at: Self.start + .seconds(1))
        #expect(pace.next == Self.start + .seconds(1))
        pace.ask(at: Self.start + .seconds(2))
        #expect(pace.next == Self.start + .seconds(1))
    }
}
