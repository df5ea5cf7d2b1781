import Configuration

/// The paths of each host, out of all Ingresses: what ingress-nginx calls a server.
struct IngressHosts {
    struct Host {
        /// One, or several that are alike; `""` is any.
        var names: [String]
        var paths: [Path] = []
        /// What no path takes.
        var fallback: Fallback?
    }

    struct Path {
        var path: IngressResource.Path
        var ingress: IngressResource
        var canary: Canary?
    }

    struct Canary {
        var path: IngressResource.Path
        var ingress: IngressResource
        var rules: IngressCanary
    }

    struct Fallback {
        var service: IngressResource.Service
        var ingress: IngressResource
    }

    private struct Key: Hashable {
        var host: String
        var type: IngressResource.PathType
        var text: String

        init(_ path: IngressResource.Path) {
            host = path.host
            type = path.type
            text = path.text
        }
    }

    private let report: Report
    private var hosts: [Host] = []
    private var hostIndices: [String: Int] = [:]
    private var places: [Key: (host: Int, path: Int)] = [:]
    private var aliases: [(name: String, host: String)] = []

    init(report: Report) { self.report = report }

    mutating func add(_ resource: IngressResource) {
        for host in resource.hosts { _ = index(of: host) }
        for path in resource.paths { add(path, of: resource) }
        if let service = resource.defaultService {
            // Without rules it is for every host that no rule names.
            for host in resource.hosts.isEmpty ? [""] : resource.hosts {
                let index = index(of: host)
                if hosts[index].fallback == nil {
                    hosts[index].fallback = Fallback(service: service, ingress: resource)
                }
            }
        }
        addAliases(resource)
    }

    private mutating func add(_ path: IngressResource.Path, of resource: IngressResource) {
        let key = Key(path)
        guard let place = places[key] else {
            let index = index(of: path.host)
            places[key] = (index, hosts[index].paths.count)
            hosts[index].paths.append(Path(path: path, ingress: resource))
            return
        }
        let earlier = hosts[place.host].paths[place.path]
        report.warning(
            path.position,
            "the path \(Wording.quoted(path.text)) of this host is already in the \(earlier.ingress.manifest.title) in "
                + "\(report.place(earlier.path.position, from: path.position)), which gets its requests; leave one of them out"
        )
    }

    private mutating func index(of host: String) -> Int {
        if let index = hostIndices[host] { return index }
        hostIndices[host] = hosts.count
        hosts.append(Host(names: [host]))
        return hosts.count - 1
    }

    private mutating func addAliases(_ resource: IngressResource) {
        for alias in resource.annotations.list("server-alias") ?? [] {
            let name = alias.lowercased()
            guard HostName.isValid(name) else {
                resource.annotations.error(
                    "server-alias",
                    "'server-alias': \(Wording.quoted(alias)) is no host name, write names with commas between")
                continue
            }
            for host in resource.hosts where !host.isEmpty { aliases.append((name, host)) }
        }
    }

    /// Puts a canary beside the path of the same host, type and text.
    mutating func addCanary(_ resource: IngressResource) {
        let rules = IngressCanary(resource.annotations)
        if let service = resource.defaultService {
            report.error(
                service.position,
                "a canary cannot stand beside a 'defaultBackend', write 'rules' with path / in both Ingresses")
        }
        for path in resource.paths {
            guard let place = places[Key(path)] else {
                report.error(
                    path.position,
                    "this canary has no main Ingress: none has the host \(Wording.quoted(path.host)), type "
                        + "\(path.type.rawValue) and path \(Wording.quoted(path.text)); add it or leave out 'canary'")
                continue
            }
            let main = hosts[place.host].paths[place.path]
            if let earlier = main.canary {
                report.error(
                    path.position,
                    "this path has a canary already, in \(report.place(earlier.path.position, from: path.position)); "
                        + "ingress-nginx uses only one, keep one of them")
            } else if main.path.service == path.service {
                report.warning(
                    path.position,
                    "the canary is the service that the path has anyway, so it does nothing; name another one")
            } else {
                hosts[place.host].paths[place.path].canary = Canary(path: path, ingress: resource, rules: rules)
            }
        }
    }

    /// Names before wildcards, of those the longer first, and any host last. Hosts that are alike are one.
    func sorted() -> [Host] {
        var all = hosts
        var known = Set(hostIndices.keys)
        // A host with rules of its own is no alias.
        for alias in aliases where known.insert(alias.name).inserted {
            hostIndices[alias.host].map { all[$0].names.append(alias.name) }
        }
        var merged: [Host] = []
        var alike: [[String]: Int] = [:]
        for host in all {
            guard Self.rank(host) == (0, 0) else {
                merged.append(host)
                continue
            }
            let signature = Self.signature(host)
            if let index = alike[signature] {
                merged[index].names += host.names
            } else {
                alike[signature] = merged.count
                merged.append(host)
            }
        }
        let ranked = merged.enumerated().sorted { left, right in
            let (first, second) = (Self.rank(left.element), Self.rank(right.element))
            return first == second ? left.offset < right.offset : first < second
        }
        return ranked.map(\.element)
    }

    private static func rank(_ host: Host) -> (Int, Int) {
        let name = host.names[0]
        if name.isEmpty { return (2, 0) }
        return name.hasPrefix("*.") ? (1, -name.utf8.count) : (0, 0)
    }

    /// Everything that its routes depend on, but its name.
    private static func signature(_ host: Host) -> [String] {
        var parts: [String] = []
        func add(_ ingress: IngressResource, _ service: IngressResource.Service) {
            parts += [ingress.manifest.title, service.reference.host, "\(service.reference.port)"]
        }
        for path in host.paths {
            parts += [path.path.text, path.path.type.rawValue, "\(path.ingress.isSecure(host.names[0]))"]
            add(path.ingress, path.path.service)
            if let canary = path.canary { add(canary.ingress, canary.path.service) } else { parts.append("-") }
        }
        if let fallback = host.fallback { add(fallback.ingress, fallback.service) }
        return parts
    }
}
