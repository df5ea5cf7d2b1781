import Base
import EventLoop
import HTTP

/// One connection to the operator's side: small requests, answered one after the other.
final class AdminConnection: Stream {
    /// Bytes of a request's head and of its body: no call needs more.
    private static let headLimit = 16 * 1024
    private static let bodyLimit: UInt64 = 64 * 1024
    /// A request has to be complete, and an answer taken, within this time; between requests as well.
    private static let timeout = Nanoseconds.seconds(30)

    private enum State { case head, body, answering, closing }

    private let api: AdminAPI
    private let mayStay: () -> Bool
    private let ended: (AdminConnection) -> Void
    private var state = State.head
    private let head = MessageHead()
    private var body = BodyReader()
    private var inbox = ByteBuffer()
    private var received: [UInt8] = []
    private var keepsOpen = true

    /// - Parameters:
    ///   - mayStay: whether a connection may be used for one more request.
    ///   - ended: called once, when the connection is closed.
    init(
        loop: Loop, api: AdminAPI, mayStay: @escaping () -> Bool, ended: @escaping (AdminConnection) -> Void
    ) {
        self.api = api
        self.mayStay = mayStay
        self.ended = ended
        super.init(loop: loop)
    }

    func start(_ descriptor: Int32) -> Bool {
        guard openEstablished(descriptor) else { return false }
        loop.setDeadline(self, loop.now + Self.timeout)
        return true
    }

    override var wantsRead: Bool { state == .head || state == .body }

    override func readable() {
        switch receive() {
        case .bytes(let bytes):
            inbox.append(bytes)
            parse()
        case .nothing: break
        case .end, .failed: close()
        }
    }

    override func resumed() { parse() }

    private func parse() {
        while isOpen {
            switch state {
            case .head:
                guard !inbox.isEmpty else {
                    inbox.release()
                    return
                }
                switch head.parseRequest(inbox.bytes, limit: Self.headLimit) {
                case .incomplete: return
                case .failed(let error): refuse(400, error.reason)
                case .complete(let length):
                    inbox.consume(length)
                    keepsOpen = head.allowsReuse
                    body = BodyReader(head.framing)
                    state = .body
                }
            case .body: if !readBody() { return }
            case .answering, .closing: return
            }
        }
    }

    /// - Returns: false while more has to arrive.
    private func readBody() -> Bool {
        var offset = 0
        switch body.next(inbox.bytes, from: &offset) {
        case .data(let count):
            if UInt64(received.count + count) > Self.bodyLimit || body.remaining ?? 0 > Self.bodyLimit {
                refuse(413, "the body is larger than the limit")
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
        case .trailers, .failed: refuse(400, "the body cannot be read")
        }
        return true
    }

    private func answer() {
        state = .answering
        let request = AdminRequest(
            method: head.method, target: text(head.slice(head.target)),
            host: head.hostIndex >= 0 ? text(head.value(head.hostIndex)) : "",
            origin: value(named: "origin"), accept: value(named: "accept"), body: received)
        received = []
        let reference = LoopBound(self)
        api.handle(request) { response in
            reference.value.loop.post { reference.value.send(response) }
        }
    }

    private func value(named name: StaticString) -> String? {
        for index in 0..<head.fieldCount where equalsIgnoringCase(head.name(index), name) {
            return text(head.value(index))
        }
        return nil
    }

    private func refuse(_ status: Int, _ reason: StaticString) {
        keepsOpen = false
        send(.error(status, "\(reason)"))
    }

    private func send(_ response: AdminResponse) {
        guard isOpen else { return }
        keepsOpen = keepsOpen && mayStay()
        var out = ByteBuffer()
        out.append("HTTP/1.1 ")
        out.append(decimal: UInt64(response.status))
        out.append(text: " \(response.reason)\r\nContent-Type: \(response.contentType)\r\n")
        // What the gateway says of itself is for operators, not for other pages or caches.
        out.append("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Length: ")
        out.append(decimal: UInt64(response.body.count))
        out.append(keepsOpen ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
        if head.method != .head { out.append(response.body) }
        enqueue(out.bytes)
        head.reset()
        state = keepsOpen ? .head : .closing
        loop.setDeadline(self, loop.now + Self.timeout)
        flush()
        if unsentBytes == 0 { drained() } else { awaitsDrain = true }
    }

    override func drained() {
        if state == .closing { close() } else { loop.continueLater(self) }
    }

    override func peerLeft(reset: Bool) { if reset { close() } }
    override func writeFailed(_ error: Int32) { close() }
    override func expired(now: Instant) { close() }

    func close() {
        guard isOpen else { return }
        discard(reset: false)
        loop.removeDeadline(self)
        ended(self)
    }
}
