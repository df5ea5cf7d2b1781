import CNGHTTP2

/// Flow control (RFC 9113 section 5.2).
///
/// A stream's window opens as its consumer takes bytes, and never by itself: a slow consumer stops its own stream, and
/// what it holds is at most the stream's window. The connection's window opens at receipt, so a stream that is not
/// consumed takes nothing from the others; what a connection holds is bounded by its streams' windows.
///
/// Streams begin with a small window. It doubles whenever half of it was consumed while little was held, which is the
/// case only if the network and not the consumer is what takes time. All growth of a connection comes out of one
/// budget.
extension HTTP2Session {
    /// Says that body bytes have gone out on the other side.
    package func consumed(_ stream: HTTP2Stream, _ count: Int) {
        let amount = min(count, stream.heldBytes)
        guard amount > 0 else { return }
        stream.heldBytes &-= amount
        heldBytes &-= amount
        guard !stream.isClosed, !stream.hasEnded else { return }
        grow(stream, amount)
        _ = nghttp2_session_consume_stream(handle, stream.id, amount)
    }

    private func grow(_ stream: HTTP2Stream, _ amount: Int) {
        stream.consumedSinceGrowth &+= amount
        let window = Int(stream.window)
        guard stream.consumedSinceGrowth >= window / 2 else { return }
        stream.consumedSinceGrowth = 0
        guard stream.heldBytes <= window / 4, stream.window < limits.largestStreamWindow else { return }
        // What is left fits.
        if let all = stream.expectedBytes, all &- min(stream.receivedBytes, all) <= UInt64(window) { return }
        let larger = min(window * 2, Int(limits.largestStreamWindow))
        guard windowGrowth + larger - window <= limits.windowGrowth else { return }
        guard nghttp2_session_set_local_window_size(handle, 0, stream.id, Int32(larger)) == 0 else { return }
        windowGrowth &+= larger - window
        stream.window = Int32(larger)
    }

    /// Body bytes of a frame, all of which count on the connection at once.
    func received(_ stream: HTTP2Stream?, _ bytes: UnsafeRawBufferPointer) {
        _ = nghttp2_session_consume_connection(handle, bytes.count)
        guard let stream, !stream.isClosed, stream.refusal == nil else { return }
        stream.receivedBytes &+= UInt64(bytes.count)
        stream.heldBytes &+= bytes.count
        heldBytes &+= bytes.count
        events.body(stream, bytes)
    }
}
