import Base
import EventLoop
import HTTP
import Telemetry

/// One HTTP/2 connection to an endpoint, shared by the requests of one loop.
///
///     connecting --> busy <--> idle; from any of them --GOAWAY--> finishing its streams --> closed
final class HTTP2UpstreamConnection: UpstreamConnection {
    private(set) var session: HTTP2Session
    private let events: HTTP2UpstreamEvents
    /// Why all streams end, while they do.
    var loss: UpstreamFailure?
    private var takesStreams = true
    private var hasBeenUsed = false
    /// Open streams when it was last looked whether some have ended.
    private var streamsSeen = 0
    /// The endpoint's settings have come.
    private var knowsLimit = false
    private var idleTimeout = Nanoseconds(0)
    private var woken: ContiguousArray<HTTP2UpstreamStream> = []
    private var resuming: ContiguousArray<HTTP2UpstreamStream> = []

    override init(worker: Worker, port: UpstreamPort) {
        events = HTTP2UpstreamEvents()
        session = HTTP2Session(
            role: .client, limits: HTTP2Limits(), events: events, resources: worker.http2, now: worker.loop.now)
        super.init(worker: worker, port: port)
        events.connection = self
    }

    /// Whether it takes one more stream.
    var hasRoom: Bool {
        takesStreams && session.canOpenStream && (knowsLimit || session.openStreams < port.streamLimit)
    }

    /// - Returns: `nil` where there is no room.
    func open(for user: UpstreamUser, _ request: UpstreamSide.Request, idleTimeout: Nanoseconds) -> HTTP2UpstreamStream?
    {
        self.idleTimeout = idleTimeout
        if state == .idle {
            state = .busy
            loop.setDeadline(self, .never)
        }
        // In plaintext, as `sentBytes` counts: what is sealed already has been counted there.
        let sentBefore = sentBytes &+ UInt64(outgoing.count &+ session.pendingOutput)
        let fields = session.fieldList()
        fields.request(request.head, request.forwarding, scheme: port.tls == nil ? "http" : "https")
        let opened = session.openStream(fields, method: request.head.method, endsStream: request.endsWithHead)
        guard let opened else { return nil }
        let stream = unsafeDowncast(opened, to: HTTP2UpstreamStream.self)
        stream.begin(user, sentBefore: sentBefore, isFirst: !hasBeenUsed)
        hasBeenUsed = true
        streamsSeen = session.openStreams
        flushLater()
        return stream
    }

    override func established() { flushLater() }

    // MARK: Bytes

    override var wantsRead: Bool { state != .connecting }

    override func readable() {
        switch receive() {
        case .bytes(let bytes):
            session.feed(bytes, now: loop.now)
            flushLater()
            settle()
        case .nothing: break
        case .end, .failed: ended()
        }
    }

    private func ended() {
        guard state != .handshaking else {
            fail(UpstreamFailure(cause: .tlsHandshake, nothingWritten: true))
            return
        }
        // What it sent last may have been the end of the session already, which shows once that has been said.
        _ = refill()
        fail(UpstreamFailure(cause: isBroken ? .upstreamProtocol : .upstreamReset))
    }

    /// The session has ended because of what the endpoint sent.
    private var isBroken: Bool { session.isTerminating || (session.isFinished && session.openStreams > 0) }

    override func refill() -> Bool {
        guard state != .connecting, outgoing.count < session.limits.outputBytes else { return false }
        let before = outgoing.count
        session.takeOutput(into: &outgoing, limit: session.limits.outputBytes)
        // What there is to do about it may close the connection, which is not for here.
        let isUnused = session.openStreams == 0 && state == .busy
        if isBroken || isUnused || session.openStreams < streamsSeen { loop.continueLater(self) }
        return outgoing.count > before
    }

    override func peerLeft(reset: Bool) { if state == .idle { close() } }

