package import Base
import CNGHTTP2

/// Heads, bodies and frames on their way out.
extension HTTP2Session {
    // MARK: Heads

    /// Sends the final answer's head.
    ///
    /// - Parameter endsStream: there is no body and there are no trailers.
    package func answer(_ stream: HTTP2Stream, _ fields: HTTP2FieldList, endsStream: Bool) {
        defer { recycle(fields) }
        guard !stream.isClosed, !stream.hasSentHead, fill(stream, fields) else { return }
        stream.hasSentHead = true
        stream.isFinished = endsStream
        var provider = Self.provider
        if endsStream {
            nghttp2_submit_response(handle, stream.id, resources.scratch, fields.count, nil)
        } else {
            nghttp2_submit_response(handle, stream.id, resources.scratch, fields.count, &provider)
        }
    }

    /// Sends an interim answer; the final one has to follow.
    package func interim(_ stream: HTTP2Stream, _ fields: HTTP2FieldList) {
        defer { recycle(fields) }
        guard !stream.isClosed, !stream.hasSentHead, fill(stream, fields) else { return }
        nghttp2_submit_headers(handle, 0, stream.id, nil, resources.scratch, fields.count, nil)
    }

    /// Whether the peer's limits and GOAWAY leave room for another request.
    package var canOpenStream: Bool {
        !isTerminating && shutdown == .none && nghttp2_session_check_request_allowed(handle) != 0
            && nghttp2_session_get_next_stream_id(handle) < 1 << 31
            && streams.count < Int(peerStreamLimit)
    }

    /// How many streams the peer has said it takes at a time.
    package var peerStreamLimit: UInt32 {
        nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
    }

    /// Sends a request's head.
    ///
    /// - Returns: `nil` where `canOpenStream` is false.
    package func openStream(_ fields: HTTP2FieldList, method: Method, endsStream: Bool) -> HTTP2Stream? {
        defer { recycle(fields) }
        guard role == .client, canOpenStream, !fields.isOverfull else { return nil }
        let next = nghttp2_session_get_next_stream_id(handle)
        guard next < 1 << 31 else { return nil }
        let stream = events.makeStream(HTTP2StreamSeed(id: Int32(next), head: resources.takeHead(), method: method))
        fields.fill(resources.scratch)
        var provider = Self.provider
        let user = Unmanaged.passUnretained(stream).toOpaque()
        let id =
            endsStream
            ? nghttp2_submit_request(handle, nil, resources.scratch, fields.count, nil, user)
            : nghttp2_submit_request(handle, nil, resources.scratch, fields.count, &provider, user)
        guard id == stream.id else { return nil }
        register(stream)
        stream.isAnnounced = true
        stream.hasSentHead = true
        stream.isFinished = endsStream
        return stream
    }

    private static var provider: nghttp2_data_provider {
        nghttp2_data_provider(source: nghttp2_data_source(ptr: nil), read_callback: http2Read)
    }

    private func fill(_ stream: HTTP2Stream, _ fields: HTTP2FieldList) -> Bool {
        if fields.isOverfull {
            submitReset(stream, .internalError)
            return false
        }
        fields.fill(resources.scratch)
        return true
    }

    // MARK: Bodies

    /// Sends body bytes. What windows and limits allow goes into the output at once, the rest is copied and waits:
    /// where `queuedBytes` is above `HTTP2Limits.streamQueue`, the source should pause, see `awaitDrain`.
    ///
    /// - Parameter endsStream: nothing follows.
    package func send(_ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer, endsStream: Bool = false) {
        guard !stream.isClosed, !stream.isFinished, stream.hasSentHead else { return }
        stream.isFinished = endsStream
        // What is small is gathered until the output is taken: its neighbours, or the end of the stream, may fit into the
        // same frame.
        let waits = bytes.count <= limits.gatheredBytes || !stream.queue.isEmpty || output.count >= limits.outputBytes
        if isBusy || waits {
            keepBorrowed(stream)
            stream.queue.append(bytes, from: pool)
            resume(stream)
            return
        }
        stream.borrowed = bytes
        resume(stream)
        fillOutput(limits.outputBytes)
        keepBorrowed(stream)
        settle()
    }

    /// Copies what is still borrowed, in front of whatever comes next.
    private func keepBorrowed(_ stream: HTTP2Stream) {
        let rest = stream.borrowed
        stream.borrowed = UnsafeRawBufferPointer(start: nil, count: 0)
        if !rest.isEmpty && !stream.isClosed { stream.queue.append(rest, from: pool) }
    }

    /// Ends the body.
    package func finish(_ stream: HTTP2Stream) {
        guard !stream.isClosed, !stream.isFinished, stream.hasSentHead else { return }
        stream.isFinished = true
        resume(stream)
    }

    /// Ends the body with trailer fields.
    package func finish(_ stream: HTTP2Stream, trailers fields: HTTP2FieldList) {
        guard !stream.isClosed, !stream.isFinished, stream.hasSentHead, fields.count > 0, !fields.isOverfull else {
            recycle(fields)
            finish(stream)
            return
        }
        stream.trailers = fields
        stream.isFinished = true
        resume(stream)
    }

    /// Ends the body, with those of the trailer fields that may go on, if there are any.
    package func finish(_ stream: HTTP2Stream, trailers head: MessageHead?) {
        guard let head else {
            finish(stream)
            return
        }
        let fields = fieldList()
        fields.trailers(head)
        finish(stream, trailers: fields)
    }

