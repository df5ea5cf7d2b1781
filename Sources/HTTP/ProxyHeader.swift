import Base

/// What a proxy in front says about a connection before its first byte: the PROXY protocol, version 2
/// (proxy-protocol.txt of HAProxy, section 2.2). Version 1 is not read.
package struct ProxyHeader: Equatable, Sendable {
    /// Signature, version, command, family and length.
    package static let fixedBytes = 16
    /// Addresses and extensions behind that: a Unix address takes 216 bytes, a client's certificate in an extension a few
    /// hundred more.
    package static let mostBytes = 4096

    /// Where the client is. Addresses are 128-bit numbers, IPv4 in its mapped form (RFC 4291 section 2.5.5.2).
    package enum Source: Equatable, Sendable {
        case address(high: UInt64, low: UInt64, port: UInt16)
        /// The proxy speaks for itself, or for somebody without an address.
        case proxy
    }

    package var source: Source

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// - Parameter bytes: the first `fixedBytes`.
    /// - Returns: how many bytes follow.
    /// - Throws: `malformed` for what is no such header, `headTooLarge` above `mostBytes`.
    package static func rest(_ bytes: UnsafeRawBufferPointer) throws(MessageError) -> Int {
        guard bytes.count >= fixedBytes, hasPrefix(bytes, signature) else {
            throw MessageError(.malformed, "no PROXY header of version 2")
        }
        guard bytes[12] >> 4 == 2, bytes[12] & 15 <= 1 else {
            throw MessageError(.malformed, "an unknown version or command in a PROXY header")
        }
        let count = Int(bytes[14]) << 8 | Int(bytes[15])
        guard count <= mostBytes else { throw MessageError(.headTooLarge, "a PROXY header above the limit") }
        return count
    }

    /// - Parameter bytes: the whole header. Extensions behind the addresses are passed over.
    /// - Throws: `malformed`.
    package init(_ bytes: UnsafeRawBufferPointer) throws(MessageError) {
        let count = try Self.rest(bytes)
        guard bytes.count >= Self.fixedBytes + count else { throw MessageError(.malformed, "a PROXY header cut short") }
        // LOCAL: the addresses are to be ignored, whatever they are.
        guard bytes[12] & 15 == 1 else {
            source = .proxy
            return
        }
        let body = UnsafeRawBufferPointer(rebasing: bytes[Self.fixedBytes..<(Self.fixedBytes + count)])
        func number<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type) -> Value {
            Value(bigEndian: body.loadUnaligned(fromByteOffset: offset, as: Value.self))
        }
        switch bytes[13] {
        case 0x11 where count >= 12:
            source = .address(
                high: 0, low: 0xFFFF_0000_0000 | UInt64(number(0, UInt32.self)), port: number(8, UInt16.self))
        case 0x21 where count >= 36:
            source = .address(high: number(0, UInt64.self), low: number(8, UInt64.self), port: number(32, UInt16.self))
        case 0x31 where count >= 216, 0x00: source = .proxy
        default: throw MessageError(.malformed, "an address in a PROXY header that is none of a connection")
        }
    }
}
