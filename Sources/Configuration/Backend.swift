/// A named group of endpoints that serve the same thing.
package struct Backend: Sendable, Equatable {
    package var name: String
    package var server: Server = .triton
    /// What is spoken at an endpoint's own port.
    package var `protocol`: HTTPProtocol = .http1
    /// The port of each endpoint that takes its gRPC requests, over HTTP/2, with `tls` if and only if there is one;
    /// without one they go to the endpoint's own port, which then has to speak HTTP/2. What applies to an endpoint is
    /// `Endpoint.grpcPort`.
    package var grpcPort: UInt16?
    /// The port of each endpoint that says how its models do, `GET /metrics` over HTTP/1.1 without TLS. What applies to an
    /// endpoint is `Endpoint.metricsPort`.
    package var metricsPort: UInt16?
    /// From one reading of the models' numbers to the next, 10 % more or less: 100 ms ... 1 h, or 0 where nothing is read.
    /// `nil` is 500 ms from a metrics port, and 2 s where the server's own port is asked.
    package var metricsInterval: Duration?
    /// `nil` means cleartext.
    package var tls: BackendTLS?
    package var endpoints: [Endpoint] = []
    /// Services of a Kubernetes cluster whose pods are endpoints too.
    package var services: [KubernetesService] = []
    package var balance = Balance.leastRequest
    /// `nil` means that endpoints are not asked: what requests show is all that is known of them.
    package var health: HealthCheck?
    package var outlierDetection = OutlierDetection()
    /// How long an endpoint that comes, or comes back, takes to get its whole weight; `nil` means none.
    package var slowStart: Duration?
    /// Below this percentage of usable endpoints all are used; 0 turns that off.
    package var panicThreshold = 50.0
    package var limits = Limits()
    package var timeouts = Timeouts()
    /// What starts an endpoint when a request comes and none runs; `nil` means that nobody does.
    package var activation: Activation?

    package init(name: String) { self.name = name }

    /// Some of its endpoints have a port of their own for gRPC.
    package var hasGRPCPort: Bool {
        endpoints.contains { $0.grpcPort != nil } || services.contains { $0.grpcPort != nil }
    }

    /// Whether Triton's questions about models can be asked at the endpoints' own port, and so it is known which of them has
    /// which model: where that port speaks HTTP/2, it is Triton's port for gRPC, which knows them under other names.
    package var answersQuestions: Bool { server == .triton && `protocol` == .http1 && metricsInterval != .zero }

    /// What kind of model server answers: decides what health and metrics look like there.
    package enum Server: String, Sendable, CaseIterable { case triton, tfserving, torchserve, kserve, generic }

    /// `http2` is chosen by ALPN where there is TLS, and spoken with prior knowledge where there is none.
    package enum HTTPProtocol: String, Sendable, CaseIterable { case http1, http2 }

    /// One address as the file names it; a name may stand for several endpoints once resolved.
    package struct Endpoint: Sendable, Equatable {
        /// TCP or a Unix socket.
        package var address: Address
        /// Share of the backend's requests relative to its other endpoints, 1...1,000,000.
        package var weight = 1
        /// Resolved: the endpoint's own, or else the backend's; none on a Unix socket. 1...65535.
        package var grpcPort: UInt16?
        /// Likewise.
        package var metricsPort: UInt16?
        /// The name of the pod it is, for who scales by pods; `nil` where it is none.
        package var pod: String?

        package init(address: Address) { self.address = address }
    }

    /// Pods of a Service, as its EndpointSlices list them (kubernetes.io/docs/concepts/services-networking/endpoint-slices).
    package struct KubernetesService: Sendable, Equatable {
        /// DNS labels (RFC 1123).
        package var namespace: String
        package var service: String
        /// The name of the port, or its number.
        package var port: String
        /// As for an endpoint, of each pod.
        package var weight = 1
        package var grpcPort: UInt16?
        package var metricsPort: UInt16?

        package init(namespace: String, service: String, port: String) {
            self.namespace = namespace
            self.service = service
            self.port = port
        }
    }

    /// Totals over all loops. `nil` means no limit.
    package struct Limits: Sendable, Equatable {
        /// Open connections to the endpoints of the backend.
        package var connections: Int?
        /// Requests dispatched and not finished.
        package var inFlight = 1024
        /// The same for each endpoint.
        package var perEndpointInFlight: Int?
        /// Requests that wait for a place; more are answered 503 `queue_full`.
        package var queue = 1024
        /// How long a request may wait before it is answered 503 `queue_timeout`.
        package var queueTimeout: Duration = .seconds(5)

        package init() {}
    }

    package struct Timeouts: Sendable, Equatable {
        package var connect: Duration = .seconds(1)
        /// From the end of the request to the first byte of the answer; `nil` means as long as it takes.
        package var firstByte: Duration?
        /// How long an unused pooled connection is kept.
        package var idle: Duration = .seconds(60)

        package init() {}
    }
}
