import Configuration
package import EventLoop
package import Telemetry

/// What one loop has counted, copied out of it for a scrape.
package struct WorkerReport: Sendable {
    package struct Mirror: Sendable {
        package var route: String
        package var backend: String
        package var outcomes: OutcomeCounts<MirrorOutcome>
    }

    package struct Route: Sendable {
        package var route: String
        package var auth: OutcomeCounts<AuthOutcome>
        package var retries: OutcomeCounts<RetryReason>
        package var obstacles: OutcomeCounts<RetryStop>
        /// Requests from each listener.
        package var listeners: [(name: String, requests: UInt64)]
    }

    /// Each try of a request is one, and so is each copy for a mirror.
    package struct Endpoint: Sendable {
        package var backend: String
        package var address: SocketAddress
        package var counters: FlowCounters
    }

    package struct Listener: Sendable {
        package var name: String
        package var counters: FlowCounters
    }

    package var series: [LabeledSeries] = []
    package var mirrors: [Mirror] = []
    /// The last one is named "": what no route took.
    package var routes: [Route] = []
    package var endpoints: [Endpoint] = []
    package var listeners: [Listener] = []
    package var droppedLogLines: UInt64 = 0
}

extension Worker {
    /// On the loop only.
    package func report() -> WorkerReport {
        log.flush()
        traces.flush()
        var report = WorkerReport()
        report.series.append(LabeledSeries(route: "", backend: "", counters: unmatched.counters))
        guard let configuration else { return report }
        for (key, series) in configuration.series {
            report.series.append(LabeledSeries(route: key.route, backend: key.backend, counters: series.counters))
        }
        for route in configuration.routes {
            let name = route.route.name
            report.routes.append(.init(name, route.counters))
            for mirror in route.mirrors {
                report.mirrors.append(
                    .init(route: name, backend: mirror.mirror.backend, outcomes: mirror.copies.outcomes))
            }
        }
        report.routes.append(.init("", unmatchedCounters))
        for (key, pool) in configuration.endpoints {
            report.endpoints.append(.init(backend: key.backend, address: key.address, counters: pool.counters))
        }
        report.listeners = listeners.entries.map { .init(name: $0.name, counters: $0.count) }
        return report
    }
}

extension WorkerReport.Route {
    init(_ name: String, _ counters: RouteCounters) {
        route = name
        auth = counters.auth
        retries = counters.retries
        obstacles = counters.obstacles
        listeners = counters.listeners.entries.map { ($0.name, $0.count) }
    }
}
