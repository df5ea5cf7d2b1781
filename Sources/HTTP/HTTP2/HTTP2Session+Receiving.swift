import Base
import CNGHTTP2

/// From nghttp2's callbacks to the owner's events.
extension HTTP2Session {
    // MARK: Header blocks

    func beginBlock(_ id: Int32, opensStream: Bool) {
        if opensStream {
            let stream = events.makeStream(HTTP2StreamSeed(id: id, head: resources.takeHead(), method: .other))
            register(stream)
            nghttp2_session_set_stream_user_data(handle, id, Unmanaged.passUnretained(stream).toOpaque())
            // Streams take turns, frame by frame. Left to itself nghttp2 sends one after the other, and believes what
            // clients say about it.
            var fair = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY), inc: 1)
            nghttp2_session_change_extpri_stream_priority(handle, id, &fair, 1)
            building = stream
            buildsTrailers = false
            begin(.request, stream.head)
            return
        }
        building = stream(id)
        guard let stream = building else { return }
        buildsTrailers = role == .server || stream.hasHead
        if buildsTrailers {
            begin(.trailers, trailers)
        } else {
            begin(.answer, stream.head)
        }
    }

    private func begin(_ section: HTTP2HeadBuilder.Section, _ head: MessageHead) {
        blockHead = head
        builder.begin(section, head, listLimit: limits.headerListBytes)
    }

    /// - Returns: false where the connection has to end.
    func addField(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        guard building != nil, let blockHead else { return true }
        builder.add(name, value, to: blockHead)
        guard builder.listBytes <= limits.decodedHeaderBytes else {
            stop = .abuse(.decodedHeaders)
            return false
        }
        return true
    }

    private func endBlock(_ stream: HTTP2Stream, endsStream: Bool) {
        building = nil
        blockHead = nil
        defer { releaseTrailers() }
        guard !stream.isClosed else { return }
        let head = buildsTrailers ? trailers : stream.head
        let failure = builder.finish(head, endsStream: endsStream, answersTo: stream.requestMethod)
        if let failure {
            refuse(stream, failure, endsStream)
        } else if buildsTrailers {
            guard stream.refusal == nil else { return }
            // Nothing follows trailers.
            let isNews = !stream.hasEnded
            stream.hasEnded = true
            events.trailersComplete(stream)
            if isNews && !stream.isClosed { events.streamEnded(stream) }
        } else if role == .client && head.status < 200 {
            stream.interimAnswers &+= 1
            if stream.interimAnswers > limits.interimAnswers {
                stop = .abuse(.interimAnswers)
                return
            }
            events.interimComplete(stream)
        } else {
            stream.hasHead = true
            stream.isAnnounced = true
            if case .length(let length) = head.framing { stream.expectedBytes = length }
            events.headComplete(stream)
            if endsStream { ended(stream) }
        }
    }

    private func releaseTrailers() {
        guard let trailerHead else { return }
        self.trailerHead = nil
        resources.give(trailerHead)
    }

    /// Too large is for the owner to answer; malformed is a stream error (RFC 9113 section 8.1.1).
    private func refuse(_ stream: HTTP2Stream, _ failure: MessageError, _ endsStream: Bool) {
        guard failure.kind == .headTooLarge, !buildsTrailers else {
            submitReset(stream, .protocolError)
            return
        }
        stream.refusal = failure
        stream.isAnnounced = true
        stream.hasEnded = endsStream
        if role == .client { submitReset(stream, .cancel) }
        events.headRefused(stream)
    }

    private func ended(_ stream: HTTP2Stream) {
        guard !stream.isClosed, !stream.hasEnded, stream.refusal == nil else { return }
        stream.hasEnded = true
        events.streamEnded(stream)
    }

    func submitReset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        _ = nghttp2_submit_rst_stream(handle, 0, stream.id, code.rawValue)
    }

    // MARK: Frames

    func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let head = frame.pointee.hd
        switch head.type {
        case HTTP2FrameType.headers:
            guard let stream = building, stream.id == head.stream_id else { return }
            endBlock(stream, endsStream: head.flags & HTTP2Flag.endStream != 0)
        case HTTP2FrameType.data:
            guard head.flags & HTTP2Flag.endStream != 0, let stream = stream(head.stream_id) else { return }
            ended(stream)
        case HTTP2FrameType.reset:
            guard role == .server, let stream = stream(head.stream_id), !stream.hasSentHead else { return }
            if !cancellations.take(1, now: now) { stop = .abuse(.cancellations) }
        case HTTP2FrameType.settings:
            if head.flags & HTTP2Flag.ack != 0 {
                areSettingsAcknowledged = true
            } else {
                events.settingsReceived()
            }
        case HTTP2FrameType.ping:
            if head.flags & HTTP2Flag.ack != 0 { pingAcknowledged(frame.pointee.ping.opaque_data) }
        case HTTP2FrameType.goaway:
            events.goawayReceived(
                lastStream: frame.pointee.goaway.last_stream_id,
                HTTP2ErrorCode(rawValue: frame.pointee.goaway.error_code))
        default: break
        }
    }

    // MARK: The end of a stream

    /// A request that never left: reset before that, or the peer has said goodbye meanwhile. nghttp2 never opened it.
    func requestNotSent(_ id: Int32) {
        guard stream(id) == nil, let unsent = streams.first(where: { $0.id == id }) else { return }
        streamClosed(unsent, .refusedStream)
    }

    func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        if building === stream {
            building = nil
            blockHead = nil
        }
        unregister(stream)
        guard !stream.isClosed else { return }
        stream.isClosed = true
        if stream.isAnnounced { events.streamClosed(stream, code) }
    }
}
