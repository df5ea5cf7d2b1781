import Base
import EventLoop
import HTTP
import Telemetry

/// One HTTP/2 connection from a client (RFC 9113): bytes between the socket and the session, and the times that end it.
///
///     open --GOAWAY and the last stream, an error, a limit--> lingering --the client is gone, or time is up--> closed
final class HTTP2ClientConnection: ClientConnection {
    /// Sealed or not, what the kernel has not taken. Above it nothing is read: who does not read is not answered.
    private static let outputLimit = 512 * 1024
    /// How often streams are looked at that wait for the client's windows.
    private static let reviewInterval = Nanoseconds.seconds(5)
    /// How long a client may take to acknowledge that it should go elsewhere; then the second GOAWAY comes unasked.
    private static let shutdownGrace = Nanoseconds.seconds(1)
    /// How long the last words may take, to a client that does not read them.
    private static let closingPatience = Nanoseconds.seconds(5)
    /// After its last words a connection is read from for a moment: closing at once would reset it, and take the words
    /// from a client still writing.
    private static let lingerTime = Nanoseconds.seconds(1)
    /// Bytes read meanwhile; who sends more does not listen.
    private static let lingerBytes = 1024 * 1024

    private enum State { case open, lingering }

    private(set) var session: HTTP2Session
    private let events: HTTP2ClientEvents
    private var state = State.open
    private var woken: ContiguousArray<HTTP2ClientStream> = []
    private var resuming: ContiguousArray<HTTP2ClientStream> = []
    private let startedAt: Instant
    /// The last time a request came or ended.
    private var lastBusy: Instant
    private var hasSettings = false
    private var shutdownAt: Instant?
    private var endingAt: Instant?
    private var lingered = 0
    /// `acknowledgedBytes` when they were last seen to have moved, and when that was, while output waits.
    private var taken: UInt64 = 0
    private var takenAt: Instant

    init(takingOver other: HTTP1ClientConnection) {
        events = HTTP2ClientEvents()
        session = HTTP2Session(
            role: .server, limits: other.listener.http2, events: events, resources: other.worker.http2,
            now: other.loop.now)
        startedAt = other.loop.now
        lastBusy = other.loop.now
        takenAt = other.loop.now
        super.init(takingOver: other, address: other.address)
        events.connection = self
        adopt(other)
    }

    /// - Parameter bytes: what the client has sent so far, preface included.
    func start(_ bytes: UnsafeRawBufferPointer) {
        take(bytes)
        if isLeaving { beginShutdown() }
        armTimer()
        flushLater()
    }

    // MARK: Input

    override var wantsRead: Bool { state == .lingering || unsentBytes <= Self.outputLimit }

