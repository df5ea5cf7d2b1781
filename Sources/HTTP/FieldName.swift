import Base

/// The header fields a gateway acts on, told apart once while parsing; all others are `other`.
package enum FieldName: CaseIterable, Sendable {
    case other
    case host, contentLength, transferEncoding, connection, keepAlive, proxyConnection, te, trailer, upgrade, expect
    case authorization, via, date, userAgent, contentType
    case forwarded, xForwardedFor, xForwardedProto, xForwardedHost
    case xRequestID, traceparent, tracestate
    /// Any field named `x-sluice-…`: set by the gateway, never by clients.
    case sluice

    package init(_ name: UnsafeRawBufferPointer) {
        self = .other
        func named(_ text: StaticString) -> Bool { equalsIgnoringCase(name, text) }
        switch (name.count, lowercased(name.first ?? 0)) {
        case (2, UInt8(ascii: "t")): if named("te") { self = .te }
        case (3, UInt8(ascii: "v")): if named("via") { self = .via }
        case (4, UInt8(ascii: "h")): if named("host") { self = .host }
        case (4, UInt8(ascii: "d")): if named("date") { self = .date }
        case (6, UInt8(ascii: "e")): if named("expect") { self = .expect }
        case (7, UInt8(ascii: "t")): if named("trailer") { self = .trailer }
        case (7, UInt8(ascii: "u")): if named("upgrade") { self = .upgrade }
        case (9, UInt8(ascii: "f")): if named("forwarded") { self = .forwarded }
        case (10, UInt8(ascii: "c")): if named("connection") { self = .connection }
        case (10, UInt8(ascii: "k")): if named("keep-alive") { self = .keepAlive }
        case (10, UInt8(ascii: "t")): if named("tracestate") { self = .tracestate }
        case (10, UInt8(ascii: "u")): if named("user-agent") { self = .userAgent }
        case (11, UInt8(ascii: "t")): if named("traceparent") { self = .traceparent }
        case (12, UInt8(ascii: "c")): if named("content-type") { self = .contentType }
        case (12, UInt8(ascii: "x")): if named("x-request-id") { self = .xRequestID }
        case (13, UInt8(ascii: "a")): if named("authorization") { self = .authorization }
        case (14, UInt8(ascii: "c")): if named("content-length") { self = .contentLength }
        case (15, UInt8(ascii: "x")): if named("x-forwarded-for") { self = .xForwardedFor }
        case (16, UInt8(ascii: "p")): if named("proxy-connection") { self = .proxyConnection }
        case (16, UInt8(ascii: "x")): if named("x-forwarded-host") { self = .xForwardedHost }
        case (17, UInt8(ascii: "t")): if named("transfer-encoding") { self = .transferEncoding }
        case (17, UInt8(ascii: "x")): if named("x-forwarded-proto") { self = .xForwardedProto }
        default: break
        }
        if self == .other, name.count > 9, lowercased(name[0]) == UInt8(ascii: "x"),
            equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: name[..<9]), "x-sluice-")
        {
            self = .sluice
        }
    }

    /// Fields that end at the next hop (RFC 9110 section 7.6.1), or that the serialiser writes itself.
    package var isHopByHop: Bool {
        switch self {
        case .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade, .contentLength: true
        default: false
        }
    }
}

/// Whether a byte may stand in a token such as a method or field name (RFC 9110 section 5.6.2).
package func isTokenByte(_ byte: UInt8) -> Bool {
    // One bit for each of the 128 ASCII characters.
    let low: UInt64 = 0x03FF_6CFA_0000_0000
    let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    if byte < 64 { return low >> UInt64(byte) & 1 != 0 }
    if byte < 128 { return high >> UInt64(byte &- 64) & 1 != 0 }
    return false
}
