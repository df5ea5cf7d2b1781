/// How a backend chooses among its endpoints, and how it finds out which of them can be used.
extension Backend {
    package enum Balance: Sendable, Equatable {
        /// By weight, in turn.
        case roundRobin
        /// Of two endpoints drawn by weight, the one with fewer requests for its weight.
        case leastRequest
        /// The one where a request for the same model would be done first, by what endpoints say of their queues.
        case leastQueue
        /// Requests that agree in something go to the same endpoint for as long as it can be used.
        case hash(HashKey)
    }

    /// What `balance: hash` goes by. A request without it is balanced by `leastRequest`.
    package enum HashKey: Sendable, Equatable {
        /// A header's value, by its name in lower case.
        case header(String)
        /// A cookie's value, by its name.
        case cookie(String)
        case clientAddress
        /// The sequence that a v2 inference request is part of.
        case sequenceID
    }

    /// Asking an endpoint, ahead of requests, whether it is ready.
    package struct HealthCheck: Sendable, Equatable {
        /// Path and query of a GET; `nil` for what the kind of server has.
        package var path: String?
        /// Whether an endpoint is asked by `grpc.health.v1` as well: on its `grpcPort` beside the HTTP check of its own
        /// port, or with `protocol: http2` on its own port instead of it. `nil` does so where there is a `grpcPort`, and
        /// takes a server that does not know that service for ready.
        package var grpc: Bool?
        /// From one check to the next, 10 % more or less; 100 ms ... 1 h.
        package var interval: Duration = .seconds(2)
        /// Of one check.
        package var timeout: Duration = .seconds(1)
        /// Failures in a row that take an endpoint out, 1...1000.
        package var unhealthyThreshold = 2
        /// Successes in a row that bring it back, 1...1000.
        package var healthyThreshold = 1

        package init() {}
    }

    /// Leaving an endpoint alone for a while because requests to it fail.
    package struct OutlierDetection: Sendable, Equatable {
        /// In a row; 0 turns it off. 0...65535.
        package var consecutiveErrors = 5
        /// Times the number of ejections in a row; 0 turns it off, and else at least 100 ms.
        package var baseEjectionTime: Duration = .seconds(30)
        /// Of the endpoints, 0...100; one may be ejected whatever it says, if another is left. 0 turns it off.
        package var maxEjectionPercent = 50.0

        package init() {}
    }
}
