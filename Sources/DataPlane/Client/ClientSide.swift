import Base
import Configuration
import EventLoop
import HTTP

/// The client of an exchange: a connection, or one stream of a connection. An enum, so that a call costs a branch.
enum ClientSide {
    case http1(HTTP1ClientConnection)
    case http2(HTTP2ClientStream)

    var connection: ClientConnection {
        switch self {
        case .http1(let connection): connection
        case .http2(let stream): stream.connection
        }
    }

    /// The exchange may take body bytes again.
    func wake() {
        switch self {
        case .http1(let connection): connection.wake()
        case .http2(let stream): stream.wake()
        }
    }

    /// Bytes of the request that have come and that nobody has taken.
    var unreadBytes: Int {
        switch self {
        case .http1(let connection): connection.inbox.count
        case .http2(let stream): stream.unreadBytes
        }
    }

    // MARK: The answer

    func sendInterim(_ head: MessageHead, to request: MessageHead) {
        switch self {
        case .http1(let connection): connection.sendInterim(head, to: request)
        case .http2(let stream): stream.sendInterim(head)
        }
    }

    /// - Parameter framing: of the body that follows, as the endpoint sends it.
    func sendHead(_ answer: MessageHead, framing: BodyFraming, to request: MessageHead, requestIsComplete: Bool) {
        switch self {
        case .http1(let connection):
            connection.sendHead(answer, framing: framing, to: request, requestIsComplete: requestIsComplete)
        case .http2(let stream): stream.sendHead(answer, framing: framing)
        }
    }

    func sendBody(_ bytes: UnsafeRawBufferPointer) {
        switch self {
        case .http1(let connection): connection.sendBody(bytes)
        case .http2(let stream): stream.sendBody(bytes)
        }
    }

    func sendEnd(trailers: MessageHead?) {
        switch self {
        case .http1(let connection): connection.sendEnd(trailers: trailers)
        case .http2(let stream): stream.sendEnd(trailers: trailers)
        }
    }

    /// An answer made here, as a whole.
    ///
    /// - Parameter body: `nil` where the status has none. Not sent in answer to HEAD, but described.
    func sendAnswer(_ answer: MessageHead, body: UnsafeRawBufferPointer?, to request: MessageHead) {
        switch self {
        case .http1(let connection): connection.sendAnswer(answer, body: body, to: request)
        case .http2(let stream): stream.sendAnswer(answer, body: body, isHead: request.method == .head)
        }
    }

    /// The client is so far behind that whoever feeds it has to wait for `Exchange.clientDrained`, which this asks for.
    func waitsForDrain() -> Bool {
        switch self {
        case .http1(let connection):
            guard connection.unsentBytes > Exchange.backlogLimit else { return false }
            connection.awaitsDrain = true
            return true
        case .http2(let stream): return stream.waitsForDrain()
        }
    }

    /// The client has not taken all there is for it.
    var isBehind: Bool {
        switch self {
        case .http1(let connection): connection.unsentBytes > 0
        case .http2(let stream): stream.queuedBytes > 0
        }
    }

    /// Where an answer's body may go without being looked at.
    var answerSpliceTarget: HTTP1ClientConnection? {
        switch self {
        case .http1(let connection): connection.answerSpliceTarget
        case .http2: nil
        }
    }

    // MARK: Its end

    /// What follows a broken request cannot be read. A stream ends by itself.
    func closeAfterThis() { if case .http1(let connection) = self { connection.closeAfterThis() } }

    /// An answer is made before the request has been read.
    func prepareToAnswerEarly() { if case .http1(let connection) = self { connection.prepareToAnswerEarly() } }

    /// The answer ends here, incomplete, and must not look complete.
    ///
    /// - Parameter code: what the endpoint gave as its reason, for clients that can be told.
    func cutAfterThis(_ code: HTTP2ErrorCode?) {
        switch self {
        case .http1(let connection): connection.cutAfterThis()
        case .http2(let stream): stream.cutAfterThis(code ?? .internalError)
        }
    }

    func exchangeEnded() {
        switch self {
        case .http1(let connection): connection.exchangeEnded()
        case .http2(let stream): stream.exchangeEnded()
        }
    }
}
