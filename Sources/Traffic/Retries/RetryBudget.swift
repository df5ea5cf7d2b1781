package import Base
import Synchronization

/// Bounds the retries of a route to a share of its requests, over all loops, so that retries never multiply the load on
/// servers that fail because they have too much of it.
///
/// The window is the present second and the nine before it. In it there are no more retries than `percent` of the
/// requests that began in it, or, where that is more, `minimumPerSecond` in each of its seconds, so that a quiet route
/// can retry at all. A route busy enough for the percentage to be more than the minimum never has more than the
/// percentage.
///
/// For each request one atomic addition; for each retry a sum over ten seconds.
package final class RetryBudget: Sendable {
    /// Seconds: what Gateway API's `retryConstraint.budget.interval` and Finagle's budget take. Long enough to tell a
    /// rate from a burst, short enough for a budget saved in a busy time not to be spent in a quiet one.
    package static var window: UInt64 { 10 }
    /// Retries a second whatever the traffic, as in Gateway API's `minRetryRate` and Finagle.
    package static var defaultMinimum: Int { 10 }

    /// Counts of one second; its number in the upper half tells whose counts they are.
    private struct Slot: ~Copyable, Sendable {
        let requests = Atomic<UInt64>(0)
        let retries = Atomic<UInt64>(0)
    }

    private let slots: InlineArray<10, Slot>
    private let minimum: Int
    private let percentBits: Atomic<UInt64>

    /// - Parameters:
    ///   - percent: 0...100; 0 allows no retries at all.
    ///   - minimumPerSecond: at least 0.
    package init(percent: Double, minimumPerSecond: Int = RetryBudget.defaultMinimum) {
        slots = InlineArray { _ in Slot() }
        minimum = minimumPerSecond
        percentBits = Atomic(percent.bitPattern)
    }

    /// A reload changes it; what was counted stays.
    package var percent: Double {
        get { Double(bitPattern: percentBits.load(ordering: .relaxed)) }
        set { percentBits.store(newValue.bitPattern, ordering: .relaxed) }
    }

    /// A request begins; its retries are not requests of their own.
    package func countRequest(now: Instant) {
        let second = Self.second(now)
        Self.add(1, to: slots[Self.index(second)].requests, second)
    }

    /// Takes a retry out of the budget, if it allows one.
    package func take(now: Instant) -> Bool {
        let percent = percent
        guard percent > 0 else { return false }
        let second = Self.second(now)
        // Counted first and looked at afterwards: of those who come at the same moment the last one sees all the
        // others, so together they never take too many. They may take one too few, which hurts nobody.
        guard Self.add(1, to: slots[Self.index(second)].retries, second) else { return false }
        let (requests, retries) = counts(second)
        let present = Self.count(slots[Self.index(second)].retries, second)
        let share = UInt64(Double(requests) * percent / 100)
        let isQuiet =
            present <= UInt64(clamping: minimum)
            && retries <= UInt64(clamping: minimum) * Self.window
        if retries <= share || isQuiet { return true }
        _ = Self.add(-1, to: slots[Self.index(second)].retries, second)
        return false
    }

    /// Requests and retries in the window.
    package func counts(now: Instant) -> (requests: Int, retries: Int) {
        let (requests, retries) = counts(Self.second(now))
        return (Int(clamping: requests), Int(clamping: retries))
    }

    private func counts(_ second: UInt64) -> (requests: UInt64, retries: UInt64) {
        var sum: (requests: UInt64, retries: UInt64) = (0, 0)
        for back in 0..<Self.window {
            let past = second &- back
            sum.requests += Self.count(slots[Self.index(past)].requests, past)
            sum.retries += Self.count(slots[Self.index(past)].retries, past)
        }
        return sum
    }

    // MARK: - Slots

    /// Begins at the window's length, so that looking back from the start of the clock does not wrap.
    private static func second(_ now: Instant) -> UInt64 { now.nanoseconds / 1_000_000_000 + window }
    private static func index(_ second: UInt64) -> Int { Int(second % window) }

    private static func count(_ counter: borrowing Atomic<UInt64>, _ second: UInt64) -> UInt64 {
        let seen = counter.load(ordering: .sequentiallyConsistent)
        return seen >> 32 == second & 0xFFFF_FFFF ? seen & 0xFFFF_FFFF : 0
    }

    /// - Returns: false if the slot already counts a later second: a loop that has been held up for a whole window
    ///   finds its clock reading out of date, and what it has to add is no longer in the window.
    @discardableResult
    private static func add(_ change: Int64, to counter: borrowing Atomic<UInt64>, _ second: UInt64) -> Bool {
        let owner = second & 0xFFFF_FFFF
        var seen = counter.load(ordering: .relaxed)
        while true {
            if seen >> 32 > owner { return false }
            // Never below zero or beyond 32 bits: what is taken off was added, and no second has four billion requests.
            let count = seen >> 32 == owner ? seen & 0xFFFF_FFFF : 0
            let desired = owner << 32 | UInt64(clamping: Int64(count) + change)
            let (exchanged, found) = counter.weakCompareExchange(
                expected: seen, desired: desired, ordering: .sequentiallyConsistent)
            if exchanged { return true }
            seen = found
        }
    }
}
