import Configuration

/// Backends and their endpoints.
extension GatewayReader {
    /// The backends that could be read, and the names of all that are written, or `nil` if those cannot be told.
    func backends(_ section: Section) -> (read: [Backend], positions: [String: Position]?) {
        guard let entry = section.entry("backends", report) else { return ([], section.has("backends") ? nil : [:]) }
        guard case .mapping = entry.value.content else {
            _ = Section.pairs(entry, Self.backendExample, report)
            return ([], nil)
        }
        var read: [Backend] = []
        var positions: [String: Position] = [:]
        for pair in Section.pairs(entry, Self.backendExample, report) {
            positions[pair.key] = pair.position
            guard let name = Section.checkName(pair.key, "a backend's name", position: pair.position, report) else {
                continue
            }
            let title = "backend \(Wording.quoted(name))"
            guard let section = Section(pair.value, .backend, title: title, report) else { continue }
            read.append(backend(name, section, position: pair.position))
        }
        return (read, positions)
    }

    private static let backendExample = "{ stable: { endpoints: [127.0.0.1:8000] } }"

    private func backend(_ name: String, _ section: Section, position: Position) -> Backend {
        var backend = Backend(name: name)
        let servers = Backend.Server.allCases.map { ($0.rawValue, $0) }
        section.choice("server", servers, report).map { backend.server = $0 }
        let protocols = Backend.HTTPProtocol.allCases.map { ($0.rawValue, $0) }
        section.choice("protocol", protocols, report).map { backend.protocol = $0 }
        let ports = serverPorts(section, backend.server, ofBackend: true)
        backend.grpcPort = ports.grpc
        backend.metricsPort = ports.metrics
        backend.metricsInterval = ports.interval
        balance(section, backend.server).map { backend.balance = $0 }
        if let entry = section.entry("endpoints", report) {
            (backend.endpoints, backend.services) = endpoints(entry, of: backend)
        } else if !section.has("endpoints") {
            report.error(
                position, "backend \(Wording.quoted(name)) has no endpoints, write 'endpoints: [127.0.0.1:8000]'")
        }
        backend.tls = section.entry("tls", report).flatMap(backendTLS)
        checkUnixEndpoints(backend, section)
        section.entry("limits", report).map { backend.limits = backendLimits($0) }
        section.entry("timeouts", report).map { backend.timeouts = backendTimeouts($0) }
        backend.health = health(section, of: backend)
        section.entry("outlierDetection", report).map { backend.outlierDetection = outlierDetection($0) }
        backend.slowStart = section.duration("slowStart", report).flatMap {
            $0 == .zero ? nil : $0
        }
        backend.activation = activation(section, of: backend)
        section.percent("panicThreshold", report).map { backend.panicThreshold = $0 }
        return backend
    }

    private func endpoints(
        _ entry: YAMLNode.Entry, of backend: Backend
    ) -> ([Backend.Endpoint], [Backend.KubernetesService]) {
        var endpoints: [(endpoint: Backend.Endpoint, position: Position)] = []
        var services: [Backend.KubernetesService] = []
        var positions: [Address: Position] = [:]
        var servicePositions: [[String]: Position] = [:]
        for item in Section.items(entry, "[127.0.0.1:8000]", isRequired: true, report) {
            if let (service, position) = service(item, of: backend) {
                guard let service else { continue }
                let name = [service.namespace, service.service, service.port]
                if let earlier = servicePositions[name] {
                    report.error(
                        position,
                        "port \(service.port) of \(service.namespace)/\(service.service) is already an endpoint in "
                            + "\(report.place(earlier, from: position)), keep one")
                    continue
                }
                servicePositions[name] = position
                services.append(service)
                continue
            }
            guard let (endpoint, position) = endpoint(item, of: backend) else { continue }
            if let earlier = positions[endpoint.address] {
                report.error(
                    position,
                    "\(endpoint.address) is already an endpoint in \(report.place(earlier, from: position)), keep one, "
                        + "and give it a weight if it is to get more")
                continue
            }
            positions[endpoint.address] = position
            endpoints.append((endpoint, position))
        }
        checkServerPorts(endpoints)
        checkPods(endpoints)
        return (endpoints.map(\.endpoint), services)
    }

    /// `host:port`, or a mapping with an address.
    private func endpoint(_ node: YAMLNode, of backend: Backend) -> (Backend.Endpoint, Position)? {
        var weight: Int?
        var own = ServerPorts()
        var pod: String?
        var addressNode = node
        if case .mapping = node.content {
            guard let section = Section(node, .endpoint, title: "an endpoint", report) else { return nil }
            weight = section.integer("weight", report)
            own = serverPorts(section, backend.server, ofBackend: false)
            pod = podName(section)
            guard let entry = section.entry("address", report) else {
                if !section.has("address"), !section.written(["weight", "triton", "pod"]).isEmpty || isEmpty(node) {
                    report.error(section.position, "an endpoint needs an address, write 'address: 127.0.0.1:8000'")
                }
                return nil
            }
            addressNode = entry.value
        }
        guard let address = endpointAddress(addressNode) else { return nil }
        var endpoint = Backend.Endpoint(address: address)
        endpoint.weight = weight ?? 1
        endpoint.pod = pod
        if address.hostPort != nil {
            endpoint.grpcPort = own.grpc ?? backend.grpcPort
            endpoint.metricsPort = own.metrics ?? backend.metricsPort
        } else if let port = own.grpc ?? own.metrics {
            report.error(addressNode.position, "\(address) has no port \(port), leave 'triton' out")
        }
        return (endpoint, addressNode.position)
    }

    private func isEmpty(_ node: YAMLNode) -> Bool {
        if case .mapping(let pairs) = node.content { pairs.isEmpty } else { false }
    }

    private func backendLimits(_ entry: YAMLNode.Entry) -> Backend.Limits {
        var limits = Backend.Limits()
        guard let section = Section(entry.value, .backendLimits, title: "'limits'", report) else { return limits }
        limits.connections = section.integer("connections", report)
        section.integer("inFlight", report).map { limits.inFlight = $0 }
        limits.perEndpointInFlight = section.integer("perEndpointInFlight", report)
        section.integer("queue", report).map { limits.queue = $0 }
        section.duration("queueTimeout", report).map { limits.queueTimeout = $0 }
        return limits
    }

    private func backendTimeouts(_ entry: YAMLNode.Entry) -> Backend.Timeouts {
        var timeouts = Backend.Timeouts()
        guard let section = Section(entry.value, .backendTimeouts, title: "'timeouts'", report) else { return timeouts }
        section.duration("connect", report).map { timeouts.connect = $0 }
        timeouts.firstByte = section.duration("firstByte", report).flatMap {
            $0 == .zero ? nil : $0
        }
        section.duration("idle", report).map { timeouts.idle = $0 }
        return timeouts
    }
}
