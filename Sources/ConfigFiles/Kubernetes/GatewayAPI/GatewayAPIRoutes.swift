import Configuration

/// HTTPRoutes and GRPCRoutes of the Gateway API.
struct GatewayAPIRoutes {
    let conversion: ManifestConversion

    init(_ conversion: ManifestConversion) { self.conversion = conversion }

    var report: Report { conversion.report }

    /// In the order of matching, which is the API's own and has nothing to do with the order in the files.
    func routes() -> [Route] {
        let rules = conversion.manifests.ofKinds(.httpRoute, .grpcRoute).flatMap { manifest in
            manifest.kind == .httpRoute ? httpRules(manifest) : grpcRules(manifest)
        }
        var order = RuleOrder(rules)
        return order.parts().map { part in
            let rule = rules[part.rule]
            if part.isContinued {
                report.note(
                    rule.position,
                    "this rule becomes more than one route, because rules that come between its matches or hosts "
                        + "go first for some of its requests")
            }
            var route = rule.route
            route.name = conversion.routeName(rule.manifest, rule.name)
            if let weights = rule.weights { conversion.weights.add(route.name, weights) }
            route.hosts = part.hosts
            let matches = part.matches.map { rule.matches[$0].match }
            // One that takes every request makes the others pointless.
            route.match = matches.contains(Match()) ? [] : matches
            return route
        }
    }

    private func httpRules(_ manifest: Manifest) -> [GatewayAPIRule] {
        guard let spec = manifest.spec(.httpRouteSpec, report) else { return [] }
        let object = RouteObject(manifest, spec, self)
        guard spec.has("rules") else {
            // The default of the API: one rule for every path, with nobody behind it.
            return [object.rule(spec, "0", [.http(Match())], unserved(manifest, spec.position))]
        }
        return spec.list("rules", .httpRouteRule).enumerated().compactMap { index, rule in
            let matches = rule.list("matches", .httpRouteMatch).compactMap(httpMatch)
            let isDefault = !rule.has("matches")
            guard isDefault || !matches.isEmpty else { return nil }
            let filters = filters(rule, manifest, .httpRouteFilter, matches: isDefault ? [Match()] : matches)
            guard var route = route(rule, filters, manifest) else { return nil }
            timeouts(rule, &route)
            var result = object.rule(rule, "\(index)", (isDefault ? [Match()] : matches).map { .http($0) }, route)
            keepFromCircling(&result, isBound: object.isBound)
            return result
        }
    }

    private func grpcRules(_ manifest: Manifest) -> [GatewayAPIRule] {
        guard let spec = manifest.spec(.grpcRouteSpec, report) else { return [] }
        let object = RouteObject(manifest, spec, self)
        guard spec.has("rules") else {
            report.warning(spec.position, "\(manifest.title) has no 'rules' and takes no request, leave it out")
            return []
        }
        return spec.list("rules", .grpcRouteRule).enumerated().compactMap { index, rule in
            let matches = rule.has("matches") ? rule.list("matches", .grpcRouteMatch).compactMap(grpcMatch) : [anyCall]
            guard !matches.isEmpty else { return nil }
            let filters = filters(rule, manifest, .grpcRouteFilter, matches: matches.map(\.match))
            return route(rule, filters, manifest).map { object.rule(rule, "\(index)", matches, $0) }
        }
    }

    /// A redirect that only changes the scheme would send whoever comes by that scheme back to where he is. In a cluster it
    /// stands on a listener of the other scheme alone.
    private func keepFromCircling(_ rule: inout GatewayAPIRule, isBound: Bool) {
        guard case .redirect(let redirect) = rule.route.action, let scheme = redirect.scheme, redirect.host == nil,
            redirect.path == nil, redirect.port == nil
        else { return }
        let other = scheme == .https ? Match.Scheme.http : .https
        report.note(
            rule.position, "this redirect is for requests by \(other.rawValue) alone, or it would go round in circles")
        for index in rule.matches.indices { rule.matches[index].match.scheme = other }
        rule.isFirst = isBound
    }
}

/// What all rules of one object share.
private struct RouteObject {
    private let manifest: Manifest
    private let weights: WeightTable
    private let hosts: [String]
    /// Whether every reference to a Gateway names one of its listeners.
    let isBound: Bool

    init(_ manifest: Manifest, _ spec: Fields, _ routes: GatewayAPIRoutes) {
        self.manifest = manifest
        weights = routes.conversion.weights
        hosts = routes.hostnames(spec)
        isBound = routes.isBound(spec)
    }

    func rule(_ fields: Fields, _ index: String, _ matches: [RankedMatch], _ route: Route) -> GatewayAPIRule {
        let name = fields.schema.fields.contains("name") ? fields.text("name") : nil
        if let name, !HostName.isValid(name) {
            fields.report.error(
                fields.valuePosition(of: "name"),
                "\(Wording.quoted(name)) is no name of a rule, write letters, digits, '-' and '.'")
        }
        var rule = GatewayAPIRule(
            manifest: manifest, position: fields.position, name: name ?? index, hosts: hosts, matches: matches,
            route: route)
        if case .forward = route.action {
            rule.weights = WeightTable.Source(
                owner: weights.newOwner(), writing: .entries(fields.items("backendRefs")))
        }
        return rule
    }
}

extension GatewayAPIRoutes {
    fileprivate func hostnames(_ spec: Fields) -> [String] {
        var hosts: [String] = []
        for (text, position) in spec.texts("hostnames") {
            let name = text.hasPrefix("*.") ? String(text.dropFirst(2)) : text
            guard HostName.isValid(name), !HostName.looksNumeric(name) else {
                report.error(position, "\(Wording.quoted(text)) is no host name, write a name or '*.' and a name")
                continue
            }
            let host = text.lowercased()
            if !hosts.contains(host) { hosts.append(host) }
        }
        return hosts
    }

    fileprivate func isBound(_ spec: Fields) -> Bool {
        guard spec.has("parentRefs") else { return false }
        report.note(
            spec.position(of: "parentRefs"), "'parentRefs' is not looked at: listeners come from native YAML")
        let references = spec.list("parentRefs", .parentReference)
        for reference in references {
            for key in reference.written(["sectionName", "port"]) {
                report.warning(
                    reference.position(of: key),
                    "'\(key)' is not looked at, so every listener serves this route; put it on a host of its own if "
                        + "that is too many")
            }
        }
        return !references.isEmpty && references.allSatisfy { !$0.written(["sectionName", "port"]).isEmpty }
    }
}
