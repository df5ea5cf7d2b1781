/// Whether an exchange failed on the side of the service: what dashboards, alerts and error budgets count, and what the
/// access log and traces never leave out.
///
/// That is a status of 500 and above, a cause of the gateway's that stands for one, also where an answer had begun, and a
/// call that ended with one of the gRPC statuses that say the same. What a client did wrong, or gave up, is none.
package enum ServiceError {
    /// UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: what OpenTelemetry's conventions for
    /// RPC servers count as errors (opentelemetry.io/docs/specs/semconv/rpc/grpc).
    private static let grpcStatuses: UInt32 = 1 << 2 | 1 << 4 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15

    /// - Parameters:
    ///   - status: what the client was sent, or would have been over HTTP.
    ///   - grpcStatus: 0...16; `nil` for other requests.
    package static func happened(status: UInt16, cause: Cause, grpcStatus: UInt8?) -> Bool {
        if cause == .clientClosed || cause == .notImplemented { return false }
        if status >= 500 || (cause != .none && cause.status >= 500) { return true }
        guard let grpcStatus, grpcStatus < 32 else { return false }
        return grpcStatuses & 1 << UInt32(grpcStatus) != 0 && cause.status < 400
    }
}
