package import API
package import Telemetry

/// A place that requests pass, with a history of its own.
package enum HistorySubject: Hashable, Sendable {
    case listener(String)
    case route(String)
    /// By its name `as`, which is empty for what ended before an entry was chosen.
    case entry(route: String, as: String)
    case backend(String)
    case endpoint(backend: String, address: String)

    /// The larger place that this one is part of, and whose numbers are the sum over its parts.
    var whole: HistorySubject? {
        switch self {
        case .entry(let route, _): .route(route)
        case .endpoint(let backend, _): .backend(backend)
        default: nil
        }
    }
}

/// What all loops have counted by one instant, and how much is open and under way then.
package struct Sample: Sendable {
    /// What one loop has counted at a listener, an entry or an endpoint since it began.
    package struct Reading: Sendable {
        package var loop: Int
        package var subject: HistorySubject
        package var counters: FlowCounters

        package init(loop: Int, subject: HistorySubject, counters: FlowCounters) {
            self.loop = loop
            self.subject = subject
            self.counters = counters
        }
    }

    /// Requests of a route that came from one listener, likewise.
    package struct Link: Sendable {
        package var loop: Int
        package var route: String
        package var listener: String
        package var requests: UInt64

        package init(loop: Int, route: String, listener: String, requests: UInt64) {
            self.loop = loop
            self.route = route
            self.listener = listener
            self.requests = requests
        }
    }

    /// Copies that have ended, likewise.
    package struct Mirror: Sendable {
        package var loop: Int
        package var route: String
        package var backend: String
        package var outcomes: OutcomeCounts<MirrorOutcome>

        package init(loop: Int, route: String, backend: String, outcomes: OutcomeCounts<MirrorOutcome>) {
            self.loop = loop
            self.route = route
            self.backend = backend
            self.outcomes = outcomes
        }
    }

    /// Those that have changed since the sample before; what is missing is as it was. So with links and mirrors.
    package var readings: [Reading] = []
    package var links: [Link] = []
    package var mirrors: [Mirror] = []
    /// All there are, each with an empty flow.
    package var listeners: [TrafficReport.Listener] = []
    package var backends: [TrafficReport.Backend] = []
    package var endpoints: [TrafficReport.Endpoint] = []

    package init() {}
}
