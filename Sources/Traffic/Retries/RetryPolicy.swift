package import Base
package import HTTP

/// Whether a request that failed is sent again. Pure: what is left to ask afterwards is the `RetryBudget`.
package struct RetryPolicy: Sendable, Equatable {
    /// What a route's `retries.on` lists, statuses aside.
    package struct Conditions: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let connectFailure = Conditions(rawValue: 1)
        package static let refusedStream = Conditions(rawValue: 2)
        package static let reset = Conditions(rawValue: 4)
        package static let timeout = Conditions(rawValue: 8)
    }

    /// Extra tries: a request is sent `1 + attempts` times at most.
    package var attempts: Int
    package var conditions: Conditions
    /// 400...599, from the endpoint's response head or as a gRPC status maps to it.
    package var statuses: Set<Int>
    /// Inference requests (v2 `infer`, `ModelInfer`) may be run twice.
    package var inference: Bool
    /// How long an endpoint may take to begin its answer to each try; `nil` for as long as the exchange lasts.
    package var perTryTimeout: Nanoseconds?

    package init(
        attempts: Int, on conditions: Conditions, statuses: Set<Int> = [], inference: Bool = false,
        perTryTimeout: Nanoseconds? = nil
    ) {
        self.attempts = attempts
        self.conditions = conditions
        self.statuses = statuses
        self.inference = inference
        self.perTryTimeout = perTryTimeout
    }

    /// How a try ended.
    package enum Failure: Sendable, Equatable {
        /// No connection, or no TLS on it.
        case connectFailure
        /// HTTP/2 said that it has not looked at the request: REFUSED_STREAM, or GOAWAY below the stream's id.
        case refusedStream
        /// The connection or stream ended before the answer began.
        case reset
        /// Of this try: connect, first byte, or `perTryTimeout`.
        case timeout
        /// What the endpoint answered, not yet passed on.
        case status(Int)
    }

    /// What is known of the request when a try has failed.
    package struct Request: Sendable {
        package var method: Method
        /// A v2 `infer` or `ModelInfer` that is not part of a sequence; a sequence's state would see it twice.
        package var isInference: Bool
        /// Any of its bytes were written to the endpoint.
        package var wasWritten: Bool
        /// A byte of an answer has gone to the client.
        package var hasResponse: Bool
        /// Its whole body so far is still held, or none of it was taken.
        package var isReplayable: Bool
        /// Tries so far, at least 1.
        package var tries: Int

        package init(
            method: Method, isInference: Bool, wasWritten: Bool, hasResponse: Bool, isReplayable: Bool, tries: Int
        ) {
            self.method = method
            self.isInference = isInference
            self.wasWritten = wasWritten
            self.hasResponse = hasResponse
            self.isReplayable = isReplayable
            self.tries = tries
        }
    }

    package enum Decision: Sendable, Equatable {
        case retry(RetryTrigger)
        case stop(RetryObstacle)
    }

    /// The obstacles in the order in which they are looked for; the first is the one that is counted.
    package func decide(_ failure: Failure, of request: Request) -> Decision {
        guard let reason = reason(failure) else { return .stop(.notListed) }
        // The client has seen the beginning of an answer, and would see that of another one behind it.
        if request.hasResponse { return .stop(.responseStarted) }
        guard isSafe(failure, request) else { return .stop(.notSafe) }
        guard request.isReplayable else { return .stop(.notReplayable) }
        guard request.tries <= attempts else { return .stop(.noAttemptsLeft) }
        return .retry(reason)
    }

    private func reason(_ failure: Failure) -> RetryTrigger? {
        switch failure {
        case .connectFailure: conditions.contains(.connectFailure) ? .connectFailure : nil
        case .refusedStream: conditions.contains(.refusedStream) ? .refusedStream : nil
        case .reset: conditions.contains(.reset) ? .reset : nil
        case .timeout: conditions.contains(.timeout) ? .timeout : nil
        case .status(let status): statuses.contains(status) ? .status : nil
        }
    }

    /// Whether the request cannot have been carried out, or may be carried out twice (RFC 9110 section 9.2.2). A
    /// refused stream has been written, but its endpoint vouches for not having looked at it (RFC 9113 section 8.7).
    private func isSafe(_ failure: Failure, _ request: Request) -> Bool {
        request.method.isIdempotent || !request.wasWritten || failure == .refusedStream
            || (inference && request.isInference)
    }

    /// When a try that begins now is given up.
    ///
    /// Only until its answer begins: what has begun cannot be sent again, and a stream may last. So whoever calls this
    /// takes the try's deadline away, and leaves the exchange's, when the response head comes.
    ///
    /// - Returns: `isTry` tells whose deadline it is, and so whether the cause is `try_timeout` and another try makes
    ///   sense.
    package func deadline(start: Instant, exchange: Instant) -> (at: Instant, isTry: Bool) {
        guard let perTryTimeout else { return (exchange, false) }
        let end = start + perTryTimeout
        return end < exchange ? (end, true) : (exchange, false)
    }
}

/// Why a request was sent again, as metrics and logs call it.
package enum RetryTrigger: UInt8, Sendable, CaseIterable {
    case connectFailure, refusedStream, reset, timeout, status

    package var name: StaticString {
        switch self {
        case .connectFailure: "connect_failure"
        case .refusedStream: "refused_stream"
        case .reset: "reset"
        case .timeout: "timeout"
        case .status: "status"
        }
    }
}

/// Why one was not, although the route has `retries`.
package enum RetryObstacle: UInt8, Sendable, CaseIterable {
    /// `on` does not name what happened.
    case notListed
    case responseStarted, notSafe
    /// The body was longer than `maxBufferedBytes`, or part of it has been let go.
    case notReplayable
    case noAttemptsLeft
    /// The exchange would be over before the next try.
    case noTimeLeft
    case overBudget

    package var name: StaticString {
        switch self {
        case .notListed: "not_listed"
        case .responseStarted: "response_started"
        case .notSafe: "not_safe"
        case .notReplayable: "not_replayable"
        case .noAttemptsLeft: "no_attempts_left"
        case .noTimeLeft: "no_time_left"
        case .overBudget: "over_budget"
        }
    }
}
