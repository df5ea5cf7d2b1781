import Base
import Dispatch
import Synchronization
import Testing
import Traffic

@Suite struct RetryBudgetTests {
    private func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    private func takes(_ budget: RetryBudget, _ wanted: Int, now: Instant) -> Int {
        (0..<wanted).count { _ in budget.take(now: now) }
    }

    /// A route that does next to nothing can retry, ten times a second.
    @Test func aQuietRouteHasItsMinimum() {
        let budget = RetryBudget(percent: 20)
        for second in 0..<30 as Range<UInt64> {
            #expect(takes(budget, 50, now: at(second * 1000)) == 10)
            #expect(takes(budget, 50, now: at(second * 1000 + 999)) == 0)
        }
        #expect(budget.counts(now: at(29_999)).retries == 100)
    }

    @Test func aBusyRouteHasItsPercentage() {
        let budget = RetryBudget(percent: 20)
        for millisecond in 0..<10_000 as Range<UInt64> { budget.countRequest(now: at(millisecond)) }
        #expect(budget.counts(now: at(9999)) == (10_000, 0))
        #expect(takes(budget, 5000, now: at(9999)) == 2000)
        #expect(budget.counts(now: at(9999)) == (10_000, 2000))
        // The requests of the first second fall out of the window.
        #expect(takes(budget, 100, now: at(10_000)) == 0)
    }

    @Test func whatIsOldIsForgotten() {
        let budget = RetryBudget(percent: 50, minimumPerSecond: 0)
        for _ in 0..<100 { budget.countRequest(now: at(500)) }
        #expect(takes(budget, 10, now: at(600)) == 10)
        #expect(budget.counts(now: at(9999)) == (100, 10) && budget.counts(now: at(10_000)) == (0, 0))
        #expect(takes(budget, 10, now: at(10_000)) == 0 && takes(budget, 1, now: at(1_000_000)) == 0)
    }

    @Test func zeroAllowsNone() {
        let budget = RetryBudget(percent: 0)
        for _ in 0..<1000 { budget.countRequest(now: at(1)) }
        #expect(takes(budget, 100, now: at(2)) == 0)
        // A reload turns it on, with what was counted.
        budget.percent = 1.5
        #expect(budget.percent == 1.5 && takes(budget, 100, now: at(3)) == 15)
    }

    /// A loop whose clock reading is a whole window old neither counts nor takes.
    @Test func aReadingFromBeforeTheWindowIsOfNoUse() {
        let budget = RetryBudget(percent: 100)
        budget.countRequest(now: at(20_000))
        #expect(budget.take(now: at(20_000)))
        budget.countRequest(now: at(10_000))
        #expect(takes(budget, 5, now: at(10_000)) == 0 && budget.counts(now: at(20_000)) == (1, 1))
    }

    /// Against a plain list of all that happened: at each retry taken the share holds, and one that is refused would
    /// have broken it.
    @Test(arguments: 0..<100 as Range<UInt64>) func keepsToTheShareWhateverComes(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let percent = Double(random.below(1000)) / 10 + 0.1
        let minimum = Int(random.below(12))
        let budget = RetryBudget(percent: percent, minimumPerSecond: minimum)
        var requests: [UInt64: Int] = [:]
        var retries: [UInt64: Int] = [:]
        var now = at(0)
        for _ in 0..<3000 {
            // Mostly bursts, now and then a pause, at times longer than the window.
            now = now + .milliseconds(random.below(100) == 0 ? UInt64(random.below(14_000)) : UInt64(random.below(30)))
            let second = now.nanoseconds / 1_000_000_000
            if random.below(3) != 0 {
                budget.countRequest(now: now)
                requests[second, default: 0] += 1
                continue
            }
            let window = (second < 9 ? 0 : second - 9)...second
            let began = window.reduce(0) { $0 + requests[$1, default: 0] }
            let taken = window.reduce(0) { $0 + retries[$1, default: 0] } + 1
            let isQuiet = retries[second, default: 0] + 1 <= minimum && taken <= minimum * 10
            let isAllowed = Double(taken) <= (Double(began) * percent / 100).rounded(.down) || isQuiet
            #expect(budget.take(now: now) == isAllowed, "seed \(seed)")
            if isAllowed { retries[second, default: 0] += 1 }
        }
    }

    /// Threads that take together never take too many.
    @Test func threadsKeepToTheShare() {
        let budget = RetryBudget(percent: 10, minimumPerSecond: 0)
        let taken = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for step in 0..<4000 as Range<UInt64> {
                let now = at(step / 8)
                budget.countRequest(now: now)
                if budget.take(now: now) { taken.add(1, ordering: .relaxed) }
            }
        }
        let count = taken.load(ordering: .relaxed)
        #expect(count <= 3200 && count > 2000)
        #expect(budget.counts(now: at(500)) == (32_000, count))
    }
}
