package import API

/// What screens ask of a state.
extension LiveState {
    /// Requests through all routes, those that no route took among them; `nil` where nothing is known.
    package var total: Flow? {
        guard hasTraffic else { return nil }
        var total = Flow()
        for route in routes.values {
            total.rate += route.flow.rate
            total.errors += route.flow.errors
        }
        return total
    }

    package var connections: Int {
        status.listeners.reduce(0) { $0 &+ (listeners[$1.name]?.connections ?? $1.connections) }
    }

    package var inFlight: Int { status.backends.reduce(0) { $0 &+ (backends[$1.name]?.inFlight ?? $1.inFlight) } }

    package var queued: Int { status.backends.reduce(0) { $0 &+ (backends[$1.name]?.queued ?? $1.queued) } }

    /// Whether any model server says how its queues look.
    package var hasModelNumbers: Bool {
        endpoints.values.contains { $0.queueMilliseconds != nil || $0.pending != nil }
            || status.backends.contains { backend in
                backend.endpoints.contains { $0.queueMilliseconds != nil || $0.pending != nil }
            }
    }

    /// The part of a route's requests that an entry gets by the weights; `nil` where all are 0.
    package static func wanted(_ entry: Status.Route.Entry, of route: Status.Route) -> Double? {
        let sum = route.backends.reduce(0.0) { $0 + Double(max(0, $1.weight)) }
        return sum > 0 ? Double(max(0, entry.weight)) / sum : nil
    }

    /// The part of a route's requests that an entry got in the last second; `nil` where there were none.
    package func actual(_ entry: Status.Route.Entry, of route: Status.Route) -> Double? {
        let rates = route.backends.map { entries[Pair(route.name, $0.as)]?.flow.rate ?? 0 }
        let sum = rates.reduce(0, +)
        guard sum > 0 else { return nil }
        return (entries[Pair(route.name, entry.as)]?.flow.rate ?? 0) / sum
    }
}
