import Base
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// The way back: the endpoint's answer passed on, or one made here.
extension Exchange {
    // MARK: The endpoint's answer

    func passInterim(_ head: MessageHead) {
        noteFirstByte()
        lastActivity = worker.loop.now
        if !isHeadSent { client?.sendInterim(head, to: self.head) }
    }

    /// The body is wanted here, before anybody else can say so: a client that has asked sends it only then
    /// (RFC 9110 section 10.1.1).
    func askForBody() {
        guard head.expectsContinue, requestBytes == 0, !isRequestComplete else { return }
        let interim = worker.takeHead()
        interim.beginAnswer(status: 100, reason: reasonPhrase(100))
        client?.sendInterim(interim, to: head)
        worker.giveHead(interim)
    }

    func passHead(_ answer: MessageHead, framing: BodyFraming) {
        guard let client else { return }
        let outcome = EndpointOutcome(status: answer.status)
        if outcome.countsAgainstEndpoint { note(outcome) }
        if tryAgain(afterAnswer: answer, framing: framing) { return }
        if answer.status >= 400 || isGRPC { refusal = newRefusal(answer) }
        noteFirstByte()
        paceEnded(isGood: answer.status < 500)
        trace?.noteAnswer(answer.status, firstByte: firstByteAt)
        lastActivity = worker.loop.now
        phase = .responding
        status = answer.status
        isHeadSent = true
        if isGRPC { noteStatus(answer) }
        dropKept()
        editAnswer(answer, isOwn: false)
        client.sendHead(answer, framing: framing, to: head, requestIsComplete: isRequestComplete)
    }

    func passBody(_ bytes: UnsafeRawBufferPointer) {
        guard let client else { return }
        lastActivity = worker.loop.now
        responseBytes &+= UInt64(bytes.count)
        refusal?.read(bytes)
        client.sendBody(bytes)
        if client.waitsForDrain() { upstream?.pause() }
    }

    func passSpliced(_ count: Int) {
        guard case .http1(let client) = client else { return }
        lastActivity = worker.loop.now
        responseBytes &+= UInt64(count)
        guard client.unsentBytes > 0 else { return }
        client.awaitsDrain = true
        upstream?.pause()
    }

    func passEnd(trailers: MessageHead?) {
        if isGRPC, let trailers { noteStatus(trailers) }
        refusal?.end()
        noteModel()
        // Not before: who begins to answer and then gets stuck, each time, is no better than who does not begin.
        if !EndpointOutcome(status: status).countsAgainstEndpoint { note(.answered) }
        client?.sendEnd(trailers: trailers)
        finish(.none, answered: true)
    }

    /// The client has taken what was waiting for it.
    func clientDrained() {
        lastActivity = worker.loop.now
        upstream?.resume()
        passEnds()
    }

    func noteFirstByte() {
        if firstByteAt == nil { firstByteAt = worker.loop.now }
    }

    // MARK: Answers made here

    /// The message is broken: there is no telling where the next one would start.
    func reject(_ error: MessageError) {
        client?.closeAfterThis()
        switch error.kind {
        case .malformed: reject(.badRequest, error.reason)
        case .targetTooLong: reject(.uriTooLong, error.reason)
        case .headTooLarge: reject(.headersTooLarge, error.reason)
        case .notImplemented: reject(.notImplemented, error.reason)
        }
    }

    /// Answers with Triton's error shape.
    ///
    /// - Parameters:
    ///   - status: `nil` for the cause's own.
    ///   - grpcStatus: what a call is told; `nil` for what stands for the status.
    func reject(_ cause: Cause, _ message: StaticString? = nil, status: Int? = nil, grpcStatus: GRPCStatus? = nil) {
        reject(cause, text: message.map { "\($0)" } ?? cause.message, status: status, grpcStatus: grpcStatus)
    }

    /// - Parameter text: anything.
    func reject(_ cause: Cause, text: String, status: Int? = nil, grpcStatus: GRPCStatus? = nil) {
        let status = status ?? cause.status
        answer(status: status, cause: cause, body: isGRPC ? [] : errorBody(text)) { answer in
            if isGRPC {
                answer.add("Content-Type", staticBytes("application/grpc"))
                addStatus(cause, text, grpcStatus ?? GRPCStatus(httpStatus: status), to: answer)
            } else {
                answer.add("Content-Type", staticBytes("application/json"))
                answer.add("x-sluice-cause", staticBytes(cause.name))
            }
            if cause == .unauthorized, let route {
                route.challenge.withUnsafeBytes { answer.add("WWW-Authenticate", $0) }
            }
            if cause == .rateLimited || (cause == .activationFailed && retryAfter.count > 0) {
                addRetryAfter(to: answer)
            }
            // What ends by itself, soon.
            if [.queueFull, .queueTimeout, .overloaded, .authOverloaded].contains(cause) {
                answer.add("Retry-After", staticBytes("1"))
            }
        }
    }

