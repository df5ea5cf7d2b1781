import Base

/// The head of a frame (RFC 9113 section 4.1), and the first bytes of its payload where they count.
struct HTTP2FrameHead {
    var length: Int
    var type: UInt8
    var flags: UInt8
    var streamID: Int32
    /// Up to four payload bytes: the pad length of DATA, the increment of WINDOW_UPDATE, the dependency of PRIORITY.
    var peek: UInt32
    /// Where the frame begins in the bytes given; 0 where it began before them.
    var start: Int

    /// DATA that carries nothing, not even the end of the stream.
    var isEmptyData: Bool {
        guard type == HTTP2FrameType.data, flags & HTTP2Flag.endStream == 0 else { return false }
        return flags & HTTP2Flag.padded == 0 ? length == 0 : length <= 1 &+ Int(peek)
    }
}

/// Finds the frame heads in a byte stream, so that frames can be counted whatever nghttp2 does with them: it reports
/// neither PRIORITY nor unknown types nor DATA of closed streams.
struct HTTP2FrameScanner {
    private static let headBytes = 9

    /// Bytes to pass over: the preface, then payloads.
    private var skip: Int
    /// Bytes of the head at hand that were read.
    private var position = 0
    /// Bytes wanted of it, payload bytes included.
    private var wanted = headBytes
    /// Length, type and flags, as they come.
    private var word: UInt64 = 0
    private var identifier: UInt32 = 0
    private var peek: UInt32 = 0
    private var isData = false

    init(_ role: HTTP2Role) { skip = role == .server ? http2Preface.utf8CodeUnitCount : 0 }

    /// Bytes of a frame are missing, or of the preface. Those of DATA may take their time: they are counted as a body.
    var isInsideFrame: Bool { position > 0 || (skip > 0 && !isData) }

    /// The next head that is complete, with the offset moved behind it.
    mutating func next(_ bytes: UnsafeRawBufferPointer, from offset: inout Int) -> HTTP2FrameHead? {
        while offset < bytes.count {
            if skip > 0 {
                let amount = min(skip, bytes.count &- offset)
                skip &-= amount
                offset &+= amount
                continue
            }
            let byte = bytes[offset]
            offset &+= 1
            position &+= 1
            switch position {
            case ...5: word = word << 8 | UInt64(byte)
            case ...Self.headBytes: identifier = identifier << 8 | UInt32(byte)
            default: peek = peek << 8 | UInt32(byte)
            }
            if position == Self.headBytes { wanted = Self.headBytes &+ peekBytes }
            guard position == wanted else { continue }
            return finish(offset)
        }
        return nil
    }

    private var length: Int { Int(word >> 16 & 0xFF_FFFF) }
    private var type: UInt8 { UInt8(truncatingIfNeeded: word >> 8) }
    private var flags: UInt8 { UInt8(truncatingIfNeeded: word) }

    private var peekBytes: Int {
        switch type {
        case HTTP2FrameType.data: min(length, flags & HTTP2Flag.padded == 0 ? 0 : 1)
        case HTTP2FrameType.windowUpdate, HTTP2FrameType.priority: min(length, 4)
        default: 0
        }
    }

    private mutating func finish(_ end: Int) -> HTTP2FrameHead {
        let frame = HTTP2FrameHead(
            length: length, type: type, flags: flags, streamID: Int32(bitPattern: identifier & 0x7FFF_FFFF), peek: peek,
            start: max(0, end &- wanted))
        skip = length &- (wanted &- Self.headBytes)
        isData = frame.type == HTTP2FrameType.data
        position = 0
        wanted = Self.headBytes
        word = 0
        identifier = 0
        peek = 0
        return frame
    }
}
