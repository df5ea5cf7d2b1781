import Configuration

/// Makes routes of the paths of each host.
struct IngressRoutes {
    let conversion: ManifestConversion
    private var report: Report { conversion.report }

    init(_ conversion: ManifestConversion) { self.conversion = conversion }

    /// - Parameter hosts: in the order of matching.
    func routes(of hosts: [IngressHosts.Host]) -> [Route] {
        var templates: [String: IngressTemplate] = [:]
        var routes = redirectsToOtherNames(hosts)
        for (index, host) in hosts.enumerated() {
            routes += self.routes(of: host, &templates)
            if let route = ending(host, before: hosts[(index + 1)...]) { routes.append(route) }
        }
        return routes
    }

    private func routes(of host: IngressHosts.Host, _ templates: inout [String: IngressTemplate]) -> [Route] {
        let asRegex = host.paths.contains { $0.ingress.wantsRegex(for: $0.path) }
        let paths = host.paths.sorted { IngressPathMatch.precedes($0.path, $1.path, asRegex: asRegex) }
        var routes: [Route] = []
        if let path = paths.first(where: { $0.ingress.annotations.has("app-root") }) {
            routes += appRoot(path, host).map { [$0] } ?? []
        }
        var matches: [(path: IngressHosts.Path, match: Match)] = []
        for path in paths {
            IngressPathMatch.match(path.path, asRegex: asRegex, report).map { matches.append((path, $0)) }
        }
        routes += redirectsToHTTPS(matches, host)
        for (path, match) in matches {
            let template = template(of: path.ingress, &templates)
            routes += self.routes(of: path, match, host, template)
        }
        if let fallback = host.fallback {
            let template = template(of: fallback.ingress, &templates)
            if let forward = forward(to: fallback.service, template) {
                routes.append(template.route(name(fallback.ingress, "default"), host, [], .forward(forward)))
            }
        }
        return routes
    }

    /// The policies of an Ingress are read once, however many paths it has.
    private func template(
        of ingress: IngressResource, _ templates: inout [String: IngressTemplate]
    ) -> IngressTemplate {
        if let template = templates[ingress.manifest.title] { return template }
        let template = IngressTemplate(ingress, conversion)
        templates[ingress.manifest.title] = template
        return template
    }

    private func name(_ ingress: IngressResource, _ rule: String) -> String {
        conversion.routeName(ingress.manifest, rule)
    }

    private func routes(
        of path: IngressHosts.Path, _ match: Match, _ host: IngressHosts.Host, _ template: IngressTemplate
    ) -> [Route] {
        let name = "\(path.path.index)"
        let only = match == Match() ? [] : [match]
        if path.ingress.policies.redirects {
            guard let action = path.ingress.policies.redirect() else { return [] }
            return [IngressTemplate.bare(self.name(path.ingress, name), host, only, action)]
        }
        let rewrite = path.ingress.policies.pathRewrite(path.path, match)
        func route(_ suffix: String, _ matches: [Match], _ forward: Route.Forward?) -> Route? {
            guard let forward else { return nil }
            var route = template.route(self.name(path.ingress, name + suffix), host, matches, .forward(forward))
            if let rewrite {
                route.rewrite = route.rewrite ?? Route.Rewrite()
                route.rewrite?.path = rewrite
            }
            return route
        }
        let main = forward(to: path.path.service, template)
        guard let canary = path.canary else { return [route("", only, main)].compactMap { $0 } }
        let other = forward(to: canary.path.service, template.ofCanary(canary.ingress.policies))
        let alternatives = canary.rules.alternatives(match)
        var routes: [Route?] = []
        if !alternatives.canary.isEmpty { routes.append(route("-canary", alternatives.canary, other)) }
        if !alternatives.main.isEmpty { routes.append(route("-main", alternatives.main, main)) }
        let last = route("", only, split(main, other, canary.rules))
        if let last { noteWeight(of: last, canary) }
        routes.append(last)
        return routes.compactMap { $0 }
    }

    private func forward(to service: IngressResource.Service, _ template: IngressTemplate) -> Route.Forward? {
        guard let backend = conversion.backends.use(service.reference, at: service.position, template.settings.apply)
        else { return nil }
        var forward = Route.Forward(backends: [Route.WeightedBackend(backend: backend, label: backend)])
        forward.whenDown = .fail
        forward.sticky = template.sticky
        forward.mirrors = template.mirrors
        return forward
    }

