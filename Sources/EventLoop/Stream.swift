package import Base
import CLinux
import Glibc

/// What a read brought.
package enum Received {
    /// Fresh bytes in the loop's scratch buffer, valid until the next read on the loop.
    case bytes(UnsafeRawBufferPointer)
    case nothing
    case end
    case failed(Int32)
}

/// A connected socket with a queue of outgoing bytes: the base of client and upstream connections.
///
/// Readiness is kept as flags, since an edge comes only once: `canRead` says that a read may bring something, and is cleared
/// by a read that came up short. Small pieces are gathered in the queue and leave with the next flush; large ones go to the
/// kernel from where they stand, and only what it does not take is copied.
///
/// Subclasses read and close only from `readable`, `drained`, `continued` and deadlines: nothing reads inside somebody
/// else's turn, because all share one scratch buffer.
open class Stream: Channel {
    /// Pieces up to this size are copied to go out together with their neighbours: a memcpy of 4 KiB costs less than the
    /// second entry of a gathering write.
    private static let gatherLimit = 4096
    /// Reads for one connection in one turn, so that a fast peer cannot keep the others waiting: half a megabyte.
    private static let readsPerTurn = 8

    package final var outgoing = ByteQueue()
    /// Bytes on their way from another stream, in front of the queue.
    final var pipe: SplicePipe?
    final var secureLayer: SecureLayer?
    package final private(set) var canRead = false
    package final private(set) var canWrite = false
    /// A FIN or a hang-up was reported, so a short read does not mean that nothing is left to learn.
    package final private(set) var peerFinished = false
    /// Bytes the kernel has taken, since the beginning.
    package final internal(set) var sentBytes: UInt64 = 0
    /// Bytes the kernel has not taken yet.
    package final var unsentBytes: Int { outgoing.count &+ (pipe?.count ?? 0) &+ (secureLayer?.unsent.count ?? 0) }
    /// What the kernel said when a write failed, 0 for none.
    package final private(set) var writeError: Int32 = 0
    private final var writeErrorReported = false
    /// The loop reports when the socket takes bytes again. Not before it has refused some: most never do, and a fresh
    /// connection would be reported twice.
    private final var watchesWriting = false
    /// Somebody has stopped filling the queue until `drained` says that it is empty.
    package final var awaitsDrain = false
    package final var isFlushPending = false

    /// Bytes the peer has acknowledged, since the beginning: tells a slow reader from one that has stopped, which the
    /// kernel's taking does not while its buffer is full.
    package final var acknowledgedBytes: UInt64 {
        let pending = sluice_unacknowledged(descriptor)
        let sent = secureLayer?.sentBytes ?? sentBytes
        return pending > 0 ? sent &- UInt64(pending) : sent
    }

    // MARK: Opening

    /// Takes over a socket whose connection is established.
    package final func openEstablished(_ descriptor: Int32) -> Bool {
        canWrite = true
        return open(descriptor, [.readable, .peerFinished])
    }

    /// Takes over a socket that is connecting; `becameWritable` tells when that has come to an end.
    package final func openConnecting(_ descriptor: Int32) -> Bool {
        watchesWriting = true
        return open(descriptor, [.readable, .writable, .peerFinished])
    }

    // MARK: For subclasses

    /// Whether incoming bytes are wanted now.
    open var wantsRead: Bool { true }
    /// Bytes may be there. Called in a loop while `wantsRead` and `canRead`.
    open func readable() {}
    /// The turn asked for with `Loop.continueLater` has come, before anything is read.
    open func resumed() {}
    /// The queue has become empty after `awaitsDrain` was set; in a turn of its own.
    open func drained() {}
    /// The TLS handshake is complete; what the peer sent behind it follows.
    open func handshakeFinished() {}
    /// A write failed: nothing sent from here on will arrive.
    open func writeFailed(_ error: Int32) {}
    /// The kernel takes no more for now, and some is left in the queue.
    open func blocked() {}
    /// The queue is about to leave, or has left: for streams that make their output only as it is needed.
    ///
    /// - Returns: whether something was added.
    open func refill() -> Bool { false }
    /// The peer will send no more, or the connection is gone; called once, also while reading is paused.
    open func peerLeft(reset: Bool) {}

    // MARK: Events

    public override final func ready(_ events: Readiness) {
        if !events.isDisjoint(with: [.peerFinished, .hungUp, .failed]) {
            canRead = true
            let reset = !events.isDisjoint(with: [.hungUp, .failed])
            if !peerFinished || reset {
                peerFinished = true
                peerLeft(reset: reset)
                guard isOpen else { return }
            }
        }
        if events.contains(.readable) { canRead = true }
        if events.contains(.writable) {
            canWrite = true
            becameWritable()
            guard isOpen else { return }
        }
        readWhileReady()
    }

    /// The socket takes bytes, or its connection was established.
    open func becameWritable() { flush() }

    public override final func continued() {
        if writeError != 0 && !writeErrorReported {
            writeErrorReported = true
            writeFailed(writeError)
            guard isOpen else { return }
        }
        if awaitsDrain && unsentBytes == 0 {
            awaitsDrain = false
            drained()
            guard isOpen else { return }
        }
        resumed()
        readWhileReady()
    }

    private final func readWhileReady() {
        var reads = 0
        while isOpen && canRead && wantsRead {
            if reads == Self.readsPerTurn {
                loop.continueLater(self)
                return
            }
            reads &+= 1
            readable()
        }
    }

    // MARK: Reading

