import Base
import ControlPlane
import EventLoop
import HTTP
import Kubernetes
import TLS

/// One connection to the operator's side: small requests, answered one after the other.
///
///     head --head complete--> body --body complete--> answering --answer queued--> head
///     answering --it was the last--> closing --all taken--> lingering
///     answering --the answer goes on--> streaming --its end--> closing
final class AdminConnection: Stream {
    /// Bytes of a request's head and of its body: no call needs more.
    private static let headLimit = 16 * 1024
    private static let bodyLimit: UInt64 = 64 * 1024
    /// A request has to be complete, and an answer taken, within this time; between requests as well.
    static let timeout = Nanoseconds.seconds(30)
    /// How long a client that was refused may go on sending: closing at once would reset the connection, and with that take
    /// the answer from a client still writing (RFC 9112 section 9.6).
    static let lingerTime = Nanoseconds.seconds(2)

    enum State { case head, body, answering, streaming, closing, lingering }

    let listening: AdminListening
    let session: LoginSession
    let home: AdminConnections
    let role: AdminServer.Role
    var state = State.head
    /// Since when it has waited for a request, or for the rest of one.
    private(set) var waitsSince: Instant
    /// The authorities by which the client's certificate was judged.
    private var judgedBy: [UInt8]?
    let head = MessageHead()
    private var body = BodyReader()
    private var inbox = ByteBuffer()
    private var received: [UInt8] = []
    var keepsOpen = true

    // Of a stream of events.
    var subscription: FeedSubscription?
    var backlogLimit = 0
    var acknowledgedBefore: UInt64 = 0

    init(
        loop: Loop, listening: AdminListening, address: SocketAddress?, home: AdminConnections, role: AdminServer.Role
    ) {
        self.listening = listening
        self.home = home
        self.role = role
        session = LoginSession(address)
        waitsSince = loop.now
        super.init(loop: loop)
    }

    func start(_ descriptor: Int32) -> Bool {
        guard openEstablished(descriptor) else { return false }
        if let secure = listening.current.secure {
            self.secure(with: TLSSession(server: secure.context))
            judgedBy = secure.clientCA
            loop.setDeadline(self, loop.now + secure.handshakeTimeout)
        } else {
            loop.setDeadline(self, loop.now + Self.timeout)
        }
        return true
    }

    override func handshakeFinished() { loop.setDeadline(self, loop.now + Self.timeout) }

    /// Whether it is the client's turn.
    var isWaiting: Bool { state == .head || state == .body || state == .lingering }

    // MARK: Reading

    override var wantsRead: Bool {
        switch state {
        case .head: !awaitsDrain
        case .body, .lingering: true
        case .answering, .streaming, .closing: false
        }
    }

    override func readable() {
        switch receive() {
        case .bytes(let bytes):
            guard state != .lingering else { return }
            inbox.append(bytes)
            parse()
        case .nothing: break
        case .failed where tls?.failure?.kind == .plaintext && state == .head:
            // Told in the language it understands.
            speakCleartext()
            refuse(400, "this port speaks HTTPS, and the request was plain HTTP")
        case .end, .failed: close()
        }
    }

    override func resumed() { parse() }

    private func parse() {
        while isOpen {
            switch state {
            case .head:
                guard !awaitsDrain else { return }
                guard !inbox.isEmpty else {
                    inbox.release()
                    return
                }
                switch head.parseRequest(inbox.bytes, limit: Self.headLimit) {
                case .incomplete: return
                case .failed(let error): refuse(error.kind == .headTooLarge ? 431 : 400, "\(error.reason)")
                case .complete(let length): begin(length)
                }
            case .body: if !readBody() { return }
            case .answering, .streaming, .closing, .lingering: return
            }
        }
    }

    private func begin(_ length: Int) {
        inbox.consume(length)
        keepsOpen = head.allowsReuse
        body = BodyReader(head.framing)
        state = .body
        if head.expectsContinue, inbox.isEmpty { enqueue(staticBytes("HTTP/1.1 100 Continue\r\n\r\n")) }
    }

    /// - Returns: false while more has to arrive.
    private func readBody() -> Bool {
        if let left = body.remaining, left > Self.bodyLimit - UInt64(received.count) {
            refuse(413, "a body has at most \(Self.bodyLimit / 1024) KiB here")
            return true
        }
        var offset = 0
        switch body.next(inbox.bytes, from: &offset) {
        case .data(let count):
            guard UInt64(received.count + count) <= Self.bodyLimit else {
                refuse(413, "a body has at most \(Self.bodyLimit / 1024) KiB here")
                return true
            }
            received += inbox.bytes[offset..<(offset + count)]
            inbox.consume(offset + count)
        case .needMore:
            inbox.consume(offset)
            return false
        case .end:
            inbox.consume(offset)
            answer()
        case .trailers: refuse(400, "a body with trailers is not read here")
        case .failed(let error): refuse(400, "\(error.reason)")
        }
        return true
    }

    private func answer() {
        let rules = listening.current
        guard (rules.secure == nil) == (tls == nil) else {
            refuse(400, "this port has begun to speak another protocol, connect again")
            return
        }
        state = .answering
        // The gateway takes the time it needs.
        loop.setDeadline(self, .never)
        var request = AdminRequest(method: head.method, target: text(head.slice(head.target)))
        request.fields = AdminRequest.Fields(head)
        request.client = session.client
        request.body = received
        received = []
        let reference = LoopBound(self)
        let completion: @Sendable (AdminResponse) -> Void = { response in
            reference.value.loop.post { reference.value.send(response) }
        }
        switch rules.door {
        case .operators(let api): api.handle(request, session, now: loop.now, completion: completion)
        case .autoscalers(let api):
            // Authorities that were taken away do not count on old connections either.
            if let judgedBy, judgedBy == rules.secure?.clientCA { request.certificateName = tls?.peerCommonName }
            api.handle(request, completion: completion)
        }
    }

    func refuse(_ status: Int, _ reason: String) {
        keepsOpen = false
        received = []
        send(role == .customMetrics ? .status(.malformed(status, reason)) : .error(status, reason))
    }

    /// The last answer was queued, or was just taken.
    func awaitRequest() {
        state = .head
        waitsSince = loop.now
        head.reset()
        loop.setDeadline(self, loop.now + Self.timeout)
    }

    // MARK: Events

    override func drained() { if state == .closing { linger() } }

    private func linger() {
        state = .lingering
        inbox.release()
        finishWriting()
        loop.setDeadline(self, loop.now + Self.lingerTime)
    }

    /// A reader of events that sends no more has gone: nobody asks for them and then half-closes.
    override func peerLeft(reset: Bool) { if reset || state == .streaming { close() } }
    override func writeFailed(_ error: Int32) { close() }
    override func expired(now: Instant) { if state == .streaming { checkReader() } else { close() } }

    func close(reset: Bool = false) {
        guard isOpen else { return }
        subscription?.cancel()
        subscription = nil
        discard(reset: reset)
        loop.removeDeadline(self)
        home.remove(self)
    }
}
