import Glibc

/// Fixed-size blocks of memory, recycled by one event loop.
///
/// A handle of plain bits, for it is passed on with every piece that is sent: a class would be counted many times for each
/// request. Whoever makes one calls `deallocate` in the end.
package struct BlockPool {
    /// Usable bytes of a block: with its header it fills 16 KiB, a size malloc serves without a fresh mapping.
    package static let blockBytes = 16 * 1024 - MemoryLayout<Header>.stride
    /// Free blocks kept for reuse: 4 MiB of them, more than a loop needs between two bursts.
    private static let kept = 256

    struct Header {
        var next: UnsafeMutablePointer<Header>?
        var start: Int
        var end: Int
    }

    private struct Spare {
        var first: UnsafeMutablePointer<Header>?
        var count = 0
    }

    private let spare = UnsafeMutablePointer<Spare>.allocate(capacity: 1)

    package init() { spare.initialize(to: Spare()) }

    /// Gives all memory back. No queue may hold a block of it any more.
    package func deallocate() {
        while let block = spare.pointee.first {
            spare.pointee.first = block.pointee.next
            Glibc.free(block)
        }
        spare.deallocate()
    }

    func take() -> UnsafeMutablePointer<Header> {
        if let block = spare.pointee.first {
            spare.pointee.first = block.pointee.next
            spare.pointee.count &-= 1
            block.pointee = Header(next: nil, start: 0, end: 0)
            return block
        }
        guard let memory = malloc(16 * 1024) else { preconditionFailure("out of memory") }
        let block = memory.bindMemory(to: Header.self, capacity: 1)
        block.initialize(to: Header(next: nil, start: 0, end: 0))
        return block
    }

    func give(_ block: UnsafeMutablePointer<Header>) {
        guard spare.pointee.count < Self.kept else {
            Glibc.free(block)
            return
        }
        block.pointee.next = spare.pointee.first
        spare.pointee.first = block
        spare.pointee.count &+= 1
    }
}

/// Bytes on their way out: a chain of pooled blocks. Empty, it holds no memory.
///
/// The owner bounds its length by pausing whoever fills it, and calls `removeAll` before it goes away.
package struct ByteQueue: ~Copyable {
    private var head: UnsafeMutablePointer<BlockPool.Header>?
    private var tail: UnsafeMutablePointer<BlockPool.Header>?
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// The first contiguous run. Valid until the next mutation.
    package var first: UnsafeRawBufferPointer {
        guard let head else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let start = head.pointee.start
        return UnsafeRawBufferPointer(start: Self.payload(head) + start, count: head.pointee.end &- start)
    }

    /// Whether `first` is everything.
    package var isContiguous: Bool { head == tail }

    package mutating func append(_ bytes: UnsafeRawBufferPointer, from pool: BlockPool) {
        guard var source = bytes.baseAddress else { return }
        var left = bytes.count
        count &+= left
        while left > 0 {
            let block = writableTail(pool)
            let amount = min(left, BlockPool.blockBytes &- block.pointee.end)
            memcpy(Self.payload(block) + block.pointee.end, source, amount)
            block.pointee.end &+= amount
            source += amount
            left &-= amount
        }
    }

    /// Calls `body` with each contiguous run, in order. The queue must not change meanwhile.
    package func forEachRun(_ body: (UnsafeRawBufferPointer) -> Void) {
        var block = head
        while let present = block {
            let start = present.pointee.start
            body(UnsafeRawBufferPointer(start: Self.payload(present) + start, count: present.pointee.end &- start))
            block = present.pointee.next
        }
    }

    /// Calls `body` with the first contiguous runs and their places, at most `limit` of them.
    ///
    /// - Returns: how many there were.
    package func firstRuns(_ limit: Int, _ body: (Int, UnsafeRawBufferPointer) -> Void) -> Int {
        var block = head
        var index = 0
        while let present = block, index < limit {
            let start = present.pointee.start
            let run = UnsafeRawBufferPointer(
                start: Self.payload(present) + start, count: present.pointee.end &- start)
            body(index, run)
            index &+= 1
            block = present.pointee.next
        }
        return index
    }

    /// Drops `amount` bytes, at most `count`, at the front.
    package mutating func consume(_ amount: Int, into pool: BlockPool) {
        var left = min(amount, count)
        count &-= left
        while let block = head, left > 0 {
            let available = block.pointee.end &- block.pointee.start
            if left < available {
                block.pointee.start &+= left
                return
            }
            left &-= available
            head = block.pointee.next
            if head == nil { tail = nil }
            pool.give(block)
        }
    }

    package mutating func removeAll(into pool: BlockPool) { consume(count, into: pool) }

    /// Moves everything `other` holds behind what this queue holds.
    package mutating func take(_ other: inout ByteQueue) {
        guard other.head != nil else { return }
        if let tail { tail.pointee.next = other.head } else { head = other.head }
        tail = other.tail
        count &+= other.count
        other.head = nil
        other.tail = nil
        other.count = 0
    }

    private mutating func writableTail(_ pool: BlockPool) -> UnsafeMutablePointer<BlockPool.Header> {
        if let tail, tail.pointee.end < BlockPool.blockBytes { return tail }
        let block = pool.take()
        if let tail { tail.pointee.next = block } else { head = block }
        tail = block
        return block
    }

    private static func payload(_ block: UnsafeMutablePointer<BlockPool.Header>) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(block) + MemoryLayout<BlockPool.Header>.stride
    }
}