    override func readable() {
        switch receive() {
        case .bytes(let bytes):
            worker.recycle()
            take(bytes)
        case .nothing: break
        case .end, .failed: gone()
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard state == .open else {
            lingered &+= bytes.count
            if lingered > Self.lingerBytes { close(reset: true) }
            return
        }
        session.feed(bytes, now: loop.now)
        if let since = session.unfinishedSince, deadline > since + listener.headerTimeout { armTimer() }
        flushLater()
    }

    override func peerLeft(reset: Bool) {
        // Otherwise reading tells, after what came before.
        if reset || !wantsRead { gone() }
    }

    // MARK: Output

    override func refill() -> Bool {
        guard outgoing.count < session.limits.outputBytes, state == .open else { return false }
        let before = outgoing.count
        session.takeOutput(into: &outgoing, limit: session.limits.outputBytes)
        if session.isTerminating || session.isFinished { loop.continueLater(self) }
        return outgoing.count > before
    }

    override func writeFailed(_ error: Int32) { gone() }

    // MARK: Streams

    func streamBegan() {
        lastBusy = loop.now
        if deadline > loop.now + Self.reviewInterval { armTimer() }
    }

    func streamLeft() { lastBusy = loop.now }

    func settingsReceived() { hasSettings = true }

    func resumeLater(_ stream: HTTP2ClientStream) {
        woken.append(stream)
        loop.continueLater(self)
    }

    override func resumed() {
        if !woken.isEmpty {
            swap(&woken, &resuming)
            for stream in resuming { stream.resumed() }
            resuming.removeAll(keepingCapacity: true)
            flushLater()
        }
        endIfFinished()
    }

    // MARK: The end

    override var idleSince: Instant? { state == .open && session.openStreams == 0 ? lastBusy : nil }

    override func drain() {
        guard state == .open else { return }
        beginShutdown()
        armTimer()
    }

    /// Two GOAWAYs lose nothing.
    override func drainPatiently() { drain() }

    private func beginShutdown() {
        guard shutdownAt == nil else { return }
        shutdownAt = loop.now + Self.shutdownGrace
        session.beginShutdown()
        flushLater()
    }

    /// All that was to be said has been handed to the kernel: an error, or the last stream after a GOAWAY.
    private func endIfFinished() {
        guard isOpen, state == .open, session.isTerminating || session.isFinished else { return }
        if endingAt == nil {
            endingAt = loop.now + Self.closingPatience
            armTimer()
            if let abuse = session.abuse { listener.connections.http2.count(abuse) }
            session.abandon(.cancel)
        }
        guard session.isFinished, unsentBytes == 0 else { return }
        state = .lingering
        finishWriting()
        armTimer()
        if canRead { loop.continueLater(self) }
    }

    override func cutNow() {
        session.terminate(.noError)
        _ = refill()
        flush()
        gone()
    }

    /// The client has gone, and with it all it has asked for.
    private func gone() {
        session.abandon(.cancel)
        close(reset: state == .open)
    }

    private func close(reset: Bool) {
        guard isOpen else { return }
        discard(reset: reset)
        loop.removeDeadline(self)
        woken.removeAll()
        worker.connectionEnded(self)
    }

    // MARK: Time

    private func armTimer() {
        let now = loop.now
        guard state == .open, endingAt == nil, !session.isTerminating else {
            loop.setDeadline(self, state == .lingering ? now + Self.lingerTime : endingAt ?? now + Self.closingPatience)
            return
        }
        var next = shutdownAt ?? min(expiresAt, lastBusy + listener.idleTimeout)
        if session.openStreams > 0 { next = min(shutdownAt ?? expiresAt, now + Self.reviewInterval) }
        if unsentBytes > 0 { next = min(next, now + Self.reviewInterval) }
        if let since = unfinishedSince { next = min(next, since + listener.headerTimeout) }
        loop.setDeadline(self, max(next, now + Nanoseconds.milliseconds(1)))
    }

    /// Whether the client takes what is there for it, if only slowly. One that does not cannot even be told to go.
    private func readsOutput(_ now: Instant) -> Bool {
        let acknowledged = unsentBytes > 0 ? acknowledgedBytes : 0
        if unsentBytes == 0 || acknowledged != taken {
            taken = acknowledged
            takenAt = now
        }
        return now < takenAt + listener.idleTimeout
    }

    /// Since when the client owes the rest of what it has begun to say: its first settings, or a header.
    private var unfinishedSince: Instant? { hasSettings ? session.unfinishedSince : startedAt }

    override func expired(now: Instant) {
        guard state == .open, endingAt == nil else {
            close(reset: state == .open)
            return
        }
        guard readsOutput(now) else {
            gone()
            return
        }
        if let since = unfinishedSince, now >= since + listener.headerTimeout {
            session.terminate(hasSettings ? .enhanceYourCalm : .protocolError)
        } else if let shutdownAt, now >= shutdownAt {
            session.finishShutdown()
            self.shutdownAt = .never
        } else if now >= expiresAt || (session.openStreams == 0 && now >= lastBusy + listener.idleTimeout) {
            beginShutdown()
        }
        session.review(now: now)
        flushLater()
        loop.continueLater(self)
        armTimer()
    }
}

/// What the session tells, passed on to the streams.
final class HTTP2ClientEvents: HTTP2Events {
    unowned(unsafe) var connection: HTTP2ClientConnection!

    /// Every stream of the session was made below.
    private func side(_ stream: HTTP2Stream) -> HTTP2ClientStream {
        unsafeDowncast(stream, to: HTTP2ClientStream.self)
    }

    override func makeStream(_ seed: HTTP2StreamSeed) -> HTTP2Stream { HTTP2ClientStream(seed, connection) }

    override func headComplete(_ stream: HTTP2Stream) {
        connection.streamBegan()
        side(stream).headComplete()
    }

    override func headRefused(_ stream: HTTP2Stream) { headComplete(stream) }
    override func body(_ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer) { side(stream).body(bytes) }
    override func trailersComplete(_ stream: HTTP2Stream) { side(stream).ended(trailers: connection.session.trailers) }
    override func streamEnded(_ stream: HTTP2Stream) { side(stream).ended(trailers: nil) }
    override func streamDrained(_ stream: HTTP2Stream) { side(stream).drained() }
    override func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) { side(stream).closed(code) }
    override func settingsReceived() { connection.settingsReceived() }
}
