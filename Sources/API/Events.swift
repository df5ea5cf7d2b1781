/// One event of `GET /api/v1/events`, a stream of server-sent events, one each second.
///
/// The first of a connection is named `state` and holds everything; those that follow are named `delta` and hold what has
/// changed. A reader that has lost the connection connects again and gets a `state`. Sections that have not changed are absent.
package struct Event: Codable, Sendable, Equatable {
    /// Counts up by one; the event's `id`.
    package var sequence: UInt64
    package var time: String
    /// Without the numbers that move (connections, in flight, queued, memory's bytes): those are in `traffic`.
    package var status: Status?
    package var traffic: TrafficReport?
    package var memory: Status.Memory?
    /// New ones since the event before, oldest first. In a `state`, the last ones.
    package var errors: [RequestRecord]?
    /// The slowest of each second, likewise.
    package var slow: [RequestRecord]?
    /// All that are remembered, newest first, whenever there is a new one.
    package var changes: [ChangeRecord]?

    package init(sequence: UInt64, time: String) {
        self.sequence = sequence
        self.time = time
    }
}

/// A request worth looking at: one that failed, or a slow one. Texts are what the client sent, bounded in length, and may hold
/// anything.
package struct RequestRecord: Codable, Sendable, Equatable {
    package var time: String
    package var client: String
    package var method: String
    package var path: String
    /// Empty where none took it.
    package var route: String
    package var backend: String
    package var endpoint: String
    package var status: Int
    /// Empty where the answer is the endpoint's.
    package var cause: String
    package var grpcStatus: Int?
    package var requestId: String
    package var traceId: String
    /// Whether the trace was exported.
    package var traced: Bool
    package var queue: Double?
    package var duration: Double

    package init(
        time: String, client: String, method: String, path: String, route: String, backend: String, endpoint: String,
        status: Int, cause: String, grpcStatus: Int?, requestId: String, traceId: String, traced: Bool, queue: Double?,
        duration: Double
    ) {
        self.time = time
        self.client = client
        self.method = method
        self.path = path
        self.route = route
        self.backend = backend
        self.endpoint = endpoint
        self.status = status
        self.cause = cause
        self.grpcStatus = grpcStatus
        self.requestId = requestId
        self.traceId = traceId
        self.traced = traced
        self.queue = queue
        self.duration = duration
    }
}

/// The answer of `GET /api/v1/requests`: what went wrong lately, and what took longest; newest first.
package struct RequestList: Codable, Sendable, Equatable {
    package var errors: [RequestRecord]
    package var slow: [RequestRecord]

    package init(errors: [RequestRecord], slow: [RequestRecord]) {
        self.errors = errors
        self.slow = slow
    }
}

/// The answer of `GET /api/v1/history?route=R[&as=E]` or `?backend=B[&endpoint=A]`: the last 15 minutes.
package struct History: Codable, Sendable, Equatable {
    /// Seconds between two points.
    package var interval: Double
    /// Of the last point.
    package var end: String
    /// Oldest first; all lists are of one length. `nil` where nothing is known.
    package var rate: [Double?]
    package var errors: [Double?]
    package var p50: [Double?]
    package var p99: [Double?]
    package var queue: [Double?]
    package var inFlight: [Double?]

    package init(
        interval: Double, end: String, rate: [Double?], errors: [Double?], p50: [Double?], p99: [Double?],
        queue: [Double?], inFlight: [Double?]
    ) {
        self.interval = interval
        self.end = end
        self.rate = rate
        self.errors = errors
        self.p50 = p50
        self.p99 = p99
        self.queue = queue
        self.inFlight = inFlight
    }
}
