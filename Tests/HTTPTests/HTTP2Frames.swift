import Base
import HTTP
import Testing

/// Frames by hand (RFC 9113 section 6), right and wrong.
enum Frame {
    static let preface = Array(raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))

    static func make(_ type: UInt8, _ flags: UInt8, _ stream: Int32, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
            + word(UInt32(bitPattern: stream)) + payload
    }

    static func word(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
    }

    static func settings(_ entries: [(UInt16, UInt32)] = []) -> [UInt8] {
        make(HTTP2FrameType.settings, 0, 0, entries.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 0xFF)] + word($0.1) })
    }

    static let settingsAck = make(HTTP2FrameType.settings, HTTP2Flag.ack, 0)

    static func headers(
        _ stream: Int32, _ fields: [(String, String)], ends: Bool = false, complete: Bool = true
    ) -> [UInt8] {
        make(
            HTTP2FrameType.headers, (ends ? HTTP2Flag.endStream : 0) | (complete ? HTTP2Flag.endHeaders : 0), stream,
            block(fields))
    }

    static func data(_ stream: Int32, _ bytes: [UInt8], ends: Bool = false) -> [UInt8] {
        make(HTTP2FrameType.data, ends ? HTTP2Flag.endStream : 0, stream, bytes)
    }

    static func reset(_ stream: Int32, _ code: UInt32 = 8) -> [UInt8] {
        make(HTTP2FrameType.reset, 0, stream, word(code))
    }

    static func windowUpdate(_ stream: Int32, _ increment: UInt32) -> [UInt8] {
        make(HTTP2FrameType.windowUpdate, 0, stream, word(increment))
    }

    static func ping(_ flags: UInt8 = 0) -> [UInt8] {
        make(HTTP2FrameType.ping, flags, 0, [1, 2, 3, 4, 5, 6, 7, 8])
    }

    // MARK: HPACK (RFC 7541)

    /// Literals without indexing, no Huffman coding: any bytes at all.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0x00] + text(raw($0.0)) + text(raw($0.1)) }
    }

    static func text(_ bytes: [UInt8]) -> [UInt8] { integer(bytes.count, prefix: 7) + bytes }

    static func integer(_ value: Int, prefix: Int, flags: UInt8 = 0) -> [UInt8] {
        let most = 1 << prefix - 1
        if value < most { return [flags | UInt8(value)] }
        var rest = value - most
        var bytes = [flags | UInt8(most)]
        while rest >= 128 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    // MARK: Reading what a session sends

    struct Sent: Equatable {
        var type: UInt8
        var flags: UInt8
        var stream: Int32
        var payload: [UInt8]

        /// The number that the first four bytes make, or the ones behind them.
        func word(_ offset: Int = 0) -> UInt32 { payload[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) } }
        var ends: Bool { flags & HTTP2Flag.endStream != 0 }
    }

    /// All frames of whole output; a frame that is cut short fails the test.
    static func parse(_ bytes: [UInt8]) -> [Sent] {
        var frames: [Sent] = []
        var offset = 0
        while offset + 9 <= bytes.count {
            let length = Int(bytes[offset]) << 16 | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2])
            guard offset + 9 + length <= bytes.count else { break }
            let stream = bytes[(offset + 5)..<(offset + 9)].reduce(0) { $0 << 8 | UInt32($1) }
            frames.append(
                Sent(
                    type: bytes[offset + 3], flags: bytes[offset + 4], stream: Int32(bitPattern: stream),
                    payload: Array(bytes[(offset + 9)..<(offset + 9 + length)])))
            offset += 9 + length
        }
        #expect(offset == bytes.count, "output ends inside a frame")
        return frames
    }
}

/// The fields of a good request.
func requestFields(_ method: String = "GET", _ more: [(String, String)] = []) -> [(String, String)] {
    [(":method", method), (":scheme", "http"), (":authority", "h"), (":path", "/")] + more
}
