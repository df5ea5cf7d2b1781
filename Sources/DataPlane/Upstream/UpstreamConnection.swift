import Base
import CLinux
import EventLoop
import Glibc
import HTTP
import TLS
import Telemetry

/// One HTTP/1.1 connection to an endpoint, used for one request after the other.
///
///     connecting --established--> (handshaking -->) busy --both ends done--> idle (pooled) --lease--> busy
///     any --failure, leftover bytes, Connection: close--> closed
final class UpstreamConnection: Stream {
    /// Interim answers in a row before the endpoint is taken for broken: no server sends more than a few.
    static let maxInterim = 16
    /// Bytes of an answer's head: as much as clients may send by default.
    static let headLimit = 64 * 1024

    enum State { case connecting, handshaking, idle, busy }
    enum Reading { case head, body, trailers, done }

    let worker: Worker
    let endpoint: EndpointPool
    var state = State.connecting
    private(set) var user: UpstreamUser?
    /// It counts against the backend's limit of connections.
    private var holdsPlace = true
    /// It has served a request before this one.
    private(set) var isReused = false

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

    init(worker: Worker, endpoint: EndpointPool) {
        self.worker = worker
        self.endpoint = endpoint
        super.init(loop: worker.loop)
    }

    // MARK: Establishing

    /// Starts to connect for `user`. Failures come as events, never from inside this call.
    func connect(for user: UpstreamUser, method: Method, timeout: Nanoseconds) {
        begin(user, method)
        state = .connecting
        let socket = sluice_socket(endpoint.address.family)
        guard socket >= 0 else {
            connectError = Int32(-socket)
            loop.later { [self] in connectFailed() }
            return
        }
        _ = sluice_set_nodelay(Int32(socket))
        if endpoint.address.isLoopback { _ = sluice_set_unpaced(Int32(socket)) }
        let result = endpoint.address.withKernelForm { sluice_connect(Int32(socket), $0, $1) }
        guard result >= 0 || result == -Int(EINPROGRESS) else {
            Glibc.close(Int32(socket))
            connectError = Int32(-result)
            loop.later { [self] in connectFailed() }
            return
        }
        guard openConnecting(Int32(socket)) else {
            connectError = ENOMEM
            loop.later { [self] in connectFailed() }
            return
        }
        loop.setDeadline(self, loop.now + timeout)
    }

    private var connectError: Int32 = 0

    override func becameWritable() {
        if state == .connecting {
            let error = sluice_socket_error(descriptor)
            guard error == 0 else {
                connectError = error
                connectFailed()
                return
            }
            if let tls = endpoint.tls { beginHandshake(tls) } else { becomeUsable() }
        }
        guard isOpen else { return }
        super.becameWritable()
        if unsentBytes > 0 || user != nil { user?.upstreamProgressed() }
    }

    /// The time for connecting goes on: an endpoint that does not finish is as good as unreachable.
    private func beginHandshake(_ tls: UpstreamTLS) {
        state = .handshaking
        secure(with: TLSSession(client: tls.context, serverName: tls.serverName, endpoint: endpoint.addressText))
        startHandshake()
    }

    override func handshakeFinished() { becomeUsable() }

    private func becomeUsable() {
        state = .busy
        loop.setDeadline(self, .never)
        user?.upstreamConnected()
    }

    private func connectFailed() {
        // Out of descriptors or ports is our trouble, not the endpoint's.
        let isOurs = [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL].contains(connectError)
        fail(UpstreamFailure(cause: isOurs ? .overloaded : .connectFailed, nothingWritten: true))
    }

    override func expired(now: Instant) {
        switch state {
        case .connecting: fail(UpstreamFailure(cause: .connectTimeout, nothingWritten: true))
        case .handshaking: fail(UpstreamFailure(cause: .tlsHandshake, nothingWritten: true))
        case .idle: close()
        case .busy: break
        }
    }

    // MARK: The request

    /// Takes a pooled connection into use.
    func lease(for user: UpstreamUser, method: Method) {
        isReused = true
        state = .busy
        loop.setDeadline(self, .never)
        begin(user, method)
    }

    private func begin(_ user: UpstreamUser, _ method: Method) {
        self.user = user
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
    func sendUnsent(_ bytes: inout ByteQueue, framing: BodyFraming, isComplete: Bool) {
        chunksRequest = framing == .chunked
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

    func fail(_ failure: UpstreamFailure) {
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

    /// The user has its answer: back into the pool, if both sides are done and agree.
    func release(idleTimeout: Nanoseconds) {
        user = nil
        returnHead()
        guard isOpen, reading == .done, requestDone, allowsReuse, unsentBytes == 0, inbox.isEmpty, !peerFinished,
            writeError == 0, !endpoint.isRetired
        else {
            close()
            return
        }
        state = .idle
        isPaused = false
        loop.setDeadline(self, loop.now + idleTimeout)
        endpoint.park(self)
        // Bytes that are there already belong to no answer.
        if canRead { loop.continueLater(self) }
    }

    /// The user wants no more of it. The endpoint is to notice, so that it can stop working.
    func abandon() {
        user = nil
        discardConnection(reset: !requestDone)
    }

    func close() { discardConnection(reset: false) }

    /// Closes it and leaves its place to the connection that is opened instead.
    func closeKeepingPlace() {
        holdsPlace = false
        close()
        endpoint.connectionReplaced()
    }

    private func discardConnection(reset: Bool) {
        if state == .idle { endpoint.unpark(self) }
        user = nil
        returnHead()
        discard(reset: reset)
        loop.removeDeadline(self)
        guard holdsPlace else { return }
        holdsPlace = false
        endpoint.connectionClosed()
    }

    private func returnHead() {
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
