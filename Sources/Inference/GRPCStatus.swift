package import Base

/// How a gRPC call ended (https://grpc.io/docs/guides/status-codes/).
package enum GRPCStatus: UInt8, CaseIterable, Sendable {
    case ok
    case cancelled
    case unknown
    case invalidArgument
    case deadlineExceeded
    case notFound
    case alreadyExists
    case permissionDenied
    case resourceExhausted
    case failedPrecondition
    case aborted
    case outOfRange
    case unimplemented
    case `internal`
    case unavailable
    case dataLoss
    case unauthenticated

    /// The value of a `grpc-status` field: one or two digits. `nil` if it is malformed or no code has that number.
    package static func parse(_ bytes: UnsafeRawBufferPointer) -> GRPCStatus? {
        guard 1...2 ~= bytes.count else { return nil }
        var number: UInt8 = 0
        for byte in bytes {
            let digit = byte &- 0x30
            guard digit < 10 else { return nil }
            number = number &* 10 &+ digit
        }
        return GRPCStatus(rawValue: number)
    }

    /// What a gRPC client is told where another would get this status from the gateway.
    package init(httpStatus: Int) {
        self =
            switch httpStatus {
            case 400: .invalidArgument
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404, 501: .unimplemented
            case 408, 504: .deadlineExceeded
            case 413, 414, 429, 431: .resourceExhausted
            case 499: .cancelled
            case 502, 503: .unavailable
            default: .unknown
            }
    }

    /// The status that another client would have been told, by which routes list what is tried again.
    package var httpStatus: Int {
        switch self {
        case .ok: 200
        case .invalidArgument, .failedPrecondition, .outOfRange: 400
        case .unauthenticated: 401
        case .permissionDenied: 403
        case .notFound: 404
        case .alreadyExists, .aborted: 409
        case .resourceExhausted: 429
        case .cancelled: 499
        case .unknown, .internal, .dataLoss: 500
        case .unimplemented: 501
        case .unavailable: 503
        case .deadlineExceeded: 504
        }
    }
}

extension ByteBuffer {
    /// Appends the value of a `grpc-message` field: text (UTF-8) of which all but printable ASCII is percent-encoded,
    /// and so is `%` (gRPC over HTTP/2, "Status-Message"). A space at an end is as well, because a field value has none
    /// there (RFC 9110 section 5.5).
    package mutating func append(grpcMessage text: UnsafeRawBufferPointer) {
        let digits: StaticString = "0123456789ABCDEF"
        for (index, byte) in text.enumerated() {
            let isAtEnd = index == 0 || index == text.count &- 1
            if 0x20...0x7E ~= byte && byte != UInt8(ascii: "%") && !(isAtEnd && byte == 0x20) {
                append(byte: byte)
            } else {
                append(byte: UInt8(ascii: "%"))
                append(byte: digits.utf8Start[Int(byte >> 4)])
                append(byte: digits.utf8Start[Int(byte & 15)])
            }
        }
    }
}
