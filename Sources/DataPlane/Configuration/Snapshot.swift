package import Configuration
package import EventLoop
package import Synchronization
package import TLS
package import Traffic

/// One configuration, resolved and ready to run: immutable, shared by all loops, replaced as a whole.
///
/// Loads and mirrors are objects of their own that outlive it: what is under way is counted on across a reload.
package final class Snapshot: Sendable {
    /// Snapshots some exchange or loop still holds; 1 when nothing is changing.
    package static let live = Atomic<Int>(0)

    package let gateway: Gateway
    /// Names the bytes it was read from.
    package let hash: String
    package let table: RouteTable
    package let backends: [ResolvedBackend]
    package let routes: [ResolvedRoute]
    /// Headers that tell endpoints who the user is (`forwardUser`): clients' own never go on, whatever the route.
    let reservedHeaders: [[UInt8]]

    package init(gateway: Gateway, hash: String, backends: [ResolvedBackend], routes: [ResolvedRoute]) {
        self.gateway = gateway
        self.hash = hash
        self.backends = backends
        self.routes = routes
        table = RouteTable(gateway.routes)
        reservedHeaders = Set(gateway.routes.compactMap { $0.basicAuth?.forwardUser }).sorted().map { Array($0.utf8) }
        Self.live.add(1, ordering: .relaxed)
    }

    deinit { Self.live.subtract(1, ordering: .relaxed) }
}

/// A backend with the addresses its names stand for.
package struct ResolvedBackend: Sendable {
    package var backend: Backend
    package var load: BackendLoad
    package var endpoints: [ResolvedEndpoint]
    /// How to speak TLS to the endpoints; `nil` for cleartext.
    package var tls: TLSClientContext?

    package init(backend: Backend, load: BackendLoad, endpoints: [ResolvedEndpoint], tls: TLSClientContext?) {
        self.backend = backend
        self.load = load
        self.endpoints = endpoints
        self.tls = tls
    }
}

package struct ResolvedEndpoint: Sendable {
    package var address: SocketAddress
    /// Relative to the other endpoints of the backend, at least 1.
    package var weight: Int
    package var load: EndpointLoad
    package var health: EndpointHealth
    /// Who its certificate has to name, where it speaks TLS.
    package var serverName: TLSServerName?
    /// Where its gRPC requests go; `nil` for its own address.
    package var grpcAddress: SocketAddress?
    /// Which pod it is; `nil` where it is none, or nobody has said.
    package var pod: PodIdentity?
    /// Where it says how its models do; `nil` where it has no port for that.
    package var metricsAddress: SocketAddress?

    package init(
        address: SocketAddress, grpcAddress: SocketAddress?, weight: Int, load: EndpointLoad, health: EndpointHealth,
        serverName: TLSServerName?
    ) {
        self.address = address
        self.grpcAddress = grpcAddress
        self.weight = weight
        self.load = load
        self.health = health
        self.serverName = serverName
    }
}

/// A route with its backends as indexes into the snapshot.
package struct ResolvedRoute: Sendable {
    package var route: Route
    /// In the order of the route's `backends`; empty for a fixed answer.
    package var backends: [Int]
    /// In the order of the route's `mirrors`.
    package var mirrors: [(backend: Int, load: MirrorLoad)]
    package var users: UserTable?
    /// Of its retries; `nil` where it has none.
    package var retryBudget: RetryBudget?
    /// Of its rate limit; `nil` where it has none.
    package var rateLimiter: RateLimiter?

    package init(
        route: Route, backends: [Int], mirrors: [(backend: Int, load: MirrorLoad)], users: UserTable?,
        retryBudget: RetryBudget?, rateLimiter: RateLimiter?
    ) {
        self.route = route
        self.backends = backends
        self.mirrors = mirrors
        self.users = users
        self.retryBudget = retryBudget
        self.rateLimiter = rateLimiter
    }
}

/// What a mirror has under way in the whole process.
package final class MirrorLoad: Sendable {
    package let inFlight = Atomic<Int>(0)
    package let bufferedBytes = Atomic<Int>(0)

    package init() {}
}
