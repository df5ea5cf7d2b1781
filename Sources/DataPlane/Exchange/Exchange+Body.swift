import Base
import EventLoop
import HTTP
import Inference

/// The beginning of a request's body, kept by the exchange: until the message has said where it goes, and until it is certain
/// that it need not be sent a second time.
extension Exchange {
    /// Bytes kept to be sent once more on a connection that others share, whose ends tell little: the requests of most
    /// models, and what a stream carries in its first moments. Larger bodies are sent once.
    private static let sharedReplayLimit = 64 * 1024

    /// Bytes kept for another try.
    private var replayLimit: Int {
        let own = route?.retries?.maxBufferedBytes ?? 0
        if case .http2 = upstream { return max(own, Self.sharedReplayLimit) }
        // What was read to find out where it goes may have to go there a second time.
        if pool?.isStartedOnDemand == true, !kept.isEmpty { return max(own, Self.sharedReplayLimit) }
        return own
    }

    func keepUntilDecided(_ bytes: UnsafeRawBufferPointer) {
        kept.append(bytes, from: worker.loop.blocks)
        if pool == nil, inspector?.isDecided == true {
            inspected()
        } else if pool == nil || !bodyRead() {
            armInspection()
        }
    }

    func keepForReplay(_ bytes: UnsafeRawBufferPointer) {
        guard kept.count &+ bytes.count <= replayLimit else {
            dropKept()
            return
        }
        kept.append(bytes, from: worker.loop.blocks)
    }

    /// Sends what was kept, in front of what is still to come.
    func sendKept() {
        kept.forEachRun { sendToEndpoint($0) }
        // A connection of its own tells what of a request has left it, so without `retries` nothing is kept for it.
        var limit = replayLimit
        if case .length(let length) = head.framing, length > UInt64(limit) { limit = 0 }
        keepsBody = limit > 0 && kept.count <= limit
        if !keepsBody { dropKept() }
    }

    /// Whether the request can be sent once more as it came. Trailers are not kept.
    var isReplayable: Bool { requestBytes == UInt64(kept.count) && !hasTrailers }

    func dropKept() {
        keepsBody = false
        kept.removeAll(into: worker.loop.blocks)
    }
}
