import Base
import EventLoop
import HTTP
import Telemetry

/// One stream of an HTTP/2 connection to an endpoint: one request of an exchange or of a copy.
final class HTTP2UpstreamStream: HTTP2Stream {
    let connection: HTTP2UpstreamConnection
    private var user: UpstreamUser?
    /// The endpoint is behind: the request's body has to wait.
    private(set) var isFull = false
    /// Bytes the connection had to send when the stream began: while the kernel has taken no more, nothing of this request
    /// has left.
    private var sentBefore: UInt64 = 0
    private var isFirst = false
    private var sawAnswer = false

    // The answer, while its reader is behind.
    private var isPaused = false
    private var isWoken = false
    private var inbox = ByteQueue()
    private var endIsKept = false
    private var keptTrailers: MessageHead?

    init(_ seed: HTTP2StreamSeed, _ connection: HTTP2UpstreamConnection) {
        self.connection = connection
        super.init(seed)
    }

    private var session: HTTP2Session { connection.session }

    // MARK: The request

    func begin(_ user: UpstreamUser, sentBefore: UInt64, isFirst: Bool) {
        self.user = user
        self.sentBefore = sentBefore
        self.isFirst = isFirst
    }

    func sendBody(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        session.send(self, bytes)
        connection.flushLater()
    }

    func sendEnd(trailers: MessageHead?) {
        session.finish(self, trailers: trailers)
        connection.flushLater()
    }

    func checkBacklog() {
        guard !isFull, queuedBytes > session.limits.streamQueue else { return }
        isFull = true
        session.awaitDrain(self)
    }

    func drained() {
        isFull = false
        user?.upstreamProgressed()
        user?.upstreamDrained()
    }

    // MARK: The answer

    func interimComplete() {
        sawAnswer = true
        user?.upstreamInterim(head)
    }

    func headComplete() {
        sawAnswer = true
        user?.upstreamHead(head, framing: head.framing)
    }

    func headRefused() { fail(UpstreamFailure(cause: .upstreamProtocol)) }

    func body(_ bytes: UnsafeRawBufferPointer) {
        guard user != nil else { return }
        guard !isPaused, inbox.isEmpty else {
            inbox.append(bytes, from: connection.loop.blocks)
            return
        }
        pass(bytes)
    }

    private func pass(_ bytes: UnsafeRawBufferPointer) {
        user?.upstreamBody(bytes)
        guard user != nil else { return }
        session.consumed(self, bytes.count)
        connection.flushLater()
    }

    /// - Parameter trailers: valid during the call.
    func ended(trailers: MessageHead?) {
        guard let user, !endIsKept else { return }
        if !isPaused && inbox.isEmpty {
            user.upstreamEnded(trailers: trailers)
            return
        }
        endIsKept = true
        if trailers != nil { keptTrailers = session.takeTrailers() }
    }

    func pause() { isPaused = true }

    func resume() {
        guard isPaused else { return }
        isPaused = false
        guard !isWoken, !inbox.isEmpty || endIsKept else { return }
        isWoken = true
        connection.resumeLater(self)
    }

    /// Hands over what was kept, as far as it is taken now.
    func resumed() {
        isWoken = false
        while user != nil, !isPaused, !inbox.isEmpty {
            let run = inbox.first
            pass(run)
            inbox.consume(run.count, into: connection.loop.blocks)
        }
        guard let user, !isPaused, endIsKept else { return }
        endIsKept = false
        let trailers = keptTrailers
        keptTrailers = nil
        user.upstreamEnded(trailers: trailers)
        if let trailers { session.recycle(trailers) }
    }

    // MARK: The end

    /// The stream is over. An answer that was complete before may still be on its way to its reader.
    func closed(_ code: HTTP2ErrorCode) {
        guard !hasEnded else { return }
        if var loss = connection.loss {
            loss.nothingWritten = loss.nothingWritten || (!sawAnswer && connection.sentBytes <= sentBefore)
            connection.loss?.isTold = true
            loss.wasStale = !isFirst && !sawAnswer && loss.cause == .upstreamReset
            fail(loss)
            return
        }
        if code == .refusedStream && !isRefused { connection.refused() }
        var failure = UpstreamFailure(cause: isRefused ? .upstreamProtocol : .upstreamReset)
        failure.wasRefused = code == .refusedStream && !isRefused
        if !isRefused { failure.code = code }
        fail(failure)
    }

    private func fail(_ failure: UpstreamFailure) {
        guard let user else { return }
        detach()
        user.upstreamFailed(failure)
    }

    func handOver(to user: UpstreamUser) { self.user = user }

    /// The user has its answer, or wants no more of it.
    func release() {
        detach()
        // Where both sides have said all, the stream ends by itself.
        if hasEnded && isFinished && queuedBytes == 0 { return }
        session.reset(self, .cancel)
        connection.flushLater()
    }

    private func detach() {
        user = nil
        inbox.removeAll(into: connection.loop.blocks)
        if let keptTrailers { session.recycle(keptTrailers) }
        keptTrailers = nil
    }
}
