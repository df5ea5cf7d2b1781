import Synchronization

/// Who gets a freed place of a backend when requests of several loops wait for one.
///
/// Each loop keeps a queue of its own; shared is a word for each priority with a bit for each loop, and whose turn it was.
/// A freed place goes to the next loop in turn of those where requests of high priority wait, and only if there is none,
/// to the next where any wait. Newcomers stand behind whoever waits with at least their priority, on any loop. So while a
/// request is the first of its loop's queue, each other loop has two turns at most, and two more places go elsewhere that
/// were on their way already.
package final class WaitingLoops: Sendable {
    private let any = Atomic<UInt64>(0)
    private let urgent = Atomic<UInt64>(0)
    /// The loop that had the last turn. Two loops that give at the same moment may both give to the same one, which passes
    /// on what it cannot use.
    private let turn = Atomic<Int>(0)

    package init() {}

    package var isEmpty: Bool { any.load(ordering: .sequentiallyConsistent) == 0 }

    /// Whether a request that has just come may take a place at once.
    package func lets(pass isUrgent: Bool) -> Bool {
        let ahead =
            isUrgent ? urgent.load(ordering: .sequentiallyConsistent) : any.load(ordering: .sequentiallyConsistent)
        return ahead == 0
    }

    /// A request has been added to the queue of a loop.
    ///
    /// - Parameter loop: 0..<64.
    /// - Returns: whether the loop has to look for a place itself, for one may have been freed before it was known that
    ///   somebody waits. Where others wait, they are served first and pass on what is left.
    package func join(_ loop: Int, isUrgent: Bool) -> Bool {
        let bit: UInt64 = 1 << UInt64(loop)
        let before = any.bitwiseOr(bit, ordering: .sequentiallyConsistent).oldValue
        guard isUrgent else { return before & ~bit == 0 }
        return urgent.bitwiseOr(bit, ordering: .sequentiallyConsistent).oldValue & ~bit == 0
    }

    /// Requests have left the queue of a loop.
    ///
    /// - Parameters:
    ///   - hasUrgent: some of high priority are left.
    ///   - hasAny: some are left.
    package func left(_ loop: Int, hasUrgent: Bool, hasAny: Bool) {
        let bit: UInt64 = 1 << UInt64(loop)
        if !hasUrgent, urgent.load(ordering: .relaxed) & bit != 0 {
            urgent.bitwiseAnd(~bit, ordering: .sequentiallyConsistent)
        }
        if !hasAny { any.bitwiseAnd(~bit, ordering: .sequentiallyConsistent) }
    }

    /// A place has become free.
    ///
    /// - Returns: the loop whose turn it is; `nil` where nobody waits.
    package func next() -> Int? {
        var waiting = urgent.load(ordering: .sequentiallyConsistent)
        if waiting == 0 { waiting = any.load(ordering: .sequentiallyConsistent) }
        guard waiting != 0 else { return nil }
        // 2 << 63 is 0, and everything behind loop 63 is nothing.
        let behind = waiting & ~((2 << UInt64(turn.load(ordering: .relaxed))) &- 1)
        let next = (behind != 0 ? behind : waiting).trailingZeroBitCount
        turn.store(next, ordering: .relaxed)
        return next
    }

    /// A loop could not use a place that was its turn.
    ///
    /// - Returns: another loop to offer it to; `nil` where nobody else waits.
    package func another(than loop: Int) -> Int? {
        let others = any.load(ordering: .sequentiallyConsistent) & ~(1 << UInt64(loop))
        guard others != 0 else { return nil }
        let first = others & urgent.load(ordering: .sequentiallyConsistent)
        return (first != 0 ? first : others).trailingZeroBitCount
    }
}
