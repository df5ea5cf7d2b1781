import Configuration

/// What model servers have beside the port for requests, on a backend and on a single endpoint.
extension GatewayReader {
    /// What a `triton` names.
    struct ServerPorts {
        var grpc: UInt16?
        var metrics: UInt16?
        var interval: Duration?
    }

    /// The `triton` of a backend or of an endpoint.
    ///
    /// - Parameter ofBackend: only there it has an interval.
    func serverPorts(_ section: Section, _ server: Backend.Server, ofBackend: Bool) -> ServerPorts {
        var ports = ServerPorts()
        guard let entry = section.entry("triton", report) else { return ports }
        guard let triton = Section(entry.value, .triton, title: "'triton'", report) else { return ports }
        guard server != .generic else {
            report.error(
                entry.position,
                "'triton' does not go with 'server: \(server.rawValue)', leave it out, and write 'protocol: http2' "
                    + "if the endpoints take gRPC on their own port")
            return ports
        }
        if case .mapping(let pairs) = entry.value.content, pairs.isEmpty {
            report.error(entry.value.position, "'triton' is empty, write it such as { grpcPort: 8001 } or leave it out")
        }
        ports.grpc = triton.integer("grpcPort", report).flatMap { UInt16(exactly: $0) }
        ports.metrics = triton.integer("metricsPort", report).flatMap { UInt16(exactly: $0) }
        ports.interval = triton.duration("interval", report)
        for key in triton.written(["metricsPort", "interval"]) where server != .triton && server != .torchserve {
            guard let written = triton.entry(key, report) else { continue }
            report.error(
                written.position,
                "'\(key)' does not go with 'server: \(server.rawValue)', leave it out: nothing is read of its models")
        }
        if !ofBackend, let written = triton.entry("interval", report) {
            report.error(
                written.position, "'interval' is the same for all endpoints, write it in the backend's 'triton'")
        }
        return ports
    }

    /// Several servers on one machine have a port for gRPC each, and one for metrics. One port for all of them is easily
    /// written, and would send the gRPC requests of all to one, or take the numbers of one for those of all.
    func checkServerPorts(_ endpoints: [(endpoint: Backend.Endpoint, position: Position)]) {
        check(endpoints, \.grpcPort) { address, target, other in
            "gRPC requests for \(address) go to \(target), as those for \(other) do, give each endpoint a grpcPort of its own"
        }
        check(endpoints, \.metricsPort) { address, target, other in
            "metrics of \(address) are read from \(target), as those of \(other) are, give each endpoint a metricsPort of its own"
        }
    }

    private func check(
        _ endpoints: [(endpoint: Backend.Endpoint, position: Position)], _ port: KeyPath<Backend.Endpoint, UInt16?>,
        _ message: (Address, HostPort, Address) -> String
    ) {
        var taken: [HostPort: Address] = [:]
        for (endpoint, position) in endpoints {
            guard let port = endpoint[keyPath: port], let host = endpoint.address.host else { continue }
            let target = HostPort(host: host, port: port)
            if let other = taken[target] {
                report.warning(position, message(endpoint.address, target, other))
            } else {
                taken[target] = endpoint.address
            }
        }
    }
}

extension Bounds {
    /// Of a server: 0 is none that can be reached.
    static let port = 1...Int(UInt16.max)
}
