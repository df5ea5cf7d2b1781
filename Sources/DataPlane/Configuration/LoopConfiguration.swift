import Base
import Configuration
import EventLoop
import TLS
import Telemetry
import Traffic

/// One configuration as one loop runs it. An exchange holds the one it began with to its end.
package final class LoopConfiguration {
    package let snapshot: Snapshot
    /// The snapshot's, asked without counting references.
    private let table: Unmanaged<RouteTable>
    /// Some route is for certain models only, or asks how the client has come.
    let asksForModel: Bool
    let asksForConnection: Bool
    /// Some headers of clients never go on.
    let reservesHeaders: Bool
    let routes: ContiguousArray<RouteState>
    let backends: ContiguousArray<BackendPool>
    let endpoints: [EndpointKey: EndpointPool]
    let series: [SeriesKey: Series]

    struct EndpointKey: Hashable {
        var backend: String
        var address: SocketAddress
        /// Connections made under other TLS settings are not used again.
        var tls: ObjectIdentifier?
        var serverName: TLSServerName?
        var grpcAddress: SocketAddress?
        var speaksHTTP2: Bool
    }

    struct SeriesKey: Hashable {
        var route: String
        var backend: String
    }

    /// Builds the loop's tables. What the previous configuration knows by the same name goes on: connections, queues,
    /// splits whose entries are the same, counters.
    init(_ snapshot: Snapshot, worker: Worker, after previous: LoopConfiguration?) {
        self.snapshot = snapshot
        table = .passUnretained(snapshot.table)
        asksForModel = snapshot.table.asksForModel
        asksForConnection = snapshot.table.asksForConnection
        reservesHeaders = !snapshot.reservedHeaders.isEmpty
        var endpoints: [EndpointKey: EndpointPool] = [:]
        backends = ContiguousArray(
            snapshot.backends.map { resolved in
                let name = resolved.backend.name
                let pools = resolved.endpoints.map { endpoint in
                    let key = EndpointKey(
                        backend: name, address: endpoint.address, tls: resolved.tls.map(ObjectIdentifier.init),
                        serverName: endpoint.serverName, grpcAddress: endpoint.grpcAddress,
                        speaksHTTP2: resolved.backend.protocol == .http2)
                    let tls = resolved.tls.flatMap { context in
                        endpoint.serverName.map { UpstreamTLS(context: context, serverName: $0) }
                    }
                    let pool =
                        endpoints[key] ?? previous?.endpoints[key]
                        ?? EndpointPool(
                            worker: worker, address: endpoint.address, grpcAddress: endpoint.grpcAddress,
                            load: endpoint.load, health: endpoint.health, backendLoad: resolved.load, tls: tls,
                            speaksHTTP2: key.speaksHTTP2)
                    endpoints[key] = pool
                    return pool
                }
                return BackendPool(
                    worker: worker, resolved: resolved, endpoints: ContiguousArray(pools),
                    queue: worker.queue(of: resolved.load, limits: resolved.backend.limits))
            })
        self.endpoints = endpoints

        var series: [SeriesKey: Series] = [:]
        func findSeries(_ route: String, _ backend: String) -> Series {
            let key = SeriesKey(route: route, backend: backend)
            let found = series[key] ?? previous?.series[key] ?? Series(route: route, backend: backend)
            series[key] = found
            return found
        }
        // Requests wait while this runs, and there may be ten thousand routes.
        let known = Dictionary(
            (previous?.routes ?? []).map { ($0.route.name, $0) }, uniquingKeysWith: { first, _ in first })
        var routes: ContiguousArray<RouteState> = []
        for resolved in snapshot.routes {
            let old = known[resolved.route.name]
            routes.append(
                Self.makeRoute(resolved, backends: backends, after: old, worker: worker, series: findSeries))
        }
        self.routes = routes
        self.series = series
    }

    /// The first route that takes the request.
    func route(for request: RequestView) -> RouteState? {
        table._withUnsafeGuaranteedRef { $0.match(request) }.map { routes[$0] }
    }

    private static func makeRoute(
        _ resolved: ResolvedRoute, backends: ContiguousArray<BackendPool>, after old: RouteState?, worker: Worker,
        series: (String, String) -> Series
    ) -> RouteState {
        let name = resolved.route.name
        guard case .forward(let forward) = resolved.route.action else {
            return RouteState(
                resolved, entries: [], mirrors: [], series: series(name, ""),
                split: Split(weights: [], random: &worker.random), after: old)
        }
        var entries: ContiguousArray<RouteState.Entry> = []
        for (entry, backend) in zip(forward.backends, resolved.backends) {
            entries.append(
                RouteState.Entry(entry, of: resolved.route, pool: backends[backend], series: series(name, entry.label)))
        }
        var mirrors: ContiguousArray<MirrorState> = []
        for (mirror, target) in zip(forward.mirrors, resolved.mirrors) {
            let before = old?.mirrors.first { $0.mirror.backend == mirror.backend }
            mirrors.append(
                MirrorState(
                    mirror, at: mirrors.count, of: resolved.route, pool: backends[target.backend], load: target.load,
                    after: before))
        }
        let split: Split
        if let old, case .forward(let before) = old.route.action, Self.areSame(before.backends, forward.backends) {
            split = old.split
        } else {
            split = Split(weights: forward.backends.map(\.weight), random: &worker.random)
        }
        return RouteState(
            resolved, entries: entries, mirrors: mirrors, series: series(name, ""), split: split, after: old)
    }

    /// Whether a split may go on where it is.
    private static func areSame(_ left: [Route.WeightedBackend], _ right: [Route.WeightedBackend]) -> Bool {
        left.elementsEqual(right) { ($0.label, $0.backend, $0.weight) == ($1.label, $1.backend, $1.weight) }
    }

    /// Endpoints that `next` does not have end their connections as they become idle.
    func retireEndpoints(notIn next: LoopConfiguration) {
        for (key, pool) in endpoints where next.endpoints[key] == nil { pool.retire() }
    }
}
