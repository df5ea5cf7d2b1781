package import API

/// What a gateway has told so far: its last status with every change since.
package struct LiveState: Sendable, Equatable {
    /// What a number belongs to: a route and one side of its split, a route and a mirror, a backend and an endpoint.
    package struct Pair: Hashable, Sendable {
        package var first: String
        package var second: String

        package init(_ first: String, _ second: String) {
            self.first = first
            self.second = second
        }
    }

    package private(set) var status: Status
    /// Of the last event; of the status where there was none.
    package private(set) var time: String?
    /// Whether there were events: without them nothing is known of rates.
    package private(set) var hasTraffic = false
    package private(set) var listeners: [String: TrafficReport.Listener] = [:]
    /// By name; "" is what no route took.
    package private(set) var routes: [String: TrafficReport.Route] = [:]
    package private(set) var entries: [Pair: TrafficReport.Entry] = [:]
    package private(set) var mirrors: [Pair: TrafficReport.Mirror] = [:]
    package private(set) var backends: [String: TrafficReport.Backend] = [:]
    package private(set) var endpoints: [Pair: TrafficReport.Endpoint] = [:]
    /// Newest first, at most `mostErrors`.
    package private(set) var errors: [RequestRecord] = []
    /// The rates of each route over the last events, oldest first, at most `longestTrail`.
    package private(set) var trails: [String: [Double?]] = [:]

    /// More than a terminal shows.
    package static let mostErrors = 50
    /// Events, and so seconds: as wide as a column may become.
    package static let longestTrail = 30

    package init(_ status: Status) { self.status = status }

    /// - Parameter isWhole: whether it is a `state`, which takes the place of all that was known.
    package mutating func apply(_ event: Event, isWhole: Bool) {
        time = event.time
        if isWhole { forget() }
        // A status in an event has no numbers that move.
        let memory = event.memory ?? status.memory
        if let status = event.status { self.status = status }
        status.memory = memory
        if let traffic = event.traffic { take(traffic) }
        if event.status != nil { prune() }
        if let more = event.errors { errors = Array((more.reversed() + errors).prefix(Self.mostErrors)) }
        follow()
    }

    /// Nothing was heard for a while; the trails show it as a gap.
    package mutating func markGap() {
        for name in trails.keys { extend(name, nil) }
    }

    private mutating func forget() {
        (listeners, routes, entries, mirrors, backends, endpoints) = ([:], [:], [:], [:], [:], [:])
        errors = []
    }

    private mutating func take(_ traffic: TrafficReport) {
        hasTraffic = true
        for listener in traffic.listeners { listeners[listener.name] = listener }
        for route in traffic.routes { routes[route.name] = route }
        for entry in traffic.entries { entries[Pair(entry.route, entry.as)] = entry }
        for mirror in traffic.mirrors { mirrors[Pair(mirror.route, mirror.backend)] = mirror }
        for backend in traffic.backends { backends[backend.name] = backend }
        for endpoint in traffic.endpoints { endpoints[Pair(endpoint.backend, endpoint.address)] = endpoint }
    }

    /// Lets go of what the configuration no longer has: names come and go with reloads, and memory is bounded by what is
    /// there now.
    private mutating func prune() {
        let listenerNames = Set(status.listeners.map(\.name))
        let routeNames = Set(status.routes.map(\.name) + [""])
        let entryNames = Set(status.routes.flatMap { route in route.backends.map { Pair(route.name, $0.as) } })
        let mirrorNames = Set(status.routes.flatMap { route in route.mirrors.map { Pair(route.name, $0.backend) } })
        let backendNames = Set(status.backends.map(\.name))
        let endpointNames = Set(
            status.backends.flatMap { group in group.endpoints.map { Pair(group.name, $0.address) } })
        listeners = listeners.filter { listenerNames.contains($0.key) }
        routes = routes.filter { routeNames.contains($0.key) }
        trails = trails.filter { routeNames.contains($0.key) }
        entries = entries.filter {
            entryNames.contains($0.key) || $0.key.second.isEmpty && routeNames.contains($0.key.first)
        }
        mirrors = mirrors.filter { mirrorNames.contains($0.key) }
        backends = backends.filter { backendNames.contains($0.key) }
        endpoints = endpoints.filter { endpointNames.contains($0.key) }
    }

    private mutating func follow() {
        guard hasTraffic else { return }
        for route in status.routes { extend(route.name, routes[route.name]?.flow.rate ?? 0) }
    }

    private mutating func extend(_ name: String, _ rate: Double?) {
        trails[name, default: []].append(rate)
        if let count = trails[name]?.count, count > Self.longestTrail { trails[name]?.removeFirst() }
    }
}
