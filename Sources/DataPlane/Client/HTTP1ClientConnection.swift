import Base
import EventLoop
import HTTP
import TLS
import Telemetry

/// One HTTP/1.1 connection from a client: requests in, answers out, one after the other (RFC 9112 section 9.3.2).
///
///     head --head complete--> body --body complete--> responding --answer sent--> head
///     responding --changed to WebSocket--> tunnel --its client sends no more--> responding
///     responding/body --answered early--> discarding (little is left) or closing (much is left) --> head or lingering
///
/// Between requests it holds no exchange and no buffers.
final class HTTP1ClientConnection: ClientConnection {
    /// A FIN is a client that has gone, or one that half-closes and waits for its answer: TCP shows both the same way, and
    /// for a model on a GPU it matters to stop working for nobody. An interim answer tells them apart: the one that has gone
    /// resets the connection, the one that waits has to skip it (RFC 9110 section 15.2). A FIN this soon after the last byte
    /// is likely to be of one that waits, and is left alone for a while; most answers are there by then.
    private static let halfCloseGrace = Nanoseconds.milliseconds(50)
    private static let probeDelay = Nanoseconds.milliseconds(200)
    /// The rest of a request that is read and thrown away so that the connection can go on; a longer one costs more than a
    /// new connection.
    static let discardLimit: UInt64 = 64 * 1024
    /// How long a client that was answered early may go on sending before the connection is closed: in all, and with nothing
    /// arriving. Closing at once would reset it, and with that take the answer from a client still writing (RFC 9112 9.6).
    static let lingerTotal = Nanoseconds.seconds(10)
    static let lingerIdle = Nanoseconds.seconds(2)

    /// How long a request whose header has begun to arrive may hold up the end of the gateway.
    static let unfinishedHeadWait = Nanoseconds.seconds(1)

    enum State { case head, body, trailers, responding, tunnel, discarding, closing, lingering }
    enum Cut { case no, close, reset }

    var state = State.head
    var exchange: Exchange?
    var body = BodyReader()
    var trailers: MessageHead?
    /// What was read and cannot be used yet: an incomplete head, or what follows the present request.
    var inbox = ByteBuffer()
    var isConsuming = false
    var mustClose = false
    private var lastReceived = Instant(nanoseconds: 0)
    var lingerUntil = Instant.never
    var needsLinger = false
    var cut = Cut.no
    /// How the answer's body goes out.
    var answerFraming = BodyFraming.none
    /// `acknowledgedBytes` when the present idle timeout began, if an answer was still on its way then.
    var takenAtDeadline: UInt64 = 0
    /// What the first bytes have to tell is told.
    private var isProtocolKnown = false

    func start(_ descriptor: Int32) -> Bool {
        guard openEstablished(descriptor) else { return false }
        begin()
        return true
    }

    /// The socket is there.
    func begin() {
        lastReceived = loop.now
        if let context = listener.tls {
            secure(with: TLSSession(server: context))
            loop.setDeadline(self, loop.now + listener.handshakeTimeout)
        } else {
            loop.setDeadline(self, loop.now + listener.idleTimeout)
        }
    }

    override func handshakeFinished() {
        listener.connections.count(tls?.isResumed == true ? .resumed : .full)
        loop.setDeadline(self, loop.now + listener.idleTimeout)
        noteSubject()
    }

    // MARK: Reading

    override var wantsRead: Bool {
        switch state {
        case .head: !awaitsDrain
        case .body, .trailers, .tunnel: exchange?.acceptsBody ?? false
        case .discarding, .lingering: true
        case .responding, .closing: false
        }
    }

    override func readable() {
        if state == .body, spliceBody() { return }
        switch receive() {
        case .bytes(let bytes):
            lastReceived = loop.now
            if inbox.isEmpty {
                isConsuming = true
                let used = consume(bytes)
                isConsuming = false
                if isOpen && used < bytes.count {
                    inbox.append(UnsafeRawBufferPointer(rebasing: bytes[used...]))
                    exchange?.bodyWaits(bytes.count &- used)
                }
            } else {
                inbox.append(bytes)
                consumeInbox()
            }
        case .nothing: break
        case .end:
            if takesRequestsFirst() { readMayBringMore() } else { inputEnded() }
        case .failed:
            if let tls, !tls.isEstablished {
                handshakeFailed(tls.failure?.kind)
            } else if state == .tunnel, exchange?.tunnel?.toClient != .closed {
                leave()
            } else {
                inputEnded()
            }
        }
    }

    /// Moves a large body on inside the kernel, where nobody else has to see it.
    ///
    /// - Returns: false where it has to be read.
    private func spliceBody() -> Bool {
        guard inbox.isEmpty, let remaining = body.remaining, remaining >= Stream.worthSplicing, let exchange,
            let target = exchange.spliceTarget
        else { return false }
        switch target.splice(from: self, limit: remaining) {
        case .moved(let count):
            lastReceived = loop.now
            body.skip(UInt64(count))
            exchange.requestBodySpliced(count)
            if body.remaining == 0 { bodyEnded(exchange, trailers: nil) }
        case .nothing: break
        case .end, .failed: inputEnded()
        case .unavailable: return false
        }
        return true
    }

