import Base
import EventLoop
import HTTP
import Telemetry

/// The way back: the endpoint's answer passed on, or one made here.
extension Exchange {
    // MARK: The endpoint's answer

    func passInterim(_ head: MessageHead) {
        noteFirstByte()
        lastActivity = worker.loop.now
        // HTTP/1.0 knows no interim answers (RFC 9110 section 15.2).
        guard let client, !isHeadSent, self.head.minorVersion == 1 else { return }
        worker.stage.removeAll()
        HeadWriter.interim(head, into: &worker.stage)
        client.enqueue(worker.stage.bytes)
    }

    func passHead(_ answer: MessageHead, framing: BodyFraming) {
        guard let client else { return }
        noteFirstByte()
        lastActivity = worker.loop.now
        phase = .responding
        status = answer.status
        clientFraming = framing
        if framing == .chunked || framing == .close { clientFraming = head.minorVersion == 1 ? .chunked : .close }
        // The rest of a request that was answered early cannot be told from the next request.
        if clientFraming == .close || !isRequestComplete { client.closeAfterThis() }
        isHeadSent = true
        worker.stage.removeAll()
        HeadWriter.response(
            answer, framing: clientFraming, minorVersion: head.minorVersion, keepsOpen: client.keepsOpen,
            into: &worker.stage)
        client.enqueue(worker.stage.bytes)
    }

    func passBody(_ bytes: UnsafeRawBufferPointer) {
        guard let client else { return }
        lastActivity = worker.loop.now
        responseBytes &+= UInt64(bytes.count)
        if clientFraming == .chunked {
            client.sendChunk(bytes, with: &worker.stage)
        } else {
            client.send(bytes)
        }
        if client.unsentBytes > Self.backlogLimit { waitForClient(client) }
    }

    private func waitForClient(_ client: ClientConnection) {
        client.awaitsDrain = true
        upstream?.pause()
    }

    func passSpliced(_ count: Int) {
        guard let client else { return }
        lastActivity = worker.loop.now
        responseBytes &+= UInt64(count)
        if client.unsentBytes > 0 { waitForClient(client) }
    }

    func passEnd(trailers: MessageHead?) {
        if clientFraming == .chunked, let client {
            worker.stage.removeAll()
            HeadWriter.trailers(trailers, into: &worker.stage)
            client.enqueue(worker.stage.bytes)
        }
        finish(.none, answered: true)
    }

    /// The client has taken what was waiting for it.
    func clientDrained() {
        lastActivity = worker.loop.now
        upstream?.resume()
    }

    private func noteFirstByte() {
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

    /// Answers with the cause's status and Triton's error shape.
    func reject(_ cause: Cause, _ message: StaticString? = nil) {
        let text = message.map { "\($0)" } ?? cause.message
        answer(status: cause.status, cause: cause, body: Array("{\"error\":\"\(text)\"}".utf8)) { out in
            out.append("Content-Type: application/json\r\nx-sluice-cause: ")
            out.append(staticBytes(cause.name))
            out.append("\r\n")
            if cause == .unauthorized, let route {
                out.append("WWW-Authenticate: ")
                out.append(route.challenge)
                out.append("\r\n")
            }
            // What ends by itself, soon.
            if [.queueFull, .queueTimeout, .overloaded, .authOverloaded].contains(cause) {
                out.append("Retry-After: 1\r\n")
            }
        }
    }

    /// - Parameter fields: writes further header lines.
    func answer(status: Int, cause: Cause, body: [UInt8] = [], fields: (inout ByteBuffer) -> Void) {
        guard phase != .finished, let client else { return }
        if isHeadSent {
            // One answer is under way: a second one would look like part of it.
            cut(cause)
            return
        }
        if phase == .waiting { leaveQueue() }
        self.status = status
        client.prepareToAnswerEarly()
        var out = ByteBuffer()
        out.append("HTTP/1.1 ")
        out.append(decimal: UInt64(status))
        out.append(byte: 0x20)
        out.append(reasonPhrase(status))
        out.append("\r\nDate: ")
        out.append(worker.httpDate())
        out.append("\r\n")
        fields(&out)
        if identity.requestID(head).count > 0 {
            out.append("x-request-id: ")
            out.append(identity.requestID(head))
            out.append("\r\n")
        }
        let hasBody = status != 204 && status != 304
        if hasBody {
            out.append("Content-Length: ")
            out.append(decimal: UInt64(body.count))
            out.append("\r\n")
        }
        if !client.keepsOpen {
            out.append("Connection: close\r\n")
        } else if head.minorVersion == 0 {
            out.append("Connection: keep-alive\r\n")
        }
        out.append("\r\n")
        if hasBody && head.method != .head {
            out.append(body)
            responseBytes = UInt64(body.count)
        }
        isHeadSent = true
        client.enqueue(out.bytes)
        finish(cause, answered: false)
    }

    // MARK: The end

    /// The answer cannot be completed: the client has to see that it was cut.
    func cut(_ cause: Cause) {
        guard phase != .finished else { return }
        client?.cutAfterThis(reset: clientFraming == .close)
        finish(cause, answered: false)
    }

    /// Nobody is there any more to answer.
    func clientLeft() {
        guard phase != .finished else { return }
        if phase == .waiting { leaveQueue() }
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
    private func finish(_ cause: Cause, answered: Bool) {
        phase = .finished
        worker.loop.setDeadline(self, .never)
        if let upstream, let pool {
            self.upstream = nil
            if answered { upstream.release(idleTimeout: pool.idleTimeout) } else { upstream.abandon() }
        }
        if let pool, let endpoint { pool.giveBack(endpoint) }
        if !isRequestComplete { for mirror in mirrors { mirror.cancel() } }
        worker.record(self, cause)
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
