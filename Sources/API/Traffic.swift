/// What moves now: the numbers of the dashboard, over the last second.
///
/// In an event that is no `state`, only what has changed since the event before is there, whole; what is missing is as it was.
package struct TrafficReport: Codable, Sendable, Equatable {
    package var listeners: [Listener] = []
    package var routes: [Route] = []
    package var entries: [Entry] = []
    package var mirrors: [Mirror] = []
    package var backends: [Backend] = []
    package var endpoints: [Endpoint] = []

    package init() {}

    package struct Listener: Codable, Sendable, Equatable {
        package var name: String
        /// Open now, those of HTTP/2 among them.
        package var connections: Int
        package var http2Connections: Int
        package var flow: Flow

        package init(name: String, connections: Int, http2Connections: Int, flow: Flow) {
            self.name = name
            self.connections = connections
            self.http2Connections = http2Connections
            self.flow = flow
        }
    }

    /// Everything a route took. Requests that no route took have the name "".
    package struct Route: Codable, Sendable, Equatable {
        package var name: String
        package var flow: Flow
        /// Requests a second that came from each listener; those without any are left out.
        package var listeners: [String: Double]

        package init(name: String, flow: Flow, listeners: [String: Double]) {
            self.name = name
            self.flow = flow
            self.listeners = listeners
        }
    }

    /// One side of a route's split, by the name `as`; what ended before one was chosen, such as a wrong password, has "".
    package struct Entry: Codable, Sendable, Equatable {
        package var route: String
        package var `as`: String
        package var flow: Flow

        package init(route: String, as label: String, flow: Flow) {
            self.route = route
            self.as = label
            self.flow = flow
        }
    }

    package struct Mirror: Codable, Sendable, Equatable {
        package var route: String
        package var backend: String
        /// Copies that ended, a second.
        package var rate: Double
        /// By outcome (`ok`, `error`, `timeout`, `canceled`, `dropped`), a second; those without any are left out.
        package var outcomes: [String: Double]

        package init(route: String, backend: String, rate: Double, outcomes: [String: Double]) {
            self.route = route
            self.backend = backend
            self.rate = rate
            self.outcomes = outcomes
        }
    }

    package struct Backend: Codable, Sendable, Equatable {
        package var name: String
        package var inFlight: Int
        package var queued: Int
        /// As in `Status.Backend`.
        package var expectedModel: String?

        package init(name: String, inFlight: Int, queued: Int) {
            self.name = name
            self.inFlight = inFlight
            self.queued = queued
        }
    }

    /// Copies for mirrors are counted in.
    package struct Endpoint: Codable, Sendable, Equatable {
        package var backend: String
        package var address: String
        package var inFlight: Int
        package var connections: Int
        package var flow: Flow
        /// As in `Status.Endpoint`.
        package var queueMilliseconds: Double?
        package var pending: Int?
        package var expectedMilliseconds: Double?
        package var expectedLikeOthers: Bool?

        package init(backend: String, address: String, inFlight: Int, connections: Int, flow: Flow) {
            self.backend = backend
            self.address = address
            self.inFlight = inFlight
            self.connections = connections
            self.flow = flow
        }
    }
}

/// Requests through one place. Percentiles are over the last ten seconds, so that a few requests a second make sense; absent
/// where there were none.
package struct Flow: Codable, Sendable, Equatable {
    /// Requests that ended, a second.
    package var rate: Double = 0
    /// Those of them that ended with a cause of the gateway's own other than an answer that a client asked for, or with 5xx, or
    /// with a gRPC status that means the same; a second.
    package var errors: Double = 0
    package var p50: Double?
    package var p99: Double?
    /// Mean time spent waiting for a place at an endpoint, over the last ten seconds; absent where nothing was sent on.
    package var queue: Double?
    package var queueP99: Double?

    package init() {}
}