    /// One read into the scratch buffer.
    package final func receive() -> Received {
        if let secureLayer { return receiveSealed(secureLayer) }
        guard let base = loop.scratch.baseAddress else { return .nothing }
        let count = sluice_recv(descriptor, base, loop.scratch.count)
        if count > 0 {
            // A short read has emptied the socket; the next byte brings a new edge (epoll(7)). A FIN may already have had its.
            if count < loop.scratch.count && !peerFinished { canRead = false }
            return .bytes(UnsafeRawBufferPointer(start: base, count: count))
        }
        readCameShort()
        if count == 0 { return .end }
        return count == -Int(EAGAIN) ? .nothing : .failed(Int32(-count))
    }

    /// Reads at most so many bytes, for what has to be read before it is known how the rest is to be. Not under TLS.
    package final func receive(atMost limit: Int) -> Received {
        guard let base = loop.scratch.baseAddress else { return .nothing }
        let count = sluice_recv(descriptor, base, min(limit, loop.scratch.count))
        if count > 0 { return .bytes(UnsafeRawBufferPointer(start: base, count: count)) }
        readCameShort()
        if count == 0 { return .end }
        return count == -Int(EAGAIN) ? .nothing : .failed(Int32(-count))
    }

    final func readCameShort() { canRead = false }
    /// Has it read once more as soon as it wants to, where no edge will come: of an end that was read, or of what TLS holds.
    package final func readMayBringMore() { canRead = true }

    // MARK: Writing

    /// Queues bytes; they leave at the next `flush`, at the latest when the event at hand has been dealt with.
    package final func enqueue(_ bytes: UnsafeRawBufferPointer) {
        outgoing.append(bytes, from: loop.blocks)
        flushLater()
    }

    /// Sends bytes in order behind the queued ones. Nothing may be kept of `bytes` afterwards.
    package final func send(_ bytes: UnsafeRawBufferPointer) {
        let isPlain = pipe == nil && secureLayer == nil
        if bytes.count <= Self.gatherLimit || !canWrite || !outgoing.isContiguous || !isPlain || writeError != 0 {
            enqueue(bytes)
            return
        }
        guard let base = bytes.baseAddress else { return }
        let queued = outgoing.first
        let sent: Int
        if let head = queued.baseAddress, queued.count > 0 {
            sent = sluice_send_two(descriptor, head, queued.count, base, bytes.count)
        } else {
            sent = sluice_send(descriptor, base, bytes.count)
        }
        guard sent >= 0 else {
            enqueue(bytes)
            refused(sent)
            return
        }
        sentBytes &+= UInt64(sent)
        let fromQueue = min(sent, queued.count)
        outgoing.consume(fromQueue, into: loop.blocks)
        let rest = UnsafeRawBufferPointer(rebasing: bytes[(sent &- fromQueue)...])
        if fromQueue < queued.count || !rest.isEmpty { stopWriting() }
        enqueue(rest)
    }

    /// Hands the queue to the kernel as far as it takes it.
    package final func flush() {
        guard flushPipe() else {
            blocked()
            return
        }
        _ = refill()
        repeat {
            if let secureLayer { flushSealed(secureLayer) } else { flushOutgoing() }
        } while outgoing.isEmpty && canWrite && writeError == 0 && refill()
        if unsentBytes > 0 && writeError == 0 { blocked() }
        if awaitsDrain && unsentBytes == 0 { loop.continueLater(self) }
    }

    private final func flushOutgoing() {
        while canWrite && writeError == 0 && !outgoing.isEmpty {
            var offered = 0
            let sent: Int
            if outgoing.isContiguous {
                let run = outgoing.first
                guard let base = run.baseAddress else { return }
                offered = run.count
                sent = sluice_send(descriptor, base, run.count)
            } else {
                let parts = loop.parts
                let count = outgoing.firstRuns(Loop.partCapacity) { index, run in
                    parts[index] = iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: run.baseAddress), iov_len: run.count)
                    offered &+= run.count
                }
                sent = sluice_send_parts(descriptor, parts, count)
            }
            guard sent >= 0 else {
                refused(sent)
                return
            }
            sentBytes &+= UInt64(sent)
            outgoing.consume(sent, into: loop.blocks)
            if sent < offered { stopWriting() }
        }
    }

    /// Has `flush` called before the loop waits again, though nothing may be queued yet.
    package final func flushLater() {
        guard canWrite && !isFlushPending else { return }
        isFlushPending = true
        loop.flushSoon(self)
    }

    // MARK: Handing over

    /// Takes over the socket of another stream with all that is known of it and queued for it. That one is closed from here
    /// on; the peer notices nothing. What has arrived is told in a turn of its own.
    package final func adopt(_ other: Stream) {
        outgoing.take(&other.outgoing)
        pipe = other.pipe
        other.pipe = nil
        secureLayer = other.secureLayer
        other.secureLayer = nil
        canRead = other.canRead
        canWrite = other.canWrite
        peerFinished = other.peerFinished
        sentBytes = other.sentBytes
        writeError = other.writeError
        watchesWriting = other.watchesWriting
        takeDescriptor(of: other)
        loop.continueLater(self)
    }

    final func stopWriting() {
        canWrite = false
        guard !watchesWriting else { return }
        watchesWriting = true
        loop.change(self, [.readable, .writable, .peerFinished])
    }

    final func refused(_ result: Int) {
        stopWriting()
        guard result != -Int(EAGAIN) else { return }
        writeError = Int32(-result)
        // The owner hears of it in a turn of its own, never inside its call.
        loop.continueLater(self)
    }

    /// Sends FIN behind what was sent.
    package final func finishWriting() {
        sendCloseNotify()
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes at once; queued bytes are lost.
    package final func discard(reset: Bool) {
        guard isOpen else { return }
        if reset { _ = sluice_set_reset_on_close(descriptor) } else { sendCloseNotify() }
        outgoing.removeAll(into: loop.blocks)
        dropPipe()
        closeDescriptor()
    }
}
