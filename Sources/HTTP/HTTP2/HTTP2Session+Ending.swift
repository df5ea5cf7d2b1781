package import Base
import CNGHTTP2

/// The ends of streams and of the connection.
extension HTTP2Session {
    /// What the PING behind the first GOAWAY carries.
    static let shutdownPing: UInt64 = 0x736C_7569_6365_2121

    // MARK: Streams

    /// Resets a stream on the owner's behalf. Nothing more is heard of it.
    package func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard !stream.isClosed else { return }
        stream.isClosed = true
        stream.isOwnReset = true
        release(stream)
        if stream.isRegistered { submitReset(stream, code) }
    }

    /// Resets the streams whose peer has not opened its window for too long (RFC 9113 section 10.5 names the attack).
    /// To be called every few seconds.
    package func review(now: Instant) {
        self.now = now
        let patience = Nanoseconds.seconds(limits.stallSeconds)
        for stream in streams where !stream.isClosed {
            guard stream.queuedBytes > 0 else {
                stream.stallMark = nil
                continue
            }
            if let mark = stream.stallMark, stream.sentBytes &- mark.sent < limits.stallProgress {
                guard now.since(mark.time) >= patience else { continue }
                submitReset(stream, .cancel)
                stream.isOwnReset = true
                stream.queue.removeAll(into: pool)
                stream.stallMark = nil
                if !stalledStreams.take(1, now: now) { stop = stop ?? .abuse(.stalledStreams) }
            } else {
                stream.stallMark = (now, stream.sentBytes)
            }
        }
        if let stop, !isBusy { end(stop) }
    }

    /// Since when a stream's queued bytes have been waiting without progress, as of the last `review`.
    package func stalledSince(_ stream: HTTP2Stream) -> Instant? { stream.stallMark?.time }

    // MARK: The connection

    /// Ends the connection gracefully in two steps (RFC 9113 section 6.8): a GOAWAY that still lets in what is on its
    /// way, and, when the PING behind it has come back, the one that names the last stream. Streams that are open go
    /// on.
    package func beginShutdown() {
        guard shutdown == .none, !isTerminating else { return }
        guard role == .server else {
            finishShutdown()
            return
        }
        shutdown = .announced
        _ = nghttp2_submit_shutdown_notice(handle)
    }

    /// The second step, for when the peer does not answer the PING in time.
    package func finishShutdown() {
        guard shutdown != .done, !isTerminating else { return }
        shutdown = .done
        _ = nghttp2_submit_goaway(
            handle, 0, nghttp2_session_get_last_proc_stream_id(handle), HTTP2ErrorCode.noError.rawValue, nil, 0)
    }

    package func ping(_ payload: UInt64) {
        withUnsafeBytes(of: payload.bigEndian) {
            _ = nghttp2_submit_ping(handle, 0, $0.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
    }

    func pingAcknowledged(_ data: nghttp2_ping.Payload) {
        let payload = withUnsafeBytes(of: data) { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
        if payload == Self.shutdownPing && shutdown == .announced {
            finishShutdown()
        } else {
            events.pingAnswered(payload)
        }
    }

    /// Ends the connection: GOAWAY, and nothing after it.
    package func terminate(_ code: HTTP2ErrorCode) {
        if isBusy { stop = stop ?? .error(code) } else { end(.error(code)) }
    }

    func end(_ refusal: HTTP2FrameRates.Refusal) {
        stop = nil
        guard !isTerminating else { return }
        isTerminating = true
        switch refusal {
        case .abuse(let kind):
            abuse = kind
            nghttp2_session_terminate_session(handle, HTTP2ErrorCode.enhanceYourCalm.rawValue)
        case .error(let code): nghttp2_session_terminate_session(handle, code.rawValue)
        }
    }

    /// Whether the connection is to be closed: all is said, or an error has been reported, and the output has been
    /// taken.
    package var isFinished: Bool {
        output.isEmpty && nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
    }

    /// The connection is gone: tells every stream's owner.
    package func abandon(_ code: HTTP2ErrorCode) {
        isTerminating = true
        building = nil
        blockHead = nil
        let all = streams
        streams.removeAll()
        for stream in all {
            nghttp2_session_set_stream_user_data(handle, stream.id, nil)
            stream.index = -1
            stream.isRegistered = false
        }
        for stream in all where !stream.isClosed {
            stream.isClosed = true
            release(stream)
            if stream.isAnnounced { events.streamClosed(stream, code) }
        }
    }
}

extension nghttp2_ping {
    typealias Payload = (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8)
}
