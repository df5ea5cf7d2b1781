package import Base
import Glibc

/// Makes sure that a path has one reading before anything is decided by it.
///
/// What servers are known to read differently is refused: dot segments, backslashes, NUL, and the escapes of `/`, `\` and
/// NUL. Escapes of unreserved characters are decoded for matching (RFC 3986 section 6.2.2.2); all other escapes stay.
package enum PathNormalizer {
    package enum Outcome: Equatable {
        /// Nothing to decode: the received bytes are the path to match.
        case asReceived
        /// The path to match is in the buffer.
        case decoded
        case refused(MessageError)
    }

    /// - Parameter decoded: gets the path to match where it differs from `path`.
    package static func normalize(_ path: UnsafeRawBufferPointer, into decoded: inout ByteBuffer) -> Outcome {
        guard let base = path.baseAddress else { return .asReceived }
        let hasEscape = memchr(base, 0x25, path.count) != nil
        if hasEscape {
            decoded.removeAll()
            if let error = decode(path, into: &decoded) { return .refused(error) }
            if let error = check(decoded.bytes) { return .refused(error) }
            return .decoded
        }
        if let error = check(path) { return .refused(error) }
        return .asReceived
    }

    private static func decode(_ path: UnsafeRawBufferPointer, into decoded: inout ByteBuffer) -> MessageError? {
        var index = 0
        while index < path.count {
            let byte = path[index]
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte: byte)
                index &+= 1
                continue
            }
            guard index &+ 2 < path.count, let high = hexValue(path[index &+ 1]), let low = hexValue(path[index &+ 2])
            else { return MessageError(.malformed, "a broken percent escape in the path") }
            let value = high << 4 | low
            switch value {
            case 0x00, 0x2F, 0x5C:
                return MessageError(.malformed, "an encoded slash, backslash or NUL in the path")
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                decoded.append(byte: value)
            default:
                // Upper-case digits: escapes are equal whatever their case (RFC 3986 section 6.2.2.1).
                decoded.append(byte: byte)
                decoded.append(byte: uppercased(path[index &+ 1]))
                decoded.append(byte: uppercased(path[index &+ 2]))
            }
            index &+= 3
        }
        return nil
    }

    private static func uppercased(_ byte: UInt8) -> UInt8 { byte &- 0x61 < 26 ? byte & 0xDF : byte }

    private static func check(_ path: UnsafeRawBufferPointer) -> MessageError? {
        guard let base = path.baseAddress else { return nil }
        if memchr(base, 0x5C, path.count) != nil { return MessageError(.malformed, "a backslash in the path") }
        var search = 0
        while search < path.count, let found = memchr(base + search, 0x2E, path.count &- search) {
            let dot = UnsafeRawPointer(found) - base
            search = dot &+ 1
            guard dot > 0, path[dot &- 1] == UInt8(ascii: "/") else { continue }
            var end = dot &+ 1
            if end < path.count && path[end] == 0x2E { end &+= 1 }
            if end == path.count || path[end] == UInt8(ascii: "/") {
                return MessageError(.malformed, "a dot segment in the path")
            }
        }
        return nil
    }
}