    /// One canary is that of every path of its Ingress, and has one weight for all of them.
    private func noteWeight(of route: Route, _ canary: IngressHosts.Canary) {
        guard canary.rules.weight != nil, let node = canary.ingress.annotations.node("canary-weight") else { return }
        let owner = conversion.weights.owner(named: canary.ingress.manifest.title)
        conversion.weights.add(
            route.name, WeightTable.Source(owner: owner, writing: .canary(node, total: canary.rules.total)))
    }

    private func split(_ main: Route.Forward?, _ other: Route.Forward?, _ rules: IngressCanary) -> Route.Forward? {
        guard let weight = rules.weight, var main, let other else { return main }
        main.backends[0].weight = rules.total - weight
        main.backends += other.backends
        main.backends[1].weight = weight
        return main
    }
}

/// Answers of the gateway itself.
extension IngressRoutes {
    private func appRoot(_ path: IngressHosts.Path, _ host: IngressHosts.Host) -> Route? {
        guard let redirect = path.ingress.policies.appRoot() else { return nil }
        var match = Match()
        match.path = .exact("/")
        return IngressTemplate.bare(name(path.ingress, "app-root"), host, [match], .redirect(redirect))
    }

    /// One route where all of a host goes there.
    private func redirectsToHTTPS(
        _ matches: [(path: IngressHosts.Path, match: Match)], _ host: IngressHosts.Host
    ) -> [Route] {
        let secure = matches.filter { path, _ in
            path.ingress.policies.redirectsToHTTPS(isSecure: path.ingress.isSecure(host.names[0]))
        }
        guard let first = secure.first?.path.ingress else { return [] }
        warnWithoutTLS(first)
        let alternatives = (secure.count == matches.count ? [Match()] : secure.map(\.match)).map { match in
            var match = match
            match.scheme = .http
            return match
        }
        var redirect = Route.Redirect()
        redirect.scheme = .https
        return [IngressTemplate.bare(name(first, "https"), host, alternatives, .redirect(redirect))]
    }

    private func warnWithoutTLS(_ ingress: IngressResource) {
        let listeners = conversion.native.listeners
        guard !listeners.isEmpty, listeners.allSatisfy({ $0.tls == nil }) else { return }
        report.warning(
            ingress.annotations.position(of: "force-ssl-redirect") ?? ingress.manifest.position,
            "clients that speak http are sent to https, and no listener speaks it: give one 'tls', or write 'ssl-redirect: "
                + "\"false\"'")
    }

    /// `from-to-www-redirect`: the same name with or without `www.` in front, if no Ingress has it.
    private func redirectsToOtherNames(_ hosts: [IngressHosts.Host]) -> [Route] {
        var known = Set(hosts.flatMap(\.names))
        var routes: [Route] = []
        for host in hosts {
            guard let path = host.paths.first(where: { $0.ingress.annotations.flag("from-to-www-redirect") == true })
            else { continue }
            for name in host.names where path.ingress.hosts.contains(name) && !name.isEmpty && !name.hasPrefix("*.") {
                let other = name.hasPrefix("www.") ? String(name.dropFirst(4)) : "www." + name
                guard known.insert(other).inserted, HostName.isValid(other) else { continue }
                var redirect = Route.Redirect()
                redirect.host = name
                let source = IngressHosts.Host(names: [other])
                routes.append(
                    IngressTemplate.bare(self.name(path.ingress, "www"), source, [], .redirect(redirect)))
            }
        }
        return routes
    }

    /// A host whose paths do not take everything ends in 404: without it, a wildcard or an Ingress for any host would get what
    /// is left, which ingress-nginx does not do.
    private func ending(_ host: IngressHosts.Host, before others: ArraySlice<IngressHosts.Host>) -> Route? {
        let takesAll = host.fallback != nil || host.paths.contains { $0.path.text == "/" && $0.path.type != .exact }
        let isShadowing = others.contains { other in
            let name = other.names[0]
            guard !name.isEmpty else { return true }
            return name.hasPrefix("*.") && host.names.contains { $0.hasSuffix(name.dropFirst()) }
        }
        guard !takesAll, isShadowing, let ingress = host.paths.first?.ingress else { return nil }
        let response = Route.FixedResponse(status: 404)
        return IngressTemplate.bare(name(ingress, "rest"), host, [], .respond(response))
    }
}

extension IngressResource {
    /// Whether it makes every path of its hosts an expression.
    fileprivate func wantsRegex(for path: Path) -> Bool {
        if annotations.flag("use-regex") == true { return true }
        guard let target = annotations.text("rewrite-target") else { return false }
        return target != path.text
    }
}
