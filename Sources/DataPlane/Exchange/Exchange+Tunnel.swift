import EventLoop
import HTTP
import TLS
import Telemetry
import Traffic

/// How far the two directions of a tunnel are.
struct Tunnel {
    enum Direction {
        case open
        /// Its sender has ended it, and not all that came before has been taken.
        case ending
        /// The end has been passed on as well.
        case closed
    }

    var toEndpoint = Direction.open
    var toClient = Direction.open
}

/// An exchange whose endpoint has answered 101 is a tunnel: what either side sends goes to the other as it comes, and so does
/// the end of what it sends, until both have ended, or one is gone.
///
/// The client is not read from between its request and this answer, so nothing that it sends behind its request reaches an
/// endpoint that speaks HTTP.
extension Exchange {
    func passSwitch(_ answer: MessageHead) {
        guard case .http1(let client) = client else { return }
        noteFirstByte()
        trace?.noteAnswer(answer.status, firstByte: firstByteAt)
        // The endpoint has done what it was asked for. How the two get on from here on says nothing of it.
        note(.answered)
        lastActivity = worker.loop.now
        phase = .responding
        status = answer.status
        isHeadSent = true
        tunnel = Tunnel()
        dropKept()
        editAnswer(answer, isOwn: false)
        client.sendSwitch(answer)
    }

    func tunnelBytes(_ bytes: UnsafeRawBufferPointer) {
        requestBytes &+= UInt64(bytes.count)
        lastActivity = worker.loop.now
        upstream?.sendBody(bytes)
        upstream?.checkBacklog()
    }

    // MARK: Ends

    func clientEnded() {
        tunnel?.toEndpoint = .ending
        lastActivity = worker.loop.now
        passEnds()
    }

    func endpointEnded() {
        tunnel?.toClient = .ending
        lastActivity = worker.loop.now
        passEnds()
    }

    /// Tells either side that the other has ended, once it has taken all that came before.
    func passEnds() {
        guard let tunnel, phase != .finished, case .http1(let client) = client, case .http1(let upstream) = upstream
        else { return }
        if tunnel.toClient == .ending, client.endOutput() { self.tunnel?.toClient = .closed }
        if tunnel.toEndpoint == .ending, upstream.endOutput() { self.tunnel?.toEndpoint = .closed }
        // One that has ended its side often takes nothing more, and that is no failure.
        let hasEndpointLeft = tunnel.toClient != .open && (upstream.writeError != 0 || upstream.tls?.failure != nil)
        if hasEndpointLeft || (self.tunnel?.toClient == .closed && self.tunnel?.toEndpoint == .closed) {
            finish(.none, answered: false)
        }
    }

    /// Whoever ends the tunnel, what the client had sent before is the endpoint's, as far as that takes it now.
    func sendRestOfTunnel() { if tunnel != nil, case .http1(let upstream) = upstream { upstream.flush() } }

    /// The endpoint is gone. The client still gets what came from it.
    func tunnelFailed(_ failure: UpstreamFailure) {
        finish(tunnel?.toClient == .open ? failure.cause : .none, answered: false)
    }
}

extension Stream {
    /// Sends FIN if everything before it has been taken; if not, `drained` tells when to try again.
    fileprivate func endOutput() -> Bool {
        flush()
        guard unsentBytes == 0 else {
            awaitsDrain = true
            return false
        }
        finishWriting()
        return true
    }
}
