/// Everything one loop records about one pair of route and backend label.
package struct SeriesCounters: Sendable {
    /// From the first byte of the request to the end of the exchange, once for each exchange.
    package var duration = DurationHistogram()
    /// Time waited for a place at an endpoint, 0 included, once for each exchange that was dispatched.
    package var queue = DurationHistogram()
    /// From the first byte of the request to the first byte of the answer, once for each answer that began.
    package var firstByte = DurationHistogram()
    /// Body bytes received from clients.
    package var requestBytes: UInt64 = 0
    /// Body bytes sent to clients.
    package var responseBytes: UInt64 = 0
    package var responses = ResponseCounts()
    /// Of gRPC calls, beside `responses`.
    package var grpc = GRPCStatusCounts()
    /// Exchanges that were errors of the service, see `ServiceError`.
    package var errors: UInt64 = 0

    package init() {}

    /// Records one finished exchange. Durations are nanoseconds; `nil` where the exchange did not get that far.
    ///
    /// - Parameters:
    ///   - grpcStatus: how a gRPC call ended; `nil` for other requests.
    ///   - isError: see `ServiceError`.
    package mutating func record(
        code: UInt16, cause: Cause, duration: UInt64, queue: UInt64?, firstByte: UInt64?, requestBytes: UInt64,
        responseBytes: UInt64, grpcStatus: UInt8? = nil, isError: Bool = false
    ) {
        if isError { errors &+= 1 }
        self.duration.record(nanoseconds: duration)
        if let queue { self.queue.record(nanoseconds: queue) }
        if let firstByte { self.firstByte.record(nanoseconds: firstByte) }
        self.requestBytes &+= requestBytes
        self.responseBytes &+= responseBytes
        responses.count(code: code, cause: cause)
        if let grpcStatus { grpc.count(grpcStatus) }
    }

    /// Adds what another loop recorded about the same pair.
    package mutating func add(_ other: borrowing SeriesCounters) {
        duration.add(other.duration)
        queue.add(other.queue)
        firstByte.add(other.firstByte)
        requestBytes &+= other.requestBytes
        responseBytes &+= other.responseBytes
        responses.add(other.responses)
        grpc.add(other.grpc)
        errors &+= other.errors
    }
}
