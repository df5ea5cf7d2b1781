import Base
import CNGHTTP2

// What nghttp2 calls. Nothing here throws, traps on input or calls nghttp2 to read or write; what ends the connection
// is noted in `stop` and done when nghttp2 has returned.

private let failed = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue

private func owner(_ user: UnsafeMutableRawPointer?) -> HTTP2Session? {
    user.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
}

extension HTTP2Session {
    /// A stream that nghttp2 has open.
    func stream(_ id: Int32) -> HTTP2Stream? {
        nghttp2_session_get_stream_user_data(handle, id).map {
            Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue()
        }
    }
}

func http2BeginHeaders(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = owner(user), let frame else { return 0 }
    guard frame.pointee.hd.type == HTTP2FrameType.headers else { return 0 }
    session.beginBlock(frame.pointee.hd.stream_id, opensStream: frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST)
    return 0
}

func http2Header(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?, _ nameCount: Int,
    _ value: UnsafePointer<UInt8>?, _ valueCount: Int, _ flags: UInt8, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let user else { return 0 }
    let name = UnsafeRawBufferPointer(start: name, count: nameCount)
    let value = UnsafeRawBufferPointer(start: value, count: valueCount)
    // Called for each field: without counting a reference.
    let isFine = Unmanaged<HTTP2Session>.fromOpaque(user)._withUnsafeGuaranteedRef { $0.addField(name, value) }
    return isFine ? 0 : failed
}

func http2FrameReceived(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = owner(user), let frame else { return 0 }
    session.frameReceived(frame)
    return session.stop == nil ? 0 : failed
}

func http2InvalidFrame(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ error: Int32, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = owner(user), let frame else { return 0 }
    guard session.role == .server, frame.pointee.hd.type == HTTP2FrameType.headers else { return 0 }
    if error == NGHTTP2_ERR_REFUSED_STREAM.rawValue {
        session.closedStreams.forgive(frame.pointee.hd.stream_id)
    } else if error == NGHTTP2_ERR_PROTO.rawValue && session.streams.count >= Int(session.limits.concurrentStreams) {
        // nghttp2 ends the connection; this says why.
        session.stop = session.stop ?? .abuse(.concurrentStreams)
    }
    return 0
}

func http2Data(
    _: OpaquePointer?, _ flags: UInt8, _ id: Int32, _ bytes: UnsafePointer<UInt8>?, _ count: Int,
    _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = owner(user) else { return 0 }
    session.received(session.stream(id), UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

func http2StreamClosed(
    _: OpaquePointer?, _ id: Int32, _ code: UInt32, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = owner(user), let stream = session.stream(id) else { return 0 }
    session.streamClosed(stream, HTTP2ErrorCode(rawValue: code))
    return 0
}

func http2FrameSent(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = owner(user), let frame else { return 0 }
    session.frameSent(frame)
    return 0
}

func http2FrameNotSent(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ error: Int32, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = owner(user), let frame else { return 0 }
    guard frame.pointee.hd.type == HTTP2FrameType.headers else { return 0 }
    if session.role == .client { session.requestNotSent(frame.pointee.hd.stream_id) }
    guard error == NGHTTP2_ERR_FRAME_SIZE_ERROR.rawValue else { return 0 }
    // A head that cannot be sent; one that has nobody to go to any more is no matter.
    _ = nghttp2_submit_rst_stream(session.handle, 0, frame.pointee.hd.stream_id, HTTP2ErrorCode.internalError.rawValue)
    return 0
}

func http2Read(
    _: OpaquePointer?, _ id: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ room: Int,
    _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
    _ user: UnsafeMutableRawPointer?
) -> Int {
    guard let session = owner(user), let stream = session.stream(id), let flags else {
        return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    return session.readBody(stream, room, &flags.pointee)
}

func http2SendData(
    _: OpaquePointer?, _ frame: UnsafeMutablePointer<nghttp2_frame>?, _ head: UnsafePointer<UInt8>?, _ count: Int,
    _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = owner(user), let frame, let head, let stream = session.stream(frame.pointee.hd.stream_id)
    else { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }
    session.writeBody(stream, UnsafeRawBufferPointer(start: head, count: 9), count)
    // Not an error: the frame is counted as sent, and nghttp2 comes back before the next.
    return session.output.count >= session.outputLimit ? NGHTTP2_ERR_PAUSE.rawValue : 0
}
