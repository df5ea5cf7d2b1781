import Base
package import EventLoop
import HTTP
package import Telemetry

/// Why an upstream connection could not do its work.
package struct UpstreamFailure {
    package var cause: Cause
    /// Nothing of the request reached the endpoint, or nothing says that it did: the connection had been pooled, and ended
    /// before a byte of an answer.
    package var wasStale = false
    /// Not a byte was handed to the kernel for this request.
    package var nothingWritten = false
    /// The endpoint says that it has done nothing with the request (RFC 9113 section 8.7).
    package var wasRefused = false
    /// Other streams of the same connection have failed with it, and one of them has told.
    var isTold = false
    /// What it gave as its reason to reset the stream.
    var code: HTTP2ErrorCode?

    init(cause: Cause, nothingWritten: Bool = false) {
        self.cause = cause
        self.nothingWritten = nothingWritten
    }
}

/// Who uses an upstream connection for one request: an exchange or a mirrored copy.
///
/// Of the events below either `upstreamEnded` or `upstreamFailed` comes last, once.
package class UpstreamUser: Timed {
    /// An answer before the answer (RFC 9110 section 15.2).
    func upstreamInterim(_ head: MessageHead) {}
    /// The endpoint was asked for WebSocket, so it may change to that.
    var awaitsSwitch: Bool { false }
    /// It has: what follows is the body of no answer, but bytes up to the end of the connection.
    func upstreamSwitched(_ head: MessageHead) {}
    func upstreamHead(_ head: MessageHead, framing: BodyFraming) {}
    func upstreamBody(_ bytes: UnsafeRawBufferPointer) {}
    /// Where the answer's body may go without being looked at.
    var spliceTargetOfAnswer: Stream? { nil }
    /// This many bytes of the body went to `spliceTargetOfAnswer`.
    func upstreamSpliced(_ count: Int) {}
    func upstreamEnded(trailers: MessageHead?) {}
    func upstreamFailed(_ failure: UpstreamFailure) {}
    /// The connection is established; a pooled one tells nothing.
    func upstreamConnected() {}
    /// What had to wait for the endpoint has been taken by the kernel.
    func upstreamDrained() {}
    /// Some of what waited may have been taken.
    func upstreamProgressed() {}
}
