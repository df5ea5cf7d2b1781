import Configuration

/// What the gateway listens on.
extension GatewayReader {
    func listeners(_ section: Section, _ bound: inout [BoundAddress]) -> [Listener] {
        guard let entry = section.entry("listeners", report) else {
            if !section.has("listeners"), !sources.isIncomplete, !hasManifests {
                report.error(section.position, "there is no listener, write 'listeners: [{ address: 0.0.0.0:8080 }]'")
            }
            return []
        }
        var listeners: [Listener] = []
        var names: [String: Position] = [:]
        for item in Section.items(entry, "[{ address: 0.0.0.0:8080 }]", isRequired: true, report) {
            guard let section = Section(item, .listener, title: "a listener", report) else { continue }
            let listener = listener(section)
            guard let listener else { continue }
            let position = section.position(of: section.has("name") ? "name" : "address")
            if let earlier = names[listener.name] {
                report.error(
                    position,
                    "a listener in \(report.place(earlier, from: position)) is called \(Wording.quoted(listener.name)) too, "
                        + "give one another name")
            } else {
                names[listener.name] = position
            }
            bound.append(
                BoundAddress(
                    owner: "listener \(Wording.quoted(listener.name))", address: listener.address,
                    position: section.position(of: "address")))
            listeners.append(listener)
        }
        return listeners
    }

    private func listener(_ section: Section) -> Listener? {
        let name = section.name("name", report)
        let address = section.listeningAddress("address", report)
        let tls = section.entry("tls", report).flatMap(listenerTLS)
        let limits = section.entry("limits", report).map(listenerLimits)
        let trusted = section.entry("trustedProxies", report).map { networks($0, "a trusted proxy") }
        let proxyProtocol = section.flag("proxyProtocol", report)
        guard let address else {
            if !section.has("address") {
                report.error(section.position, "a listener needs an address, write 'address: 0.0.0.0:8080'")
            }
            return nil
        }
        var listener = Listener(name: name ?? address.description, address: address)
        listener.tls = tls
        listener.limits = limits ?? listener.limits
        listener.trustedProxies = trusted ?? []
        listener.proxyProtocol = proxyProtocol ?? false
        return listener
    }

    private func listenerLimits(_ entry: YAMLNode.Entry) -> Listener.Limits {
        var limits = Listener.Limits()
        guard let section = Section(entry.value, .listenerLimits, title: "'limits'", report) else { return limits }
        limits.connections = section.integer("connections", report)
        limits.perClient = section.integer("perClient", report)
        section.size("headerBytes", report).map { limits.headerBytes = Int($0) }
        section.duration("headerTimeout", report).map { limits.headerTimeout = $0 }
        section.duration("idleTimeout", report).map { limits.idleTimeout = $0 }
        section.integer("http2Streams", report).map { limits.http2Streams = $0 }
        limits.maxConnectionAge = section.duration("maxConnectionAge", report)
        return limits
    }

    /// A host as clients name it, without a port: a name or a literal address, in lower case.
    func hostName(_ node: YAMLNode, _ title: String) -> String? {
        guard let text = Section.text(node, title, report) else { return nil }
        let host = text.lowercased()
        let literal = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host[...]
        if IPAddress(literal) != nil {
            // As a Host field has it (RFC 9110 section 7.2).
            return literal.contains(":") ? "[\(literal)]" : String(literal)
        }
        guard HostName.isValid(host) else {
            report.error(
                node.position,
                "\(Wording.quoted(text)) is no host name, write a name without scheme, port or final dot")
            return nil
        }
        return host
    }
}

extension Bounds {
    /// Of one connection: each stream takes memory before its request is known to be worth any.
    static let http2Streams = 1...10_000
    /// Connections that live for less than a second would mostly be made anew.
    static let connectionAge: ClosedRange<Duration> = .seconds(1)...timeout.upperBound
}