    /// Asks for `streamDrained` when the queue is half of `HTTP2Limits.streamQueue` or less.
    package func awaitDrain(_ stream: HTTP2Stream) { stream.awaitsDrain = true }

    private func resume(_ stream: HTTP2Stream) {
        // Fails where nothing was deferred: then nghttp2 comes by itself.
        _ = nghttp2_session_resume_data(handle, stream.id)
    }

    /// How much of the next frame can be filled.
    func readBody(_ stream: HTTP2Stream, _ room: Int, _ flags: inout UInt32) -> Int {
        let available = stream.queuedBytes
        guard available > 0 || stream.isFinished else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        let amount = min(available, room)
        if amount > 0 { flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
        guard amount == available, stream.isFinished else { return amount }
        flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
        if let fields = stream.trailers {
            flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            fields.fill(resources.scratch)
            nghttp2_submit_trailer(handle, stream.id, resources.scratch, fields.count)
            stream.trailers = nil
            recycle(fields)
        }
        return amount
    }

    /// Writes a DATA frame out of the stream's bytes.
    func writeBody(_ stream: HTTP2Stream, _ head: UnsafeRawBufferPointer, _ count: Int) {
        output.append(head, from: pool)
        var left = count
        while left > 0 && !stream.queue.isEmpty {
            let run = stream.queue.first
            let amount = min(left, run.count)
            output.append(UnsafeRawBufferPointer(rebasing: run[..<amount]), from: pool)
            stream.queue.consume(amount, into: pool)
            left &-= amount
        }
        if left > 0 {
            let amount = min(left, stream.borrowed.count)
            output.append(UnsafeRawBufferPointer(rebasing: stream.borrowed[..<amount]), from: pool)
            stream.borrowed = UnsafeRawBufferPointer(rebasing: stream.borrowed[amount...])
        }
        stream.sentBytes &+= UInt64(count)
        if stream.awaitsDrain && stream.queuedBytes <= limits.streamQueue / 2 {
            stream.awaitsDrain = false
            drained.append(stream)
        }
    }

    func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {
        let head = frame.pointee.hd
        switch head.type {
        case HTTP2FrameType.data, HTTP2FrameType.headers:
            if head.type == HTTP2FrameType.data {
                rates.sentData(head.length, endsStream: head.flags & HTTP2Flag.endStream != 0)
            }
            // RFC 9113 section 8.1: an answer that is complete does not need the rest of its request.
            if role == .server && head.flags & HTTP2Flag.endStream != 0
                && nghttp2_session_get_stream_remote_close(handle, head.stream_id) == 0
            {
                _ = nghttp2_submit_rst_stream(handle, 0, head.stream_id, HTTP2ErrorCode.noError.rawValue)
            }
        case HTTP2FrameType.goaway:
            // Behind it, and not before: nghttp2 sends what is queued of PING first.
            if shutdown == .announced { ping(Self.shutdownPing) }
        case HTTP2FrameType.reset:
            let code = HTTP2ErrorCode(rawValue: frame.pointee.rst_stream.error_code)
            guard role == .server else {
                stream(head.stream_id)?.isRefused = true
                return
            }
            closedStreams.forgive(head.stream_id)
            let isOwn = code == .noError || code == .internalError || stream(head.stream_id)?.isOwnReset == true
            if !isOwn && !provokedResets.take(1, now: now) { stop = stop ?? .abuse(.provokedResets) }
        default: break
        }
    }

    // MARK: Output

    /// Moves what there is to send behind what `queue` holds.
    ///
    /// - Parameter limit: body bytes are added up to this many bytes; a frame may go past it.
    package func takeOutput(into queue: inout ByteQueue, limit: Int) {
        pump(limit)
        queue.take(&output)
    }

    /// Copies up to `limit` bytes of what there is to send, in whole frames, and a little more.
    package func takeOutput(into buffer: inout ByteBuffer, limit: Int) {
        pump(limit)
        while !output.isEmpty {
            let run = output.first
            buffer.append(run)
            output.consume(run.count, into: pool)
        }
    }

    /// Whether `takeOutput` would bring something.
    package var wantsOutput: Bool { !output.isEmpty || nghttp2_session_want_write(handle) != 0 }

    /// Bytes that are made and not taken.
    package var pendingOutput: Int { output.count }

    /// Bytes waiting in the session: output, and what streams hold back.
    package var queuedBytes: Int { streams.reduce(output.count) { $0 &+ $1.queuedBytes } }

    func pump(_ limit: Int) {
        guard !isBusy else { return }
        fillOutput(limit)
        settle()
    }

    /// What could not be done inside nghttp2's callbacks.
    private func settle() {
        if let stop {
            end(stop)
            fillOutput(.max)
        }
        while let stream = drained.popLast() {
            if !stream.isClosed { events.streamDrained(stream) }
        }
    }

    private func fillOutput(_ limit: Int) {
        isBusy = true
        outputLimit = limit
        while output.count < limit {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(handle, &bytes)
            if count < 0 { stop = stop ?? .error(.internalError) }
            guard count > 0 else { break }
            output.append(UnsafeRawBufferPointer(start: bytes, count: count), from: pool)
        }
        isBusy = false
    }
}
