package import Base
import Synchronization

/// Who gets a freed place of a backend when requests of several loops wait for one.
///
/// Each loop keeps a queue of its own; shared are words with a bit for each loop, and since when the first of its queue has
/// waited. A freed place goes to the loop whose first has waited longest, of those with high priority if there are any.
/// Newcomers stand behind whoever waits with at least their priority, on any loop. So all loops together are served nearly as
/// one queue would be: before the first of a loop's queue go those that came before it, and two more for each loop at most,
/// whose places were on their way already when it became the oldest.
///
/// Requests that can use only certain endpoints wait beside these: nobody stands behind them, for what they wait for may be
/// of no use to others, and what is free of none to them. Every other place is first offered to them, to each loop that has
/// some, in turn.
package final class WaitingLoops: Sendable {
    private let any = Atomic<UInt64>(0)
    private let urgent = Atomic<UInt64>(0)
    private let choosy = Atomic<UInt64>(0)
    /// For each loop, since when the first of its queue waits; of use only where its bit is set. Two loops that give at the
    /// same moment may both give to the same one, which passes on what it cannot use.
    private let heads: InlineArray<64, Head>
    /// The loop that had the last turn.
    private let choosyTurn = Atomic<Int>(0)
    private let offers = Atomic<UInt64>(0)

    private struct Head: ~Copyable, Sendable {
        let urgent = Atomic<UInt64>(0)
        let normal = Atomic<UInt64>(0)
    }

    package init() { heads = InlineArray { _ in Head() } }

    package var isEmpty: Bool {
        any.load(ordering: .sequentiallyConsistent) == 0 && choosy.load(ordering: .sequentiallyConsistent) == 0
    }

    /// Whether a request that has just come, and can use every endpoint, may take a place at once.
    package func lets(pass isUrgent: Bool) -> Bool {
        let ahead =
            isUrgent ? urgent.load(ordering: .sequentiallyConsistent) : any.load(ordering: .sequentiallyConsistent)
        return ahead == 0
    }

    /// Whether requests wait that can use only certain endpoints.
    package var hasChoosy: Bool { choosy.load(ordering: .sequentiallyConsistent) != 0 }

    // MARK: Waiting

    /// A request has been added to the queue of a loop.
    ///
    /// - Parameters:
    ///   - loop: 0..<64.
    ///   - since: when it came to wait, if it is the first of its priority; else `nil`.
    /// - Returns: whether the loop has to look for a place itself, for one may have been freed before it was known that
    ///   somebody waits. Where others wait, they are served first and pass on what is left.
    package func join(_ loop: Int, isUrgent: Bool, since: Instant?) -> Bool {
        let bit: UInt64 = 1 << UInt64(loop)
        // Before the bit that says that it holds.
        if let since {
            if isUrgent {
                heads[loop].urgent.store(since.nanoseconds, ordering: .relaxed)
            } else {
                heads[loop].normal.store(since.nanoseconds, ordering: .relaxed)
            }
        }
        let before = any.bitwiseOr(bit, ordering: .sequentiallyConsistent).oldValue
        guard isUrgent else { return before & ~bit == 0 }
        return urgent.bitwiseOr(bit, ordering: .sequentiallyConsistent).oldValue & ~bit == 0
    }

    /// The same for one that can use only certain endpoints. The loop always has to look for itself.
    package func joinChoosy(_ loop: Int) { choosy.bitwiseOr(1 << UInt64(loop), ordering: .sequentiallyConsistent) }

    /// Requests have left the queue of a loop.
    ///
    /// - Parameters:
    ///   - urgentSince: since when the first of high priority waits; `nil` if none is left.
    ///   - normalSince: the same for the others.
    package func left(_ loop: Int, urgentSince: Instant?, normalSince: Instant?) {
        let bit: UInt64 = 1 << UInt64(loop)
        if let urgentSince {
            heads[loop].urgent.store(urgentSince.nanoseconds, ordering: .relaxed)
        } else if urgent.load(ordering: .relaxed) & bit != 0 {
            urgent.bitwiseAnd(~bit, ordering: .sequentiallyConsistent)
        }
        if let normalSince { heads[loop].normal.store(normalSince.nanoseconds, ordering: .relaxed) }
        if urgentSince == nil && normalSince == nil { any.bitwiseAnd(~bit, ordering: .sequentiallyConsistent) }
    }

    /// The last one that can use only certain endpoints has left the queue of a loop.
    package func leftChoosy(_ loop: Int) { choosy.bitwiseAnd(~(1 << UInt64(loop)), ordering: .sequentiallyConsistent) }

    // MARK: Places

    /// A loop to which a freed place is given.
    package enum Turn: Equatable {
        /// For the first of its queue.
        case first(Int)
        /// For whoever can use it of those that cannot use every endpoint.
        case choosy(Int)
    }

    /// A place has become free.
    ///
    /// - Returns: `nil` where nobody waits.
    package func next() -> Turn? {
        guard hasChoosy else { return nextFirst().map { .first($0) } }
        let isOffered = offers.wrappingAdd(1, ordering: .relaxed).oldValue & 1 == 0
        if isOffered || any.load(ordering: .sequentiallyConsistent) == 0, let loop = nextChoosy(notIn: 0) {
            return .choosy(loop)
        }
        return nextFirst().map { .first($0) }
    }

    /// The loop for the first of whose queue a place is.
    package func nextFirst() -> Int? { oldest(of: ~0) }

    private func oldest(of loops: UInt64) -> Int? {
        let urgent = urgent.load(ordering: .sequentiallyConsistent) & loops
        var left = urgent != 0 ? urgent : any.load(ordering: .sequentiallyConsistent) & loops
        var best: (loop: Int, since: UInt64)?
        while left != 0 {
            let loop = left.trailingZeroBitCount
            left &= left &- 1
            let since =
                urgent != 0
                ? heads[loop].urgent.load(ordering: .relaxed) : heads[loop].normal.load(ordering: .relaxed)
            if let best, best.since <= since { continue }
            best = (loop, since)
        }
        return best?.loop
    }

    /// The next loop to be offered a place.
    ///
    /// - Parameter asked: a bit for each loop that could not use it.
    package func nextChoosy(notIn asked: UInt64) -> Int? {
        Self.take(choosyTurn, of: choosy.load(ordering: .sequentiallyConsistent) & ~asked)
    }

    private static func take(_ turn: borrowing Atomic<Int>, of waiting: UInt64) -> Int? {
        guard waiting != 0 else { return nil }
        // 2 << 63 is 0, and everything behind loop 63 is nothing.
        let behind = waiting & ~((2 << UInt64(turn.load(ordering: .relaxed))) &- 1)
        let next = (behind != 0 ? behind : waiting).trailingZeroBitCount
        turn.store(next, ordering: .relaxed)
        return next
    }

    /// A loop could not use a place that was its turn.
    ///
    /// - Returns: another loop to give it to; `nil` where nobody else waits.
    package func another(than loop: Int) -> Int? { oldest(of: ~(1 << UInt64(loop))) }
}
