import Base
import EventLoop
import HTTP

/// The way back to a client that speaks HTTP/1.1: what the exchange says in neutral terms, in bytes.
extension HTTP1ClientConnection {
    func sendInterim(_ head: MessageHead, to request: MessageHead) {
        // HTTP/1.0 knows no interim answers (RFC 9110 section 15.2).
        guard request.minorVersion == 1 else { return }
        worker.stage.removeAll()
        HeadWriter.interim(head, into: &worker.stage)
        enqueue(worker.stage.bytes)
    }

    /// HTTP ends here: bytes go both ways as they come.
    func sendSwitch(_ answer: MessageHead) {
        worker.stage.removeAll()
        HeadWriter.switching(answer, into: &worker.stage)
        enqueue(worker.stage.bytes)
        answerFraming = .close
        state = .tunnel
        // The client may have sent something behind its request already.
        wake()
    }

    /// - Parameter framing: of the body that follows, as the endpoint sends it.
    func sendHead(_ answer: MessageHead, framing: BodyFraming, to request: MessageHead, requestIsComplete: Bool) {
        answerFraming = framing
        if framing == .chunked || framing == .close { answerFraming = request.minorVersion == 1 ? .chunked : .close }
        // The rest of a request that was answered early cannot be told from the next request.
        if answerFraming == .close || !requestIsComplete { closeAfterThis() }
        // What the client is told holds.
        if isLeaving { closeAfterThis() }
        worker.stage.removeAll()
        HeadWriter.response(
            answer, framing: answerFraming, minorVersion: request.minorVersion, keepsOpen: keepsOpen,
            into: &worker.stage)
        enqueue(worker.stage.bytes)
    }

    func sendBody(_ bytes: UnsafeRawBufferPointer) {
        if answerFraming == .chunked { sendChunk(bytes, with: &worker.stage) } else { send(bytes) }
    }

    func sendEnd(trailers: MessageHead?) {
        guard answerFraming == .chunked else { return }
        worker.stage.removeAll()
        HeadWriter.trailers(trailers, into: &worker.stage)
        enqueue(worker.stage.bytes)
    }

    /// An answer made here, as a whole.
    ///
    /// - Parameter body: `nil` where the status has none. Not sent in answer to HEAD, but described.
    func sendAnswer(_ answer: MessageHead, body: UnsafeRawBufferPointer?, to request: MessageHead) {
        if isLeaving { closeAfterThis() }
        worker.stage.removeAll()
        HeadWriter.response(
            answer, framing: body.map { .length(UInt64($0.count)) } ?? .none, minorVersion: request.minorVersion,
            keepsOpen: keepsOpen, into: &worker.stage)
        if let body, request.method != .head { worker.stage.append(body) }
        enqueue(worker.stage.bytes)
    }

    /// Where an answer's body may go without being looked at.
    var answerSpliceTarget: HTTP1ClientConnection? { answerFraming != .chunked && canSplice ? self : nil }
}
