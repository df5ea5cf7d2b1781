/// One finished exchange, as the access log tells it.
///
/// The views point at memory of the caller and are read during `AccessLogFormatter.append` only. An empty view is a fact
/// that is not known or does not apply, and is left out. Views may hold any bytes: what a client sent is passed as it came.
///
/// A class, so that one is filled for each line where it is, and not copied on its way.
package final class AccessLogRecord {
    /// Nanoseconds since the Unix epoch when the first byte of the request came.
    package var time: Int64 = 0
    /// The client's address as text; behind a trusted proxy the one that proxy named.
    package var client = UnsafeRawBufferPointer.none
    package var method = UnsafeRawBufferPointer.none
    /// The target as received, with its query.
    package var path = UnsafeRawBufferPointer.none
    /// Such as `HTTP/1.1`.
    package var `protocol`: StaticString = ""
    package var host = UnsafeRawBufferPointer.none
    /// The names of the route, empty when none matched, and of its entry that took the request: `KeptMembers` for the format.
    package var entry = UnsafeRawBufferPointer.none
    /// The address of the endpoint that was tried last: `KeptMembers` for the format.
    package var endpoint = UnsafeRawBufferPointer.none
    /// What the client was sent, 499 when it left before an answer began.
    package var status: UInt16 = 0
    package var cause = Cause.none
    /// How a gRPC call ended, 0...16; `nil` for other requests.
    package var grpcStatus: UInt8?
    package var requestID = UnsafeRawBufferPointer.none
    /// The id was made here, of letters and digits.
    package var madeRequestID = false
    /// The user whose password was right.
    package var user = UnsafeRawBufferPointer.none
    package var userAgent = UnsafeRawBufferPointer.none
    /// Whom the client's certificate names, as RFC 2253 text.
    package var clientSubject = UnsafeRawBufferPointer.none
    /// The trace-id of W3C trace context, 32 hexadecimal digits, whoever made it.
    package var traceID = UnsafeRawBufferPointer.none
    /// Body bytes received from the client.
    package var requestBytes: UInt64 = 0
    /// Body bytes sent to the client.
    package var responseBytes: UInt64 = 0
    /// Nanoseconds spent waiting for a place at an endpoint; `nil` if the request was never dispatched.
    package var queue: UInt64?
    /// Nanoseconds to the first byte of the answer; `nil` if there was none.
    package var firstByte: UInt64?
    /// Nanoseconds of the whole exchange.
    package var duration: UInt64 = 0
    /// Tries after the first.
    package var retries: UInt32 = 0
    /// Places at endpoints that it was given, one after the other.
    package var tries: UInt32 = 0
    /// What the client asked for; empty where the request names none, or nobody has read it.
    package var model = UnsafeRawBufferPointer.none
    package var version = UnsafeRawBufferPointer.none

    package init() {}
}

/// How the copy of a request for one mirror ended.
package struct MirrorNote: Sendable {
    /// The mirror's place among those of the route.
    package var place: Int
    package var backend: [UInt8]
    package var outcome: MirrorOutcome

    package init(place: Int, backend: [UInt8], outcome: MirrorOutcome) {
        self.place = place
        self.backend = backend
        self.outcome = outcome
    }
}

extension UnsafeRawBufferPointer {
    /// No bytes.
    fileprivate static var none: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
