import Configuration

/// Istio's VirtualServices.
///
/// Istio first picks the most specific host that a request's host is, and then looks at the rules for that host alone. Routes are
/// tried in one order here, so those of more specific hosts come first, and where a wildcard is behind them that Istio would
/// not look at, an answer of 404 ends them.
struct VirtualServices {
    let conversion: ManifestConversion

    init(_ conversion: ManifestConversion) { self.conversion = conversion }

    /// In the order of matching.
    func routes() -> [Route] {
        var services: [VirtualService] = []
        for manifest in conversion.manifests.ofKinds(.virtualService) {
            guard let spec = manifest.spec(.virtualService, conversion.report) else { continue }
            services.append(service(manifest, spec))
        }
        let order = HostOrder(services.map { ($0.hosts, takesAll: $0.takesAll) })
        return order.steps.flatMap { step in
            switch step {
            case .rules(let index, let hosts): routes(of: services[index], hosts)
            case .end(let index, let hosts): [notFound(services[index], hosts)]
            }
        }
    }

    private struct VirtualService {
        var manifest: Manifest
        var hosts: [String]
        /// Under their own names or indices.
        var rules: [(name: String, route: Route, weights: WeightTable.Source?)]
        /// Some rule takes every request for the hosts.
        var takesAll: Bool { rules.contains { $0.route.match.isEmpty } }
    }

    private func service(_ manifest: Manifest, _ spec: Fields) -> VirtualService {
        let report = conversion.report
        let reader = VirtualServiceReader(conversion: conversion, manifest: manifest)
        let hosts = spec.has("hosts") ? reader.hosts(spec) : []
        if !spec.has("hosts") {
            report.note(spec.position, "there are no 'hosts', so the rules take requests for any host")
        }
        var rules: [(String, Route, WeightTable.Source?)] = []
        for (index, rule) in spec.list("http", .httpRule).enumerated() {
            let name = rule.text("name").flatMap {
                Section.checkName($0, "'name'", position: rule.valuePosition(of: "name"), report)
            }
            if let route = reader.route(rule) { rules.append((name ?? "\(index)", route, weights(of: rule))) }
        }
        if !spec.has("http") { report.error(spec.position, "\(manifest.title) has no rules, add 'http'") }
        return VirtualService(manifest: manifest, hosts: hosts, rules: rules)
    }

    private func weights(of rule: Fields) -> WeightTable.Source? {
        let destinations = rule.items("route")
        guard let first = destinations.first else { return nil }
        let owner = conversion.weights.newOwner()
        guard destinations.count > 1 else {
            let reason = "a lone destination of a VirtualService gets everything: write a second one beside it"
            return WeightTable.Source(owner: owner, writing: .fixed(first.position, reason: reason))
        }
        return WeightTable.Source(owner: owner, writing: .entries(destinations))
    }

    private func routes(of service: VirtualService, _ hosts: [String]) -> [Route] {
        service.rules.map { rule in
            var route = rule.route
            route.name = conversion.routeName(service.manifest, rule.name)
            if let weights = rule.weights { conversion.weights.add(route.name, weights) }
            route.hosts = hosts
            return route
        }
    }

    private func notFound(_ service: VirtualService, _ hosts: [String]) -> Route {
        let name = conversion.routeName(service.manifest, "no-match")
        var route = Route(name: name, action: .respond(Route.FixedResponse(status: 404)))
        route.hosts = hosts
        return route
    }
}

/// In which order rules for hosts are tried, so that those of the most specific host have the say.
struct HostOrder {
    enum Step: Equatable {
        /// The rules of a VirtualService, by its index, for some of its hosts; none stand for any host.
        case rules(Int, hosts: [String])
        /// No further rule is for these hosts.
        case end(Int, hosts: [String])
    }

    private(set) var steps: [Step] = []

    /// - Parameter services: the hosts of each, and whether its rules take every request.
    init(_ services: [(hosts: [String], takesAll: Bool)]) {
        var present: [Int: Int] = [:]
        var takingAll: Set<String> = []
        var wildcards: Set<String> = []
        for service in services {
            for rank in Set(Self.keys(service.hosts).map(Self.rank)) { present[rank, default: 0] += 1 }
            for host in Self.keys(service.hosts) {
                if service.takesAll { takingAll.insert(host) }
                if host.hasPrefix("*") { wildcards.insert(host) }
            }
        }
        var parts: [(rank: Int, index: Int, hosts: [String])] = []
        for (index, service) in services.enumerated() {
            let byRank = Dictionary(grouping: Self.keys(service.hosts), by: Self.rank)
            let ranks = byRank.keys.sorted(by: >)
            guard let least = ranks.last, let most = ranks.first else { continue }
            // Whether another service's hosts would come between these.
            let isSplit = present.contains { rank, count in
                rank >= least && rank < most && count > (byRank[rank] == nil ? 0 : 1)
            }
            if isSplit {
                for rank in ranks { parts.append((rank, index, byRank[rank] ?? [])) }
            } else {
                parts.append((least, index, Self.keys(service.hosts)))
            }
        }
        let order = parts.indices.sorted { (parts[$1].rank, $0) < (parts[$0].rank, $1) }
        var ended: Set<String> = []
        for (place, index) in order.enumerated() {
            let part = parts[index]
            steps.append(.rules(part.index, hosts: part.hosts.contains("*") ? [] : part.hosts))
            let isLastOfRank = place + 1 == order.count || parts[order[place + 1]].rank != part.rank
            guard isLastOfRank else { continue }
            for index in order[...place] where parts[index].rank == part.rank {
                let open = parts[index].hosts.filter {
                    !takingAll.contains($0) && Self.isCovered($0, by: wildcards) && ended.insert($0).inserted
                }
                if !open.isEmpty { steps.append(.end(parts[index].index, hosts: open)) }
            }
        }
    }

    private static func keys(_ hosts: [String]) -> [String] { hosts.isEmpty ? ["*"] : hosts }

    /// Exact names before all wildcards, longer wildcards before shorter ones.
    private static func rank(_ host: String) -> Int { host.hasPrefix("*") ? host.utf8.count : Int.max }

    /// Whether a less specific host of the set takes what a host takes.
    private static func isCovered(_ host: String, by wildcards: Set<String>) -> Bool {
        guard host != "*" else { return false }
        if wildcards.contains("*") { return true }
        var rest = host.hasPrefix("*.") ? host.dropFirst(2) : host[...]
        while let dot = rest.firstIndex(of: ".") {
            if wildcards.contains("*" + rest[dot...]) { return true }
            rest = rest[rest.index(after: dot)...]
        }
        return false
    }
}
