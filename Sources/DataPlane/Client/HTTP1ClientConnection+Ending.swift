import Base
import EventLoop
import HTTP
import TLS
import Telemetry

/// How exchanges and the connection end: what an answer leaves behind, and who closes when.
extension HTTP1ClientConnection {
    // MARK: What the exchange asks for

    /// Whether the client may be told that the connection goes on after the present answer.
    var keepsOpen: Bool { !mustClose && !isLeaving }

    /// Whether it ends now that the answer is complete. A client that was not told may be sending its next request, and is
    /// waited for where there is time.
    private var endsHere: Bool { mustClose || (isLeaving && !worker.isPatient) }

    func closeAfterThis() { mustClose = true }

    /// An answer is made before the request has been read: if much of that is left, the connection ends with the answer.
    func prepareToAnswerEarly() {
        guard state == .body || state == .trailers else { return }
        if let left = body.remaining, left <= Self.discardLimit, state == .body, exchange?.head.expectsContinue == false
        {
            return
        }
        mustClose = true
    }

    /// The answer ends here, incomplete. A reset where its end alone would look complete.
    func cutAfterThis() {
        mustClose = true
        // WebSocket says itself whether it has come to its end, and what was sent before may still be of use.
        if exchange?.tunnel != nil { return }
        cut = answerFraming == .close ? .reset : .close
    }

    func exchangeEnded() {
        exchange = nil
        returnTrailers()
        guard isOpen else { return }
        if cut == .reset {
            close(reset: true)
        } else if endsHere {
            beginClosing()
        } else if state == .body, body.remaining != 0 {
            // Of a request that was refused for its last bytes nothing is left.
            state = .discarding
            loop.setDeadline(self, loop.now + Self.lingerTotal)
            wake()
        } else {
            becomeIdle()
        }
    }

    func becomeIdle() {
        guard !endsHere else {
            beginClosing()
            return
        }
        state = .head
        armIdleTimeout()
        // A client that sends one request after the other and reads no answers is not read from either.
        if unsentBytes > Exchange.backlogLimit { awaitsDrain = true }
        if !isConsuming && (!inbox.isEmpty || canRead) { wake() }
    }

    // MARK: The end

    func beginClosing() {
        let requestIsIncomplete = state == .body || state == .trailers || state == .tunnel
        state = .closing
        needsLinger = cut == .no && (requestIsIncomplete || !inbox.isEmpty || canRead)
        flush()
        if unsentBytes == 0 {
            finishClosing()
        } else {
            awaitsDrain = true
            armIdleTimeout()
        }
    }

    func armIdleTimeout() {
        // What is about to be flushed mostly leaves at once; `blocked` tells of the rest.
        if unsentBytes > 0 && !isFlushPending { takenAtDeadline = acknowledgedBytes }
        let patience = worker.isPatient ? min(listener.idleTimeout, Worker.patience) : listener.idleTimeout
        loop.setDeadline(self, loop.now + patience)
    }

    func handshakeFailed(_ kind: TLSFailure.Kind?) {
        switch kind {
        case .plaintext:
            listener.connections.count(.plaintext)
            refusePlaintext()
            return
        case .certificate: listener.connections.count(.certificate)
        default: listener.connections.count(.failed)
        }
        inputEnded()
    }

    /// The client speaks cleartext where TLS is spoken, and is told so in the language it understands.
    func refusePlaintext() {
        speakCleartext()
        mustClose = true
        let answer = worker.takeHead()
        answer.beginAnswer(status: 400, reason: reasonPhrase(400))
        answer.add("Content-Type", staticBytes("application/json"))
        answer.add("x-sluice-cause", staticBytes(Cause.badRequest.name))
        // An empty head stands for the request that nobody has read.
        let request = worker.takeHead()
        sendAnswer(
            answer, body: staticBytes("{\"error\":\"this port speaks HTTPS, and the request was plain HTTP\"}"),
            to: request)
        worker.giveHead(request)
        worker.giveHead(answer)
        beginClosing()
    }

    func closeAfterFlush() {
        mustClose = true
        beginClosing()
    }

    func finishClosing() {
        guard needsLinger else {
            close(reset: false)
            return
        }
        state = .lingering
        inbox.removeAll()
        finishWriting()
        lingerUntil = loop.now + Self.lingerTotal
        loop.setDeadline(self, loop.now + Self.lingerIdle)
        wake()
    }

    /// Finds out whether a client whose side is closed still reads. Once an answer is on its way, that does.
    func probe(_ exchange: Exchange) {
        guard !exchange.isHeadSent else { return }
        if exchange.head.minorVersion == 1 {
            enqueue(staticBytes("HTTP/1.1 100 Continue\r\n\r\n"))
        } else {
            // HTTP/1.0 has no interim answers.
            leave()
        }
    }

    func leave() {
        mustClose = true
        let exchange = self.exchange
        close(reset: exchange != nil)
        exchange?.clientLeft()
    }

    func close(reset: Bool) {
        guard isOpen else { return }
        discard(reset: reset)
        loop.removeDeadline(self)
        worker.connectionEnded(self)
    }
}
