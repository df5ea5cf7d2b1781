import Base
import EventLoop
import HTTP

/// One stream of a client's HTTP/2 connection, between the session and the exchange.
///
/// Body bytes go to the exchange as they come; while that takes none they are kept, and the stream's window, which opens
/// only as bytes are taken, bounds how many that can be.
final class HTTP2ClientStream: HTTP2Stream {
    let connection: HTTP2ClientConnection
    private var exchange: Exchange?
    private var inbox = ByteQueue()
    /// The end of the request is behind what `inbox` holds.
    private var endIsKept = false
    private var keptTrailers: MessageHead?
    /// Waits in the connection's list of streams that may go on.
    private var isWoken = false
    private var cutCode: HTTP2ErrorCode?

    init(_ seed: HTTP2StreamSeed, _ connection: HTTP2ClientConnection) {
        self.connection = connection
        super.init(seed)
    }

    private var session: HTTP2Session { connection.session }

    var unreadBytes: Int { inbox.count }

    // MARK: The request

    func headComplete() {
        let exchange = connection.worker.takeExchange(.http2(self))
        self.exchange = exchange
        session.moveHead(of: self, to: exchange.head)
        if let refusal {
            exchange.reject(refusal)
            return
        }
        if exchange.head.endsMessage { exchange.requestEnd(trailers: nil) }
        exchange.decide()
    }

    func body(_ bytes: UnsafeRawBufferPointer) {
        guard let exchange else { return }
        guard inbox.isEmpty, exchange.acceptsBody else {
            inbox.append(bytes, from: connection.loop.blocks)
            exchange.bodyWaits(bytes.count)
            return
        }
        take(bytes, exchange)
    }

    private func take(_ bytes: UnsafeRawBufferPointer, _ exchange: Exchange) {
        exchange.requestBody(bytes)
        if self.exchange === exchange { session.consumed(self, bytes.count) }
    }

    /// - Parameter trailers: valid during the call.
    func ended(trailers: MessageHead?) {
        guard let exchange, !exchange.isRequestComplete, !endIsKept else { return }
        if inbox.isEmpty && exchange.acceptsBody {
            exchange.requestEnd(trailers: trailers)
            return
        }
        endIsKept = true
        if trailers != nil { keptTrailers = session.takeTrailers() }
    }

    func wake() {
        guard !isWoken, !inbox.isEmpty || endIsKept else { return }
        isWoken = true
        connection.resumeLater(self)
    }

    /// Hands over what was kept, as far as it is taken now.
    func resumed() {
        isWoken = false
        while let exchange, exchange.acceptsBody, !inbox.isEmpty {
            let run = inbox.first
            take(run, exchange)
            guard self.exchange === exchange else { return }
            inbox.consume(run.count, into: connection.loop.blocks)
        }
        guard let exchange, exchange.acceptsBody, endIsKept else { return }
        endIsKept = false
        exchange.requestEnd(trailers: keptTrailers)
        returnTrailers()
    }

    private func returnTrailers() {
        guard let keptTrailers else { return }
        self.keptTrailers = nil
        session.recycle(keptTrailers)
    }

    // MARK: The answer

    func sendInterim(_ head: MessageHead) {
        let fields = session.fieldList()
        fields.interim(head)
        session.interim(self, fields)
        connection.flushLater()
    }

    func sendHead(_ answer: MessageHead, framing: BodyFraming) {
        let fields = session.fieldList()
        fields.answer(answer, framing: framing)
        session.answer(self, fields, endsStream: framing == .none || answer.endsMessage)
        connection.flushLater()
    }

    func sendBody(_ bytes: UnsafeRawBufferPointer) {
        session.send(self, bytes)
        connection.flushLater()
    }

    func sendEnd(trailers: MessageHead?) {
        session.finish(self, trailers: trailers)
        connection.flushLater()
    }

    func sendAnswer(_ answer: MessageHead, body: UnsafeRawBufferPointer?, isHead: Bool) {
        let fields = session.fieldList()
        fields.answer(answer, framing: body.map { .length(UInt64($0.count)) } ?? .none)
        let content = isHead ? nil : body
        session.answer(self, fields, endsStream: content?.isEmpty ?? true)
        if let content, !content.isEmpty { session.send(self, content, endsStream: true) }
        connection.flushLater()
    }

    func waitsForDrain() -> Bool {
        guard queuedBytes > session.limits.streamQueue else { return false }
        session.awaitDrain(self)
        return true
    }

    func drained() { exchange?.clientDrained() }

    // MARK: The end

    func cutAfterThis(_ code: HTTP2ErrorCode) { cutCode = code }

    /// The stream is over. That is the exchange's own doing where it has given all there is; otherwise the client has left,
    /// and an answer under way goes nowhere.
    func closed(_ code: HTTP2ErrorCode) {
        if isFinished && code == .noError { return }
        exchange?.clientLeft()
    }

    func exchangeEnded() {
        exchange = nil
        inbox.removeAll(into: connection.loop.blocks)
        returnTrailers()
        if let cutCode {
            // A reset overtakes what the session has not framed yet, and the client should see the beginning of its answer.
            _ = connection.refill()
            session.reset(self, cutCode)
            connection.flushLater()
        }
        connection.streamLeft()
    }
}
