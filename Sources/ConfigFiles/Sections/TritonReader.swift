import Configuration

/// What is particular to Triton among model servers, on a backend and on a single endpoint.
extension GatewayReader {
    /// The port for gRPC that a backend's or an endpoint's `triton` names.
    func grpcPort(_ section: Section, _ server: Backend.Server) -> UInt16? {
        guard let entry = section.entry("triton", report) else { return nil }
        guard let triton = Section(entry.value, .triton, title: "'triton'", report) else { return nil }
        guard server == .triton else {
            report.error(
                entry.position,
                "'triton' does not go with 'server: \(server.rawValue)', leave it out, and write 'protocol: http2' "
                    + "if the endpoints take gRPC on their own port")
            return nil
        }
        if case .mapping(let pairs) = entry.value.content, pairs.isEmpty {
            report.error(entry.value.position, "'triton' is empty, write it such as { grpcPort: 8001 } or leave it out")
        }
        return triton.integer("grpcPort", report).flatMap { UInt16(exactly: $0) }
    }

    /// Several servers on one machine have a port for gRPC each. One port for all of them is easily written, and would
    /// send the gRPC requests of all to one.
    func checkGRPCPorts(_ endpoints: [(endpoint: Backend.Endpoint, position: Position)]) {
        var taken: [HostPort: Address] = [:]
        for (endpoint, position) in endpoints {
            guard let port = endpoint.grpcPort, let host = endpoint.address.host else { continue }
            let target = HostPort(host: host, port: port)
            if let other = taken[target] {
                report.warning(
                    position,
                    "gRPC requests for \(endpoint.address) go to \(target), as those for \(other) do, "
                        + "give each endpoint a grpcPort of its own")
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
