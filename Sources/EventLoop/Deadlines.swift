public import Base

/// Something with at most one point in time at which it wants to be called.
///
/// Moving the deadline later costs a store: the heap keeps the old time, and the entry is put back when that comes. Idle
/// and exchange timeouts move with every byte, so this is what keeps them free.
///
/// Open, like the channels below, because Swift lets another module subclass nothing else.
open class Timed {
    /// When `expired` is due. Set it with `Deadlines.set`.
    package fileprivate(set) final var deadline = Instant.never
    fileprivate final var queuedFor = Instant.never
    fileprivate final var index = -1

    package init() {}

    /// The deadline has passed and been cleared.
    open func expired(now: Instant) {}
}

/// The deadlines of one loop: a binary heap whose entries know their place.
package struct Deadlines {
    private var heap: ContiguousArray<Timed> = []

    package init() {}

    package var count: Int { heap.count }

    /// The earliest time at which something may be due.
    package var earliest: Instant { heap.isEmpty ? .never : heap[0].queuedFor }

    package mutating func set(_ timed: Timed, _ deadline: Instant) {
        timed.deadline = deadline
        if timed.index >= 0 {
            guard deadline < timed.queuedFor else { return }
            timed.queuedFor = deadline
            siftUp(timed.index)
        } else if deadline != .never {
            timed.queuedFor = deadline
            timed.index = heap.count
            heap.append(timed)
            siftUp(timed.index)
        }
    }

    /// Forgets it at once, so that what is gone is not kept alive until its time would have come.
    package mutating func remove(_ timed: Timed) {
        timed.deadline = .never
        let index = timed.index
        guard index >= 0 else { return }
        let last = heap.removeLast()
        timed.index = -1
        guard last !== timed else { return }
        heap[index] = last
        last.index = index
        siftDown(index)
        siftUp(last.index)
    }

    /// The next one that is due; entries whose deadline has moved are put back.
    package mutating func popExpired(now: Instant) -> Timed? {
        while let top = heap.first, top.queuedFor <= now {
            if top.deadline <= now {
                remove(top)
                return top
            }
            if top.deadline == .never {
                remove(top)
            } else {
                top.queuedFor = top.deadline
                siftDown(0)
            }
        }
        return nil
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child &- 1) / 2
            guard heap[child].queuedFor < heap[parent].queuedFor else { return }
            exchange(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var smallest = 2 &* parent &+ 1
            guard smallest < heap.count else { return }
            if smallest &+ 1 < heap.count, heap[smallest &+ 1].queuedFor < heap[smallest].queuedFor { smallest &+= 1 }
            guard heap[smallest].queuedFor < heap[parent].queuedFor else { return }
            exchange(smallest, parent)
            parent = smallest
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        heap.swapAt(left, right)
        heap[left].index = left
        heap[right].index = right
    }
}
