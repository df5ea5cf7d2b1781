import Configuration

/// Groups of endpoints.
extension GatewayWriter {
    func backends(_ backends: [Backend]) -> YAMLOutline {
        .mapping(backends.map { ($0.name, backend($0)) })
    }

    private func backend(_ backend: Backend) -> YAMLOutline {
        let standard = Backend(name: backend.name)
        return .mapping([
            ("server", Self.unless(standard.server, backend.server) { .word($0.rawValue) }),
            ("protocol", Self.unless(standard.protocol, backend.protocol) { .word($0.rawValue) }),
            ("tls", backend.tls.map(tls)),
            ("triton", triton(backend.grpcPort, backend.metricsPort, backend.metricsInterval)),
            (
                "endpoints",
                .list(
                    backend.endpoints.map { endpoint($0, of: backend) }
                        + backend.services.map { service($0, of: backend) })
            ),
            ("balance", balance(backend.balance)), ("limits", limits(backend.limits)),
            ("timeouts", timeouts(backend.timeouts)), ("health", backend.health.map(health)),
            ("outlierDetection", outlierDetection(backend.outlierDetection)),
            ("slowStart", backend.slowStart.map(Self.duration)),
            ("panicThreshold", Self.unless(standard.panicThreshold, backend.panicThreshold, Self.percent)),
            ("activate", backend.activation.map(activation)),
        ])
    }

    private func triton(_ grpcPort: UInt16?, _ metricsPort: UInt16?, _ interval: Duration? = nil) -> YAMLOutline? {
        Self.ifAny([
            ("grpcPort", grpcPort.map { .word(Int($0)) }), ("metricsPort", metricsPort.map { .word(Int($0)) }),
            ("interval", interval.map(Self.duration)),
        ])
    }

    func tls(_ tls: BackendTLS) -> YAMLOutline {
        .mapping([
            ("ca", file(tls.authorities)), ("serverName", tls.serverName.map { .text($0) }),
            ("certificate", file(tls.certificate?.chain)), ("privateKey", file(tls.certificate?.privateKey)),
        ])
    }

    private func endpoint(_ endpoint: Backend.Endpoint, of backend: Backend) -> YAMLOutline {
        let address = YAMLOutline.text(endpoint.address.description)
        // The ports of the backend are not the endpoint's own, and nothing on a Unix socket has one.
        let ports = triton(
            endpoint.grpcPort == backend.grpcPort ? nil : endpoint.grpcPort,
            endpoint.metricsPort == backend.metricsPort ? nil : endpoint.metricsPort)
        guard endpoint.weight != 1 || ports != nil || endpoint.pod != nil else { return address }
        return .mapping([
            ("address", address), ("pod", endpoint.pod.map { .text($0) }),
            ("weight", Self.unless(1, endpoint.weight) { .word($0) }),
            ("triton", ports),
        ])
    }

    private func service(_ service: Backend.KubernetesService, of backend: Backend) -> YAMLOutline {
        let ports = triton(
            service.grpcPort == backend.grpcPort ? nil : service.grpcPort,
            service.metricsPort == backend.metricsPort ? nil : service.metricsPort)
        return .mapping([
            (
                "kubernetes",
                .mapping([
                    ("namespace", .text(service.namespace)), ("service", .text(service.service)),
                    ("port", .text(service.port)),
                ])
            ), ("weight", Self.unless(1, service.weight) { .word($0) }), ("triton", ports),
        ])
    }

    private func balance(_ balance: Backend.Balance) -> YAMLOutline? {
        switch balance {
        case .leastRequest: nil
        case .leastQueue: .word("leastQueue")
        case .roundRobin: .word("roundRobin")
        case .hash(.header(let name)): .mapping([("hash", .mapping([("header", .text(name))]))])
        case .hash(.cookie(let name)): .mapping([("hash", .mapping([("cookie", .text(name))]))])
        case .hash(.clientAddress): .mapping([("hash", .word("clientAddress"))])
        case .hash(.sequenceID): .mapping([("hash", .word("sequenceId"))])
        }
    }

    private func limits(_ limits: Backend.Limits) -> YAMLOutline? {
        let standard = Backend.Limits()
        return Self.ifAny([
            ("connections", limits.connections.map { .word($0) }),
            ("inFlight", Self.unless(standard.inFlight, limits.inFlight) { .word($0) }),
            ("perEndpointInFlight", limits.perEndpointInFlight.map { .word($0) }),
            ("queue", Self.unless(standard.queue, limits.queue) { .word($0) }),
            ("queueTimeout", Self.unless(standard.queueTimeout, limits.queueTimeout, Self.duration)),
        ])
    }

    private func timeouts(_ timeouts: Backend.Timeouts) -> YAMLOutline? {
        let standard = Backend.Timeouts()
        return Self.ifAny([
            ("connect", Self.unless(standard.connect, timeouts.connect, Self.duration)),
            ("firstByte", timeouts.firstByte.map(Self.duration)),
            ("idle", Self.unless(standard.idle, timeouts.idle, Self.duration)),
        ])
    }

    /// An empty one turns checks on.
    private func health(_ health: Backend.HealthCheck) -> YAMLOutline {
        let standard = Backend.HealthCheck()
        return .mapping([
            ("path", health.path.map { .text($0) }), ("grpc", health.grpc.map { .word($0) }),
            ("interval", Self.unless(standard.interval, health.interval, Self.duration)),
            ("timeout", Self.unless(standard.timeout, health.timeout, Self.duration)),
            (
                "unhealthyThreshold",
                Self.unless(standard.unhealthyThreshold, health.unhealthyThreshold) { .word($0) }
            ), ("healthyThreshold", Self.unless(standard.healthyThreshold, health.healthyThreshold) { .word($0) }),
        ])
    }

    private func outlierDetection(_ detection: Backend.OutlierDetection) -> YAMLOutline? {
        let standard = Backend.OutlierDetection()
        return Self.ifAny([
            (
                "consecutiveErrors",
                Self.unless(standard.consecutiveErrors, detection.consecutiveErrors) { .word($0) }
            ), ("baseEjectionTime", Self.unless(standard.baseEjectionTime, detection.baseEjectionTime, Self.duration)),
            (
                "maxEjectionPercent",
                Self.unless(standard.maxEjectionPercent, detection.maxEjectionPercent, Self.percent)
            ),
        ])
    }

    private func activation(_ activation: Backend.Activation) -> YAMLOutline {
        let standard = Backend.Activation.Hold()
        let hold = activation.hold
        let means: (String, YAMLOutline?) =
            switch activation.means {
            case .exec(let words): ("exec", .list(words.map { .text($0) }))
            case .kubernetes(let namespace, let deployment):
                ("kubernetes", .mapping([("namespace", .text(namespace)), ("deployment", .text(deployment))]))
            }
        return .mapping([
            means, ("idleAfter", activation.idleAfter.map(Self.duration)),
            (
                "hold",
                Self.ifAny([
                    ("requests", Self.unless(standard.requests, hold.requests) { .word($0) }),
                    ("bytes", Self.unless(standard.bytes, hold.bytes) { .word(SizeText.format($0)) }),
                    ("timeout", Self.unless(standard.timeout, hold.timeout, Self.duration)),
                ])
            ),
        ])
    }

    /// A section of which nothing is written is left out.
    static func ifAny(_ pairs: [(String, YAMLOutline?)]) -> YAMLOutline? {
        let mapping = YAMLOutline.mapping(pairs)
        return mapping.isEmpty ? nil : mapping
    }
}
