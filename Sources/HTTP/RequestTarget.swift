import Base
import Glibc

/// The request target taken apart (RFC 9112 section 3.2), still as ranges of the head.
package struct RequestTarget {
    package enum Form: Sendable { case origin, absolute, asterisk }
    package var form: Form
    /// Of an absolute-form target, which then stands in for `Host` (RFC 9112 section 3.2.2).
    package var authority: HeadRange
    /// As received; empty stands for "/".
    package var path: HeadRange
    /// Without the question mark.
    package var query: HeadRange
    package var hasQuery: Bool

    /// - Throws: `malformed` for what has no one reading; CONNECT is not handled here.
    package init(of head: MessageHead) throws(MessageError) {
        let bytes = head.slice(head.target)
        let offset = Int(head.target.start)
        form = .origin
        authority = .empty
        var pathStart = 0
        if bytes.count == 1, bytes[0] == UInt8(ascii: "*") {
            guard head.method == .options else { throw MessageError(.malformed, "the target * is for OPTIONS only") }
            form = .asterisk
            path = head.target
            query = .empty
            hasQuery = false
            return
        }
        if bytes.first != UInt8(ascii: "/") {
            guard let schemeEnd = Self.schemeEnd(bytes) else {
                throw MessageError(.malformed, "the target is neither a path nor an http URL")
            }
            var end = schemeEnd
            while end < bytes.count && bytes[end] != UInt8(ascii: "/") && bytes[end] != UInt8(ascii: "?") { end &+= 1 }
            form = .absolute
            authority = HeadRange(offset &+ schemeEnd, offset &+ end)
            pathStart = end
        }
        var pathEnd = pathStart
        while pathEnd < bytes.count && bytes[pathEnd] != UInt8(ascii: "?") { pathEnd &+= 1 }
        path = HeadRange(offset &+ pathStart, offset &+ pathEnd)
        hasQuery = pathEnd < bytes.count
        query = hasQuery ? HeadRange(offset &+ pathEnd &+ 1, offset &+ bytes.count) : .empty
    }

    private static func schemeEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        for scheme in ["http://", "https://"] as [StaticString] {
            let count = scheme.utf8CodeUnitCount
            if bytes.count > count, equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: bytes[..<count]), scheme) {
                return count
            }
        }
        return nil
    }
}

/// A `Host` or authority: name or address, and optionally a port (RFC 9110 section 7.2).
package enum HostValue {
    /// The part without the port, or `nil` for what is not a host.
    package static func name(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var end = value.count
        if value.first == UInt8(ascii: "[") {
            guard let bracket = value.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            // The shortest address is "::".
            guard bracket > 2, value[1..<bracket].contains(0x3A) else { return nil }
            for byte in value[1..<bracket] where hexValue(byte) == nil && byte != 0x3A && byte != 0x2E { return nil }
            end = bracket &+ 1
        } else {
            if let colon = value.firstIndex(of: UInt8(ascii: ":")) { end = colon }
            for byte in value[..<end] where !isNameByte(byte) { return nil }
        }
        guard end > 0, isPort(UnsafeRawBufferPointer(rebasing: value[end...])) else { return nil }
        return UnsafeRawBufferPointer(rebasing: value[..<end])
    }

    /// Unreserved characters and escapes. The other characters that RFC 3986 allows in a name occur in no real one.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x25: true
        default: false
        }
    }

    private static func isPort(_ rest: UnsafeRawBufferPointer) -> Bool {
        guard let colon = rest.first else { return true }
        guard colon == UInt8(ascii: ":"), rest.count <= 6 else { return false }
        return rest.dropFirst().allSatisfy { $0 &- 0x30 < 10 }
    }
}
