import Base
import Configuration
import Credentials
import DataPlane
import EventLoop
import TLS
import Traffic

/// The counts that outlive a configuration, by identity: a backend by its name, an endpoint by backend and address, a mirror
/// by route and backend.
struct Registry {
    private struct EndpointKey: Hashable {
        var backend: String
        var address: SocketAddress
    }

    private struct MirrorKey: Hashable {
        var route: String
        var backend: String
    }

    private var backends: [String: BackendLoad] = [:]
    private var endpoints: [EndpointKey: EndpointState] = [:]
    private var retryBudgets: [String: RetryBudget] = [:]
    private var rateLimiters: [String: (limit: Route.RateLimit, limiter: RateLimiter)] = [:]
    private var mirrors: [MirrorKey: MirrorLoad] = [:]
    private var userTables: [[String: String]: UserTable] = [:]
    private var secureBackends: [String: SecureBackend] = [:]

    /// How busy an endpoint is, and whether it may be used.
    private struct EndpointState {
        var load = EndpointLoad()
        var health: EndpointHealth
    }

    /// TLS settings and what was made of them: kept, with the sessions it remembers, as long as the settings stay the same.
    struct SecureBackend {
        var settings: BackendTLS
        var context: TLSClientContext
    }

    /// Makes what a configuration needs to speak TLS to its backends, by their names. Changes nothing.
    func prepareTLS(_ gateway: Gateway) throws(TLSConfigurationError) -> [String: SecureBackend] {
        var prepared: [String: SecureBackend] = [:]
        for backend in gateway.backends {
            guard let settings = backend.tls else { continue }
            if let present = secureBackends[backend.name], present.settings == settings {
                prepared[backend.name] = present
            } else {
                let context = try TLSClientContext(TLSClientSettings(settings))
                prepared[backend.name] = SecureBackend(settings: settings, context: context)
            }
        }
        return prepared
    }

    /// Puts a snapshot together, taking over what is known and forgetting what the configuration no longer names.
    ///
    /// - Parameter addresses: of each backend.
    mutating func snapshot(
        _ gateway: Gateway, hash: String, addresses: [BackendAddresses], tls: [String: SecureBackend]
    ) -> Snapshot {
        var next = Registry()
        next.secureBackends = tls
        let resolved = zip(gateway.backends, addresses).map { backend, addresses in
            let isNew = self.backends[backend.name] == nil
            let load = self.backends[backend.name] ?? BackendLoad()
            next.backends[backend.name] = load
            var endpoints: [ResolvedEndpoint] = []
            for place in places(of: backend, addresses, scaledIn: gateway.customMetrics?.namespace)
            where !endpoints.contains(where: { $0.address == place.address }) {
                let key = EndpointKey(backend: backend.name, address: place.address)
                // Where others were there before, a newcomer starts slowly.
                let state = self.endpoints[key] ?? EndpointState(health: EndpointHealth(since: isNew ? nil : .now()))
                next.endpoints[key] = state
                // The configuration is checked: every host is a name that a certificate can have, and a Unix socket
                // has a server name beside it.
                let serverName = backend.tls.flatMap { TLSServerName($0.serverName ?? place.host) }
                var endpoint = ResolvedEndpoint(
                    address: place.address, grpcAddress: place.grpcPort.map { place.address.with(port: $0) },
                    weight: place.weight, load: state.load, health: state.health, serverName: serverName)
                endpoint.metricsAddress = place.metricsPort.map { place.address.with(port: $0) }
                endpoint.pod = place.pod
                endpoints.append(endpoint)
            }
            return ResolvedBackend(
                backend: backend, load: load, endpoints: endpoints, tls: tls[backend.name]?.context)
        }
        let indexes = Dictionary(uniqueKeysWithValues: gateway.backends.enumerated().map { ($1.name, $0) })
        let routes = gateway.routes.map { resolve($0, indexes, &next) }
        self = next
        return Snapshot(gateway: gateway, hash: hash, backends: resolved, routes: routes)
    }

    /// One address, with what the configuration says of it.
    private struct Place {
        var address: SocketAddress
        /// The name of its certificate, unless the backend names another.
        var host: String
        var weight: Int
        var grpcPort: UInt16?
        var metricsPort: UInt16?
        var pod: PodIdentity?
    }

    /// Those that the file names come first: where one is in a Service as well, what is written of it counts.
    private func places(of backend: Backend, _ addresses: BackendAddresses, scaledIn namespace: String?) -> [Place] {
        var places: [Place] = []
        for (endpoint, found) in zip(backend.endpoints, addresses.endpoints) {
            let pod = endpoint.pod.map {
                PodIdentity(namespace: namespace ?? CustomMetrics.standardNamespace, name: $0)
            }
            places += found.map {
                Place(
                    address: $0, host: endpoint.address.host ?? "", weight: endpoint.weight,
                    grpcPort: endpoint.grpcPort, metricsPort: endpoint.metricsPort, pod: pod)
            }
        }
        for (service, found) in zip(backend.services, addresses.services) {
            places += found.map {
                Place(
                    address: $0.address, host: "\(service.service).\(service.namespace).svc", weight: service.weight,
                    grpcPort: service.grpcPort, metricsPort: service.metricsPort, pod: $0.pod)
            }
        }
        return places
    }

    private func resolve(_ route: Route, _ indexes: [String: Int], _ next: inout Registry) -> ResolvedRoute {
        var backends: [Int] = []
        var mirrors: [(backend: Int, load: MirrorLoad)] = []
        if case .forward(let forward) = route.action {
            // The configuration is checked: every name exists.
            backends = forward.backends.compactMap { indexes[$0.backend] }
            for mirror in forward.mirrors {
                guard let index = indexes[mirror.backend] else { continue }
                let key = MirrorKey(route: route.name, backend: mirror.backend)
                let load = next.mirrors[key] ?? self.mirrors[key] ?? MirrorLoad()
                next.mirrors[key] = load
                mirrors.append((index, load))
            }
        }
        var users: UserTable?
        if let auth = route.basicAuth {
            // Making a decoy may cost as much as a verification; unchanged users keep theirs.
            let table =
                next.userTables[auth.users] ?? userTables[auth.users]
                ?? UserTable(auth.users, decoyHash: PasswordHash.decoy(like: auth.users.values))
            next.userTables[auth.users] = table
            users = table
        }
        var budget: RetryBudget?
        if let retries = route.retries {
            let known = retryBudgets[route.name] ?? RetryBudget(percent: retries.budgetPercent)
            known.percent = retries.budgetPercent
            next.retryBudgets[route.name] = known
            budget = known
        }
        var limiter: RateLimiter?
        if let limit = route.rateLimit {
            let known = rateLimiters[route.name].flatMap { $0.limit == limit ? $0.limiter : nil }
            let kept = known ?? RateLimiter(limit, seed: .random(in: 0...UInt64.max))
            next.rateLimiters[route.name] = (limit, kept)
            limiter = kept
        }
        return ResolvedRoute(
            route: route, backends: backends, mirrors: mirrors, users: users, retryBudget: budget,
            rateLimiter: limiter)
    }
}
