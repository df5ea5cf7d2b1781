import Base
import EventLoop
import HTTP
import Telemetry

/// One HTTP/1.1 connection to an endpoint, used for one request after the other.
///
///     connecting --established--> busy --both ends done--> idle (pooled) --lease--> busy
///     any --failure, leftover bytes, Connection: close--> closed
final class HTTP1UpstreamConnection: UpstreamConnection {
    /// Interim answers in a row before the endpoint is taken for broken: no server sends more than a few.
    static let maxInterim = 16
    /// Bytes of an answer's head: as much as clients may send by default.
    static let headLimit = 64 * 1024

    enum Reading { case head, body, trailers, tunnel, done }

    private(set) var user: UpstreamUser?
    /// It has served a request before this one.
    private(set) var isReused = false
    /// Requests it has begun: tells one use from the next.
    private(set) var uses: UInt32 = 0

    // The request on its way out.
    private var chunksRequest = false
    private var requestDone = false
    /// `sentBytes` when the request began.
    private var sentBefore: UInt64 = 0

    // The answer on its way in.
    var reading = Reading.done
    var method = Method.get
    var head: MessageHead?
    var body = BodyReader()
    var inbox = ByteBuffer()
    var interimCount = 0
    var sawBytes = false
    var allowsReuse = false
    private var isPaused = false

    override func established() { user?.upstreamConnected() }

    override func becameWritable() {
        super.becameWritable()
        if isOpen && state == .busy { user?.upstreamProgressed() }
    }

    // MARK: The request

    /// Comes into use, fresh or pooled.
    func begin(_ user: UpstreamUser, _ method: Method) {
        if state == .idle {
            isReused = true
            state = .busy
            loop.setDeadline(self, .never)
        }
        self.user = user
        uses &+= 1
        self.method = method
        reading = .head
        requestDone = false
        interimCount = 0
        sawBytes = false
        allowsReuse = true
        isPaused = false
        sentBefore = sentBytes
    }

    func sendHead(_ head: MessageHead, _ forwarding: RequestForwarding) {
        chunksRequest = forwarding.framing == .chunked
        worker.stage.removeAll()
        HeadWriter.request(head, forwarding, into: &worker.stage)
        enqueue(worker.stage.bytes)
    }

    func sendBody(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        guard chunksRequest else {
            send(bytes)
            return
        }
        sendChunk(bytes, with: &worker.stage)
    }

    /// Takes over a request of which another connection has sent nothing, as far as it has come.
    func sendUnsent(_ bytes: inout ByteQueue, isChunked: Bool, isComplete: Bool) {
        chunksRequest = isChunked
        requestDone = isComplete
        outgoing.take(&bytes)
    }

    /// The request is complete; `trailers` only where it is chunked.
    func sendEnd(trailers: MessageHead?) {
        requestDone = true
        if chunksRequest {
            worker.stage.removeAll()
            HeadWriter.trailers(trailers, into: &worker.stage)
            enqueue(worker.stage.bytes)
        }
    }

    /// Whether the kernel has taken nothing of the present request.
    private var nothingWritten: Bool {
        state == .connecting || state == .handshaking || sentBytes == sentBefore
    }

    // MARK: The answer

    /// Stops reading until `resume`, because what is read has nowhere to go.
    func pause() { isPaused = true }

    func resume() {
        guard isPaused else { return }
        isPaused = false
        loop.continueLater(self)
    }

    override var wantsRead: Bool { state != .connecting && !isPaused }

    override func readable() {
        if reading == .body, spliceBody() { return }
        switch receive() {
        case .bytes(let bytes):
            guard state == .busy, user != nil else {
                // An idle connection that speaks is not one to send a request on.
                close()
                return
            }
            if inbox.isEmpty {
                let used = consume(bytes)
                if isOpen && used < bytes.count { keep(UnsafeRawBufferPointer(rebasing: bytes[used...])) }
            } else {
                inbox.append(bytes)
                consumeInbox()
            }
        case .nothing: break
        case .end: ended(error: 0)
        case .failed(let error): ended(error: error)
        }
    }

    override func peerLeft(reset: Bool) {
        if state == .idle { close() }
    }

    /// The endpoint takes no more of the request; it may still have answered, so what it sent is read first.
    override func writeFailed(_ error: Int32) {
        if !canRead { ended(error: error) }
    }

    override func drained() { user?.upstreamDrained() }

    // MARK: The end

    override func fail(_ failure: UpstreamFailure) {
        guard let user else {
            close()
            return
        }
        var failure = failure
        failure.wasStale = isReused && !sawBytes && failure.cause == .upstreamReset
        failure.nothingWritten = failure.nothingWritten || (nothingWritten && !sawBytes)
        self.user = nil
        if failure.nothingWritten { worker.unsent.take(&outgoing) }
        close()
        user.upstreamFailed(failure)
        worker.unsent.removeAll(into: loop.blocks)
    }

    func handOver(to user: UpstreamUser) { self.user = user }

    /// The user has its answer: back into the pool, if both sides are done and agree.
    func release(idleTimeout: Nanoseconds) {
        user = nil
        returnHead()
        guard isOpen, reading == .done, requestDone, allowsReuse, unsentBytes == 0, inbox.isEmpty, !peerFinished,
            writeError == 0, !port.isRetired
        else {
            close()
            return
        }
        state = .idle
        isPaused = false
        loop.setDeadline(self, loop.now + idleTimeout)
        port.park(self)
        // Bytes that are there already belong to no answer.
        if canRead { loop.continueLater(self) }
    }

    /// The user wants no more of it. The endpoint is to notice, so that it can stop working.
    func abandon() {
        user = nil
        discardConnection(reset: !requestDone)
    }

    override func close() { discardConnection(reset: false) }

    private func discardConnection(reset: Bool) {
        user = nil
        returnHead()
        closeConnection(reset: reset)
    }

    func returnHead() {
        guard let head else { return }
        self.head = nil
        worker.giveHead(head)
    }
}

extension Stream {
    /// One chunk of a chunked body (RFC 9112 section 7.1).
    func sendChunk(_ bytes: UnsafeRawBufferPointer, with stage: inout ByteBuffer) {
        stage.removeAll()
        stage.append(hex: UInt64(bytes.count))
        stage.append("\r\n")
        enqueue(stage.bytes)
        send(bytes)
        enqueue(staticBytes("\r\n"))
    }
}
