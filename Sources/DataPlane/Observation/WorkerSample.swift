import Configuration
package import EventLoop
package import Telemetry

/// What one loop has counted at the places that have had requests since it was sampled last. Ten thousand routes that
/// nobody uses cost nothing: neither their counters nor their names are looked at.
package struct WorkerSample: Sendable {
    package struct Entry: Sendable {
        package var route: String
        /// Its name `as`; empty for what ended before one was chosen, and for what no route took.
        package var label: String
        package var counters: FlowCounters
    }

    package struct Link: Sendable {
        package var route: String
        package var listener: String
        package var requests: UInt64
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

    package var entries: [Entry] = []
    package var links: [Link] = []
    package var mirrors: [WorkerReport.Mirror] = []
    package var endpoints: [Endpoint] = []
    package var listeners: [Listener] = []
    package var notable: [NotableExchange] = []
}

/// Where requests have ended since the last sample, each place once.
struct TouchedPlaces {
    private var series: ContiguousArray<Series> = []
    private var routes: ContiguousArray<RouteState> = []

    @inline(__always)
    mutating func add(_ one: Series) {
        guard !one.isTouched else { return }
        one.isTouched = true
        series.append(one)
    }

    @inline(__always)
    mutating func add(_ route: RouteState) {
        guard !route.counters.isTouched else { return }
        route.counters.isTouched = true
        routes.append(route)
    }

    mutating func takeSeries(_ body: (Series) -> Void) {
        for one in series {
            one.isTouched = false
            body(one)
        }
        series.removeAll(keepingCapacity: true)
    }

    /// Routes with copies under way, which end when they like, stay for the next time.
    mutating func takeRoutes(_ body: (RouteState) -> Void) {
        for route in routes {
            body(route)
            route.counters.isTouched = route.mirrors.contains { !$0.copies.list.isEmpty }
        }
        routes.removeAll { !$0.counters.isTouched }
    }
}

extension Worker {
    /// For one reader, who sees each change once. On the loop only.
    package func takeSample() -> WorkerSample {
        var sample = WorkerSample()
        touched.takeSeries { series in
            var counters = FlowCounters()
            counters.duration = series.counters.duration
            counters.queue = series.counters.queue
            counters.requests = counters.duration.count
            counters.errors = series.counters.errors
            sample.entries.append(.init(route: series.names.route, label: series.names.backend, counters: counters))
        }
        touched.takeRoutes { route in
            sample.add(links: route.counters, of: route.route.name)
            for mirror in route.mirrors {
                sample.mirrors.append(
                    .init(route: route.route.name, backend: mirror.mirror.backend, outcomes: mirror.copies.outcomes))
            }
        }
        sample.add(links: unmatchedCounters, of: "")
        for (key, pool) in configuration?.endpoints ?? [:] where pool.counters.requests != pool.sampledRequests {
            pool.sampledRequests = pool.counters.requests
            sample.endpoints.append(.init(backend: key.backend, address: key.address, counters: pool.counters))
        }
        // One that was closed and opened again is one listener to those who look.
        for entry in listeners.entries {
            if let index = sample.listeners.firstIndex(where: { $0.name == entry.name }) {
                sample.listeners[index].counters.add(entry.count)
            } else {
                sample.listeners.append(.init(name: entry.name, counters: entry.count))
            }
        }
        sample.notable = notable.take()
        return sample
    }
}

extension WorkerSample {
    fileprivate mutating func add(links counters: RouteCounters, of route: String) {
        let start = links.count
        for entry in counters.listeners.entries {
            if let index = links[start...].firstIndex(where: { $0.listener == entry.name }) {
                links[index].requests &+= entry.count
            } else {
                links.append(Link(route: route, listener: entry.name, requests: entry.count))
            }
        }
    }
}
