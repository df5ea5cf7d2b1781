/// Request methods with a meaning to a proxy (RFC 9110 section 9, RFC 5789); every other token is `other`.
package enum Method: UInt8, Sendable {
    case get, head, post, put, delete, patch, options, connect, trace, other

    /// Method names are case-sensitive.
    package init(_ token: UnsafeRawBufferPointer) {
        func named(_ name: StaticString) -> Bool {
            guard token.count == name.utf8CodeUnitCount else { return false }
            for index in 0..<token.count where token[index] != name.utf8Start[index] { return false }
            return true
        }
        switch token.first {
        case UInt8(ascii: "G") where named("GET"): self = .get
        case UInt8(ascii: "P") where named("POST"): self = .post
        case UInt8(ascii: "P") where named("PUT"): self = .put
        case UInt8(ascii: "P") where named("PATCH"): self = .patch
        case UInt8(ascii: "H") where named("HEAD"): self = .head
        case UInt8(ascii: "D") where named("DELETE"): self = .delete
        case UInt8(ascii: "O") where named("OPTIONS"): self = .options
        case UInt8(ascii: "C") where named("CONNECT"): self = .connect
        case UInt8(ascii: "T") where named("TRACE"): self = .trace
        default: self = .other
        }
    }

    /// Whether doing it twice has the effect of doing it once (RFC 9110 section 9.2.2).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }
}