    /// The endpoint takes no more; it may still have answered, so what it sent is read first.
    override func writeFailed(_ error: Int32) {
        if !canRead { fail(UpstreamFailure(cause: .upstreamReset)) }
    }

    // MARK: Streams

    func resumeLater(_ stream: HTTP2UpstreamStream) {
        guard isOpen else {
            resumeAlone(stream)
            return
        }
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
        settle()
    }

    /// The endpoint wants the connection to end (RFC 9113 section 6.8). New requests go elsewhere; those it has not looked
    /// at are told to their users by the session.
    func goawayReceived() { stopTaking() }

    /// The endpoint has turned a request away. It gets no more of them here: it would turn away the second try as well.
    func refused() { stopTaking() }

    func settingsReceived() {
        knowsLimit = true
        port.streamLimit = Int(session.peerStreamLimit)
        if hasRoom { port.roomChanged() }
    }

    private func stopTaking() {
        guard takesStreams else { return }
        takesStreams = false
        port.unshare(self)
    }

    /// An answer that was complete goes on to its slow reader without the connection it came on.
    private func resumeAlone(_ stream: HTTP2UpstreamStream) { loop.later { stream.resumed() } }

    /// Draws the conclusions from what the session has come to.
    private func settle() {
        guard isOpen, state == .busy || state == .idle else { return }
        if isBroken {
            flush()
            fail(UpstreamFailure(cause: .upstreamProtocol))
            return
        }
        // The place of a stream is free when the session lets go of it, which may be later than its user did.
        let hasFreed = session.openStreams < streamsSeen
        streamsSeen = session.openStreams
        if session.openStreams == 0 && state == .busy && !session.wantsOutput { becomeIdle() }
        if hasFreed && isOpen && hasRoom { port.roomChanged() }
    }

    private func becomeIdle() {
        guard takesStreams, session.canOpenStream, !port.isRetired, !peerFinished else {
            close()
            return
        }
        state = .idle
        loop.setDeadline(self, loop.now + idleTimeout)
        port.park(self)
    }

    // MARK: The end

    override func fail(_ failure: UpstreamFailure) {
        stopTaking()
        loss = failure
        session.abandon(.internalError)
        closeConnection(reset: false)
        handOver()
    }

    override func close() {
        stopTaking()
        if isOpen && state == .idle {
            session.beginShutdown()
            flush()
        }
        closeConnection(reset: false)
        handOver()
    }

    private func handOver() {
        for stream in woken { resumeAlone(stream) }
        woken.removeAll()
    }
}

/// What the session tells, passed on to the streams.
final class HTTP2UpstreamEvents: HTTP2Events {
    unowned(unsafe) var connection: HTTP2UpstreamConnection!

    /// Every stream of the session was made below.
    private func side(_ stream: HTTP2Stream) -> HTTP2UpstreamStream {
        unsafeDowncast(stream, to: HTTP2UpstreamStream.self)
    }

    override func makeStream(_ seed: HTTP2StreamSeed) -> HTTP2Stream { HTTP2UpstreamStream(seed, connection) }
    override func interimComplete(_ stream: HTTP2Stream) { side(stream).interimComplete() }
    override func headComplete(_ stream: HTTP2Stream) { side(stream).headComplete() }
    override func headRefused(_ stream: HTTP2Stream) { side(stream).headRefused() }
    override func body(_ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer) { side(stream).body(bytes) }
    override func trailersComplete(_ stream: HTTP2Stream) { side(stream).ended(trailers: connection.session.trailers) }
    override func streamEnded(_ stream: HTTP2Stream) { side(stream).ended(trailers: nil) }
    override func streamDrained(_ stream: HTTP2Stream) { side(stream).drained() }
    override func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) { side(stream).closed(code) }
    override func goawayReceived(lastStream: Int32, _ code: HTTP2ErrorCode) { connection.goawayReceived() }
    override func settingsReceived() { connection.settingsReceived() }
}
