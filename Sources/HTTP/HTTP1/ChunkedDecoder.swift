import Base

/// Takes the chunked coding (RFC 9112 section 7.1) off a body, byte-exactly: a size line is hexadecimal digits, optionally
/// extensions, and CRLF; nothing is forgiven.
///
///     size --CRLF--> data --all read--> dataEnd --CRLF--> size
///     size 0 --CRLF--> trailers (left to the caller: field lines up to an empty one)
package struct ChunkedDecoder {
    /// Chunk extensions carry nothing here. A few bytes in each of many chunks is a known way to keep a server busy, so
    /// they are bounded over the whole body.
    package static let maxExtensionBytes = 16 * 1024
    /// 15 digits stay below 2^60.
    private static let maxSizeDigits = 15

    private enum State: UInt8 { case sizeStart, size, space, extensions, sizeLF, data, dataCR, dataLF, trailers }

    package enum Step {
        /// Body bytes: this many at the front of what was given.
        case data(Int)
        /// Everything given was framing and is used up.
        case needMore
        /// The last chunk is done; this many bytes were used up and the trailer section follows.
        case trailers(Int)
        case failed(MessageError)
    }

    private var state = State.sizeStart
    private var remaining: UInt64 = 0
    private var digits = 0
    private var extensionBytes = 0

    package init() {}

    /// - Parameter offset: advanced over framing bytes; a `data` step starts there.
    package mutating func next(_ bytes: UnsafeRawBufferPointer, from offset: inout Int) -> Step {
        while offset < bytes.count {
            if state == .data {
                let amount = Int(min(remaining, UInt64(bytes.count &- offset)))
                remaining &-= UInt64(amount)
                if remaining == 0 { state = .dataCR }
                return .data(amount)
            }
            let byte = bytes[offset]
            offset &+= 1
            if let error = take(byte) { return .failed(error) }
            if state == .trailers { return .trailers(offset) }
        }
        return .needMore
    }

    private mutating func take(_ byte: UInt8) -> MessageError? {
        switch state {
        case .sizeStart, .size:
            if let digit = hexValue(byte) {
                digits &+= 1
                if digits > Self.maxSizeDigits { return MessageError(.malformed, "an impossible chunk size") }
                remaining = remaining << 4 | UInt64(digit)
                state = .size
                return nil
            }
            if state == .sizeStart { return MessageError(.malformed, "a chunk without a size") }
            return afterSize(byte)
        case .space: return afterSize(byte)
        case .extensions:
            if byte == 0x0D {
                state = .sizeLF
                return nil
            }
            extensionBytes &+= 1
            if extensionBytes > Self.maxExtensionBytes { return MessageError(.malformed, "too many chunk extensions") }
            if (byte < 0x20 && byte != 0x09) || byte == 0x7F {
                return MessageError(.malformed, "a control character in a chunk extension")
            }
            return nil
        case .sizeLF:
            guard byte == 0x0A else { return MessageError(.malformed, "a chunk size without CRLF") }
            digits = 0
            state = remaining == 0 ? .trailers : .data
            return nil
        case .dataCR:
            guard byte == 0x0D else { return MessageError(.malformed, "a chunk longer than its size") }
            state = .dataLF
            return nil
        case .dataLF:
            guard byte == 0x0A else { return MessageError(.malformed, "a chunk without CRLF at its end") }
            state = .sizeStart
            return nil
        case .data, .trailers: return nil
        }
    }

    /// White space is read only in front of an extension, where RFC 9112 section 7.1.1 allows it.
    private mutating func afterSize(_ byte: UInt8) -> MessageError? {
        switch byte {
        case 0x0D where state == .size: state = .sizeLF
        case UInt8(ascii: ";"): state = .extensions
        case 0x20, 0x09:
            extensionBytes &+= 1
            if extensionBytes > Self.maxExtensionBytes { return MessageError(.malformed, "too many chunk extensions") }
            state = .space
        default: return MessageError(.malformed, "a chunk size that is no number")
        }
        return nil
    }
}
