import Base
import EventLoop
import HTTP
import Inference

/// The beginning of a request's body, kept by the exchange: until the message has said where it goes, and until it is certain
/// that it need not be sent a second time.
extension Exchange {
    /// Bytes kept for a second try: the requests of most models, and what a stream carries in its first moments. Larger
    /// bodies are sent once.
    private static let replayLimit = 64 * 1024

    func keepUntilDecided(_ bytes: UnsafeRawBufferPointer) {
        kept.append(bytes, from: worker.loop.blocks)
        if inspector?.isDecided == true { inspected() } else { armInspection() }
    }

    func keepForReplay(_ bytes: UnsafeRawBufferPointer) {
        guard kept.count &+ bytes.count <= Self.replayLimit else {
            dropKept()
            return
        }
        kept.append(bytes, from: worker.loop.blocks)
    }

    /// Sends what was kept, in front of what is still to come.
    func sendKept() {
        kept.forEachRun { upstream?.sendBody($0) }
        // A connection of its own tells what of a request has left it; one that is shared does not.
        if case .http2 = upstream, kept.count <= Self.replayLimit { keepsBody = true } else { dropKept() }
    }

    /// Whether the request can be sent once more as it came. Trailers are not kept.
    var isReplayable: Bool { requestBytes == UInt64(kept.count) && !hasTrailers }

    func dropKept() {
        keepsBody = false
        kept.removeAll(into: worker.loop.blocks)
    }
}