    /// - Parameter addFields: adds header fields.
    func answer(status: Int, cause: Cause, body: [UInt8] = [], addFields: (MessageHead) -> Void) {
        guard phase != .finished, let client else { return }
        if isHeadSent {
            // One answer is under way: a second one would look like part of it.
            cut(cause)
            return
        }
        leaveWaiting()
        self.status = status
        client.prepareToAnswerEarly()
        // A call's error is an answer that consists of trailers only.
        let isCallError = isGRPC && cause != .none
        // How long the body would be that GET gets from many endpoints is not known.
        let isUnknown = phase == .fanningOut && head.method == .head
        let hasBody = status != 204 && status != 304 && !isUnknown
        let answer = worker.takeHead()
        let sent = isCallError ? 200 : status
        answer.beginAnswer(status: sent, reason: reasonPhrase(sent))
        worker.httpDate().withUnsafeBytes { answer.add("Date", $0) }
        addFields(answer)
        editAnswer(answer, isOwn: true)
        if identity.requestID(head).count > 0 { answer.add("x-request-id", identity.requestID(head)) }
        isHeadSent = true
        body.withUnsafeBytes { client.sendAnswer(answer, body: hasBody ? $0 : nil, to: head) }
        if hasBody && head.method != .head { responseBytes = UInt64(body.count) }
        worker.giveHead(answer)
        finish(cause, answered: false)
    }

    private func leaveWaiting() {
        if phase == .waiting { leaveQueue() }
        if phase == .holding { leaveHold() }
    }

    // MARK: The end

    /// The answer cannot be completed: the client has to see that it was cut.
    ///
    /// - Parameter code: the endpoint's reason, where it reset the stream.
    func cut(_ cause: Cause, _ code: HTTP2ErrorCode? = nil) {
        guard phase != .finished else { return }
        if isGRPC, code == nil, case .http2 = client {
            endCall(cause)
        } else {
            client?.cutAfterThis(code)
        }
        finish(cause, answered: false)
    }

    /// Nobody is there any more to answer.
    func clientLeft() {
        guard phase != .finished else { return }
        leaveWaiting()
        // Nobody knows yet whether it is this user, and so the log must not say so.
        if phase == .verifying { user.removeAll(keepingCapacity: true) }
        if phase == .reading {
            // Not yet a request: nothing to count.
            phase = .finished
            client?.exchangeEnded()
            worker.retire(self)
            return
        }
        if !isHeadSent { status = Cause.clientClosed.status }
        for mirror in mirrors { mirror.cancel() }
        finish(.clientClosed, answered: false)
    }

    /// The one end of every exchange: gives back what it holds, and tells metrics and log.
    ///
    /// - Parameter answered: the endpoint's answer is complete, so its connection may be used again.
    func finish(_ cause: Cause, answered: Bool) {
        phase = .finished
        worker.loop.setDeadline(self, .never)
        if isGRPC && grpcStatus == nil {
            grpcStatus = cause == .none ? .unknown : GRPCStatus(httpStatus: cause.status)
        }
        let isError = ServiceError.happened(
            status: UInt16(clamping: status), cause: cause, grpcStatus: grpcStatus?.rawValue)
        endTrace(cause, isError: isError)
        sendRestOfTunnel()
        if let upstream, let pool {
            self.upstream = nil
            if answered { upstream.release(idleTimeout: pool.idleTimeout) } else { upstream.abandon() }
        }
        givePlaceBack(isError: isError)
        paceEnded(isGood: false)
        if isUse, let pool { pool.load.hold.useEnded() }
        if !isRequestComplete { for mirror in mirrors { mirror.cancel() } }
        worker.record(self, cause, isError: isError)
        client?.exchangeEnded()
        worker.retire(self)
    }
}

/// The reason phrases of the answers made here, and of those an operator may write (RFC 9110 section 15).
func reasonPhrase(_ status: Int) -> StaticString {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 418: "I'm a teapot"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 451: "Unavailable For Legal Reasons"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    default: ""
    }
}
