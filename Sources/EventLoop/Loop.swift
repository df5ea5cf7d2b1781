package import Base
import CLinux
import Dispatch
import Glibc
import TLS

/// One event loop: an epoll set, deadlines and a mailbox, run by one thread that never returns to a pool.
///
/// It runs on a serial queue of its own and blocks in `epoll_wait`: one system call hands over all that is ready, where a
/// dispatch source for each connection costs several times the CPU. Everything but `post` belongs to that thread.
///
/// Unchecked: other threads hold a loop only to `post` to it; the mailbox is safe for that, and nothing else is touched.
package final class Loop: @unchecked Sendable {
    /// Events taken at once: enough that a busy loop rarely asks twice for one burst, 3 KiB of memory.
    private static let eventCapacity = 256
    /// Bytes read at once. Large bodies move in such steps; an L2 cache holds one and the copy of it.
    package static let scratchBytes = 64 * 1024

    package let mailbox: Mailbox
    private let queue: DispatchQueue
    private let epoll: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    /// Shared by all channels of the loop for reading: what is not used up at once is copied to its owner.
    package let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: Loop.scratchBytes, alignment: 64)
    /// What ciphertext in `scratch` opens to; made with the first TLS connection.
    private(set) lazy var plaintext = UnsafeMutableRawBufferPointer.allocate(
        byteCount: TLSSession.plaintextRoom(forCiphertext: Loop.scratchBytes), alignment: 64)
    /// Sealed bytes between TLS and a socket; empty between calls.
    var sealed = ByteBuffer()
    package let blocks = BlockPool()
    /// Room for the runs of one gathering write.
    let parts = UnsafeMutablePointer<iovec>.allocate(capacity: Loop.partCapacity)
    /// 256 KiB of blocks: twice what a stream queues before its source has to wait.
    static let partCapacity = 16
    package var pipes = PipePool()
    package private(set) var now = Instant.now()

    private var channels: ContiguousArray<Slot> = []
    private var generation: UInt32 = 0
    private var deadlines = Deadlines()
    private var continuing: ContiguousArray<Channel> = []
    /// Takes the place of `continuing` while that is worked through; empty in between, its memory is kept.
    private var continued: ContiguousArray<Channel> = []
    private var unflushed: ContiguousArray<Stream> = []
    private var jobs: ContiguousArray<() -> Void> = []
    private var turnHooks: ContiguousArray<() -> Void> = []
    private var isStopping = false

    private struct Slot {
        var channel: Channel?
        var generation: UInt32
    }

    /// The key of the mailbox's eventfd, which is no channel.
    private static let mailboxKey = UInt64.max

    /// - Returns: `nil` where the kernel gives no descriptors.
    package init?(label: String) {
        let epoll = sluice_epoll_create()
        guard epoll >= 0, let mailbox = Mailbox() else { return nil }
        self.epoll = Int32(epoll)
        self.mailbox = mailbox
        queue = DispatchQueue(label: label, qos: .userInitiated)
        events = .allocate(capacity: Self.eventCapacity)
        events.initialize(repeating: epoll_event(), count: Self.eventCapacity)
        _ = sluice_epoll_add(self.epoll, mailbox.descriptor, EPOLLIN.rawValue, Self.mailboxKey)
    }

    deinit {
        close(epoll)
        events.deallocate()
        scratch.deallocate()
        parts.deallocate()
        pipes.closeAll()
        blocks.deallocate()
    }

    /// Runs `job` on the loop's thread, soon. Safe from any thread.
    package func post(_ job: @escaping @Sendable () -> Void) { mailbox.post(job) }

    /// Starts the thread; `ended` runs on it after `stop`.
    package func start(ended: @escaping @Sendable () -> Void = {}) {
        queue.async {
            self.run()
            ended()
        }
    }

    /// Ends the loop after the current turn. On the loop's thread only.
    package func stop() { isStopping = true }

    // MARK: For channels

    package func setDeadline(_ timed: Timed, _ deadline: Instant) { deadlines.set(timed, deadline) }
    package func removeDeadline(_ timed: Timed) { deadlines.remove(timed) }

    /// Gives the channel another turn after the others that are ready had theirs.
    package func continueLater(_ channel: Channel) {
        guard !channel.isContinuing else { return }
        channel.isContinuing = true
        continuing.append(channel)
    }

    /// Calls `hook` at the end of each turn, for work that is cheaper in batches.
    package func atEndOfTurn(_ hook: @escaping () -> Void) { turnHooks.append(hook) }

    /// Runs `job` on this loop in a moment, outside whatever is going on now.
    package func later(_ job: @escaping () -> Void) { jobs.append(job) }

    func flushSoon(_ stream: Stream) { unflushed.append(stream) }

    /// What one event queued leaves before the next one is looked at: waiting for the whole turn would add its length to
    /// every answer.
    private func flushQueued() {
        guard !unflushed.isEmpty else { return }
        var index = 0
        while index < unflushed.count {
            let stream = unflushed[index]
            stream.isFlushPending = false
            if stream.isOpen { stream.flush() }
            index &+= 1
        }
        unflushed.removeAll(keepingCapacity: true)
    }

    func register(_ channel: Channel, _ interest: Readiness) -> Bool {
        let index = Int(channel.descriptor)
        while channels.count <= index { channels.append(Slot(channel: nil, generation: 0)) }
        generation &+= 1
        channels[index] = Slot(channel: channel, generation: generation)
        let key = UInt64(generation) << 32 | UInt64(index)
        if sluice_epoll_add(epoll, channel.descriptor, interest.rawValue | EPOLLET.rawValue, key) >= 0 { return true }
        channels[index].channel = nil
        return false
    }

    /// Has the events of a descriptor go to another channel; the key stays, and so do events under way.
    func replace(_ old: Channel, by new: Channel) {
        channels[Int(new.descriptor)].channel = new
        deadlines.remove(old)
    }

    /// Changes what a registered channel is told of.
    func change(_ channel: Channel, _ interest: Readiness) {
        let index = Int(channel.descriptor)
        let key = UInt64(channels[index].generation) << 32 | UInt64(index)
        _ = sluice_epoll_change(epoll, channel.descriptor, interest.rawValue | EPOLLET.rawValue, key)
    }

    func unregister(_ channel: Channel) {
        // Closing takes the descriptor out of the set; a stale event is told by its generation.
        channels[Int(channel.descriptor)].channel = nil
        deadlines.remove(channel)
    }

    /// Takes a channel's descriptor out of the set before it is closed: closing alone does not, where somebody else has the
    /// same socket open (epoll(7)).
    func withdraw(_ channel: Channel) { _ = sluice_epoll_remove(epoll, channel.descriptor) }

    // MARK: The turn

    private func run() {
        while !isStopping {
            let count = sluice_epoll_wait(epoll, events, Int32(Self.eventCapacity), timeout())
            now = Instant.now()
            if count > 0 { deliver(Int(count)) }
            expire()
            resume()
            for hook in turnHooks { hook() }
        }
    }

    private func timeout() -> Int32 {
        if !continuing.isEmpty || !jobs.isEmpty { return 0 }
        let earliest = deadlines.earliest
        if earliest == .never { return -1 }
        // Rounded up: waking just before the deadline would spin until it is reached.
        let milliseconds = (earliest.since(Instant.now()).count &+ 999_999) / 1_000_000
        return Int32(min(milliseconds, 3_600_000))
    }

    private func deliver(_ count: Int) {
        for index in 0..<count {
            let key = sluice_event_key(events + index)
            if key == Self.mailboxKey {
                mailbox.drain()
                flushQueued()
                continue
            }
            let slot = channels[Int(key & 0xFFFF_FFFF)]
            guard slot.generation == UInt32(key >> 32), let channel = slot.channel else { continue }
            channel.ready(Readiness(rawValue: events[index].events))
        }
        flushQueued()
    }

    private func expire() {
        while let timed = deadlines.popExpired(now: now) { timed.expired(now: now) }
        flushQueued()
    }

    private func resume() {
        if !jobs.isEmpty {
            let batch = jobs
            jobs.removeAll(keepingCapacity: true)
            for job in batch {
                job()
                flushQueued()
            }
        }
        guard !continuing.isEmpty else { return }
        swap(&continuing, &continued)
        var index = 0
        while index < continued.count {
            let channel = continued[index]
            channel.isContinuing = false
            if channel.isOpen { channel.continued() }
            index &+= 1
        }
        continued.removeAll(keepingCapacity: true)
        flushQueued()
    }
}
