package import Base

/// Which traces are exported.
package enum TraceSampling {
    /// Whether a trace is recorded from its beginning.
    ///
    /// - Parameters:
    ///   - sender: what the one before has decided; `nil` where it said nothing.
    ///   - isTrusted: its word counts. Others could have everything recorded, or nothing.
    ///   - percent: 0...100 of all the others.
    package static func samples(
        sender: Bool?, isTrusted: Bool, percent: Double, random: inout RandomSource
    ) -> Bool {
        if isTrusted, let sender { return sender }
        return random.chance(percent: percent)
    }

    /// Whether the server's side of a span has the status ERROR (semantic conventions for HTTP and gRPC spans): errors of the
    /// client are none of the server's.
    package static func isServerSpanError(status: Int, grpcStatus: UInt8?) -> Bool {
        guard let grpcStatus else { return status >= 500 }
        return [2, 4, 12, 13, 14, 15].contains(grpcStatus)
    }

    /// The same of the client's side, which takes everything for an error that is not what it wanted.
    ///
    /// - Parameter status: 0 where no answer came.
    package static func isClientSpanError(status: Int, grpcStatus: UInt8?) -> Bool {
        status == 0 || status >= 400 || (grpcStatus ?? 0) != 0
    }
}
