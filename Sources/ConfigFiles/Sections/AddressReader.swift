import Configuration

/// Addresses: of listeners, of endpoints, and plain `host:port`.
extension Section {
    /// An address to listen on: port 0 lets the system choose.
    func listeningAddress(_ key: String, _ report: Report) -> Address? {
        guard let entry = entry(key, report) else { return nil }
        return Self.address(entry.value, "'\(key)'", report)
    }

    /// Any kind of address. A relative path of a Unix socket is relative to the file it is written in.
    static func address(_ node: YAMLNode, _ title: String, _ report: Report) -> Address? {
        parse(node, title, report) { text throws(InvalidValue) in
            guard case .unix(let path) = try Address(parsing: text) else { return try Address(parsing: text) }
            let file = report.name(of: node.position.file)
            let absolute = FilePath.absolute(FilePath.resolve(path, relativeTo: file))
            try Address.checkPath(absolute)
            return .unix(path: absolute)
        }
    }

    /// `host:port` and nothing else.
    static func hostPort(_ node: YAMLNode, _ title: String, _ report: Report) -> HostPort? {
        parse(node, title, report) { text throws(InvalidValue) in try HostPort(parsing: text) }
    }

    private static func parse<Value>(
        _ node: YAMLNode, _ title: String, _ report: Report, _ read: (String) throws(InvalidValue) -> Value
    ) -> Value? {
        guard let text = scalar(node, title, "an address such as 127.0.0.1:8000", report) else { return nil }
        do throws(InvalidValue) {
            return try read(text)
        } catch {
            report.error(node.position, "\(title): \(Wording.quoted(text)) \(error.message)")
            return nil
        }
    }
}

extension GatewayReader {
    /// Whether the second `bind` would fail. Whether `[::]` takes IPv4 too is the system's setting, so that is left to it.
    static func overlap(_ left: Address, _ right: Address) -> Bool {
        guard let left = left.hostPort, let right = right.hostPort else { return left == right }
        guard left.port == right.port, left.port != 0 else { return false }
        guard let first = IPAddress(left.host), let second = IPAddress(right.host) else {
            return left.host == right.host
        }
        return first == second
            || (first.isIPv4 == second.isIPv4 && (first.isUnspecified || second.isUnspecified))
    }

    /// Whether only this machine can reach what listens there. What a passed socket is bound to is seen when it is there.
    static func staysOnThisMachine(_ address: Address) -> Bool {
        guard let host = address.host else { return true }
        return host == "localhost" || IPAddress(host)?.isLoopback == true
    }

    /// The address of an endpoint; one that no request could reach is refused.
    func endpointAddress(_ node: YAMLNode) -> Address? {
        guard let address = Section.address(node, "an endpoint", report) else { return nil }
        switch address {
        case .tcp(let place):
            guard place.port != 0, IPAddress(place.host)?.isUnspecified != true else {
                report.error(
                    node.position, "nothing can be reached at \(address), write the endpoint's own address and port")
                return nil
            }
        case .unix: break
        case .systemd:
            report.error(
                node.position,
                "\(address) is a socket to listen on, write the endpoint's own address: host:port or unix:PATH")
            return nil
        }
        return address
    }

    /// What endpoints over Unix sockets cannot have: ports, and a host name for their certificates.
    func checkUnixEndpoints(_ backend: Backend, _ section: Section) {
        let position = section.position(of: "endpoints")
        for endpoint in backend.endpoints where endpoint.address.hostPort == nil {
            if let grpcPort = backend.grpcPort {
                report.warning(
                    position,
                    "\(endpoint.address) gets no gRPC requests, because it has no port \(grpcPort), give gRPC a backend "
                        + "of its own with 'protocol: http2'")
            }
            if let tls = backend.tls, tls.serverName == nil {
                report.error(
                    position,
                    "\(endpoint.address) has no host name to hold its certificate against, write 'serverName' in 'tls'")
            }
        }
    }
}