    /// Something that stood in the way of reading has gone; looked at in a turn of its own.
    func wake() { if isOpen && !isConsuming { loop.continueLater(self) } }

    override func resumed() { if !inbox.isEmpty { consumeInbox() } }

    private func consumeInbox() {
        guard !isConsuming else { return }
        isConsuming = true
        let used = consume(inbox.bytes)
        isConsuming = false
        inbox.consume(used)
        if inbox.isEmpty { inbox.release() }
    }

    /// - Returns: how many of the bytes are used up.
    private func consume(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        while isOpen {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            switch state {
            case .head:
                guard !rest.isEmpty, !awaitsDrain else { return offset }
                // One turn may bring a thousand small requests; their exchanges are used again as they end.
                worker.recycle()
                guard let used = consumeHead(rest) else { return offset }
                offset &+= used
            case .body:
                guard let exchange, exchange.acceptsBody else { return offset }
                guard consumeBody(bytes, &offset, exchange) else { return offset }
            case .trailers:
                guard let exchange, exchange.acceptsBody, let used = consumeTrailers(rest, exchange) else {
                    return offset
                }
                offset &+= used
            case .tunnel:
                guard !rest.isEmpty, let exchange, exchange.acceptsBody else { return offset }
                exchange.tunnelBytes(rest)
                return bytes.count
            case .discarding:
                guard discardBody(bytes, &offset) else { return offset }
            case .responding, .closing: return offset
            case .lingering: return bytes.count
            }
        }
        return bytes.count
    }

    private func consumeHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let exchange: Exchange
        if let present = self.exchange {
            exchange = present
        } else {
            // Its time runs already where it began like HTTP/2.
            let hasBegun = !isProtocolKnown && !inbox.isEmpty
            guard isProtocolKnown || learnProtocol(bytes) else { return isOpen ? nil : bytes.count }
            exchange = worker.takeExchange(.http1(self))
            self.exchange = exchange
            if !hasBegun { loop.setDeadline(self, loop.now + listener.headerTimeout) }
        }
        let head = exchange.head
        switch head.parseRequest(bytes, limit: listener.headerBytes) {
        case .incomplete: return nil
        case .failed(let error):
            loop.setDeadline(self, .never)
            state = .body
            exchange.reject(error)
            return bytes.count
        case .complete(let length):
            loop.setDeadline(self, .never)
            // Who does not wait for 101 sends what may look like a request: whoever asks for WebSocket and gets another answer
            // is not read from again.
            mustClose = !head.allowsReuse || head.asksForWebSocket
            body = BodyReader(head.framing)
            if body.remaining == 0 {
                state = .responding
                exchange.requestEnd(trailers: nil)
            } else {
                state = .body
            }
            exchange.decide()
            return length
        }
    }

    /// HTTP/2 is agreed on in the TLS handshake, or begins with a preface that is no request (RFC 9113 section 3).
    ///
    /// - Returns: whether it is HTTP/1.1; if not, more has to come, or an HTTP/2 connection has taken over.
    private func learnProtocol(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let agreed = tls?.alpn
        let preface = staticBytes(http2Preface)
        let count = min(bytes.count, preface.count)
        let beginsLikeHTTP2 =
            agreed == nil
            && equals(
                UnsafeRawBufferPointer(rebasing: bytes[..<count]), UnsafeRawBufferPointer(rebasing: preface[..<count]))
        if agreed == "h2" || (beginsLikeHTTP2 && count == preface.count) {
            let successor = HTTP2ClientConnection(takingOver: self)
            worker.connectionReplaced(self, by: successor)
            successor.start(bytes)
            return false
        }
        if beginsLikeHTTP2 {
            // Of all its pieces together.
            if inbox.isEmpty { loop.setDeadline(self, loop.now + listener.headerTimeout) }
            return false
        }
        isProtocolKnown = true
        return true
    }

    private func consumeBody(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int, _ exchange: Exchange) -> Bool {
        switch body.next(bytes, from: &offset) {
        case .data(let count):
            let data = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset &+ count)])
            offset &+= count
            let isLast = body.remaining == 0
            exchange.requestBody(data)
            // It may have been refused for its size.
            if isLast && state == .body && self.exchange === exchange { bodyEnded(exchange, trailers: nil) }
            return true
        case .needMore: return false
        case .end:
            bodyEnded(exchange, trailers: nil)
            return true
        case .trailers:
            state = .trailers
            return true
        case .failed(let error):
            exchange.reject(error)
            return true
        }
    }

    private func consumeTrailers(_ bytes: UnsafeRawBufferPointer, _ exchange: Exchange) -> Int? {
        guard !bytes.isEmpty else { return nil }
        let head = trailers ?? worker.takeHead()
        trailers = head
        switch head.parseTrailers(bytes, limit: listener.headerBytes) {
        case .incomplete: return nil
        case .failed(let error):
            returnTrailers()
            exchange.reject(error)
            return bytes.count
        case .complete(let length):
            bodyEnded(exchange, trailers: head)
            returnTrailers()
            return length
        }
    }

    private func bodyEnded(_ exchange: Exchange, trailers: MessageHead?) {
        state = .responding
        exchange.requestEnd(trailers: trailers)
    }

    private func discardBody(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Bool {
        guard case .data(let count) = body.next(bytes, from: &offset) else { return false }
        offset &+= count
        if body.remaining == 0 { becomeIdle() }
        return true
    }

    func returnTrailers() {
        if let trailers { worker.giveHead(trailers) }
        trailers = nil
    }

    // MARK: Events

    override func drained() {
        if state == .closing {
            finishClosing()
        } else if let exchange {
            exchange.clientDrained()
        } else {
            wake()
        }
    }

    /// Uses what was read before the client's end and had to wait.
    ///
    /// - Returns: whether that keeps the connection busy. The end is read once more afterwards.
    private func takesRequestsFirst() -> Bool {
        guard !inbox.isEmpty, state != .tunnel else { return false }
        consumeInbox()
        return isOpen && !wantsRead
    }

    func inputEnded() {
        guard isOpen else { return }
        // To requests before the present one.
        let hasAnswers = unsentBytes > 0 && exchange?.isHeadSent != true
        switch state {
        case .head where exchange != nil || hasAnswers: leaveAfterAnswers()
        case .body where hasAnswers: leaveAfterAnswers()
        case .trailers where hasAnswers: leaveAfterAnswers()
        case .discarding: leaveAfterAnswers()
        case .head, .body, .trailers: leave()
        case .responding: break
        case .tunnel:
            consumeInbox()
            state = .responding
            exchange?.clientEnded()
        case .closing, .lingering: close(reset: false)
        }
    }

    /// The beginning of a request is dropped, and the answers before it still go out.
    private func leaveAfterAnswers() {
        inbox.removeAll()
        // Nothing more of it comes, so nothing is waited for.
        state = .responding
        mustClose = true
        if let exchange { exchange.clientLeft() } else { closeAfterFlush() }
    }

    override func peerLeft(reset: Bool) {
        guard let exchange, exchange.phase != .reading else {
            if reset { leave() }
            return
        }
        // Where both sides have ended the kernel says the same as after a reset.
        if state == .tunnel, exchange.tunnel?.toClient == .closed { return }
        // While the request is being read, reading tells whether all of it came.
        if !reset && (state == .body || state == .trailers) && wantsRead { return }
        if reset {
            leave()
        } else if loop.now.since(lastReceived) > Self.halfCloseGrace {
            probe(exchange)
        } else {
            loop.setDeadline(self, loop.now + Self.probeDelay)
        }
    }

    override func blocked() {
        // Asked for only here: it is a system call.
        if exchange == nil { takenAtDeadline = acknowledgedBytes }
    }

    override func writeFailed(_ error: Int32) { leave() }

    override func expired(now: Instant) {
        if let tls, !tls.isEstablished, state == .head { listener.connections.count(.timeout) }
        if state == .lingering, now < lingerUntil, now.since(lastReceived) < Self.lingerIdle {
            loop.setDeadline(self, min(lingerUntil, lastReceived + Self.lingerIdle))
        } else if let exchange, state == .head {
            mustClose = true
            exchange.reject(.headerTimeout)
        } else if let exchange {
            probe(exchange)
        } else if state == .head || state == .closing, unsentBytes > 0, acknowledgedBytes != takenAtDeadline {
            // It still reads the last answer.
            armIdleTimeout()
        } else {
            close(reset: state == .closing)
        }
    }

    override var idleSince: Instant? {
        isBetweenRequests && unsentBytes == 0 ? lastReceived : nil
    }

    override func drain() {
        // A request that is already there gets its answer, and that ends the connection.
        guard state == .head else { return }
        if exchange != nil || (!isProtocolKnown && !inbox.isEmpty) {
            loop.setDeadline(self, loop.now + Self.unfinishedHeadWait)
        } else if isBetweenRequests {
            closeAfterFlush()
        }
    }

    /// Nothing of a next request is there.
    private var isBetweenRequests: Bool { state == .head && exchange == nil && !canRead && inbox.isEmpty }

    /// One that has just been accepted has its whole time for a handshake.
    override func drainPatiently() {
        if state == .head, exchange == nil, tls?.isEstablished != false { armIdleTimeout() }
    }

    override func cutNow() {
        if let exchange, exchange.tunnel != nil { exchange.cut(.draining) } else { leave() }
    }
}
