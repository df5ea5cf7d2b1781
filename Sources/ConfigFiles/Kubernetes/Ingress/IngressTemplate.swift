import Configuration

/// What all routes of one Ingress have in common.
struct IngressTemplate {
    var settings: IngressBackendSettings
    let sticky: Route.Sticky?
    let mirrors: [Route.Mirror]
    private var model: Route

    init(_ ingress: IngressResource, _ conversion: ManifestConversion) {
        let policies = ingress.policies
        settings = policies.backendSettings()
        policies.checkCodes()
        policies.annotations.note(
            "affinity-canary-behavior", "'affinity-canary-behavior' is read from the canary, in ingress-nginx too")
        sticky = policies.affinityCookie().map { .cookie($0.name, ttl: $0.lifetime) }
        mirrors = Self.mirrors(policies, conversion)
        model = Route(name: "", action: .respond(Route.FixedResponse(status: 404)))
        model.denyFrom = policies.denyFrom()
        model.allowFrom = policies.allowFrom()
        model.cors = policies.cors()
        model.basicAuth = policies.basicAuth(namespace: ingress.manifest.namespace) {
            conversion.secret($0, namespace: $1)
        }
        model.rateLimit = policies.rateLimit()
        if let host = policies.upstreamHost() {
            var rewrite = Route.Rewrite()
            rewrite.host = host
            model.rewrite = rewrite
        }
        model.requestHeaders = policies.requestHeaders()
        model.idleTimeout = policies.idleTimeout()
        model.maxBodySize = policies.maxBodySize()
        model.retries = policies.retries()
    }

    private static func mirrors(_ policies: IngressPolicies, _ conversion: ManifestConversion) -> [Route.Mirror] {
        guard let target = policies.mirrorTarget() else { return [] }
        let service = ServiceReference(host: target.host, namespace: "", port: target.port)
        let backend = conversion.backends.use(service, at: target.position) { backend in
            if target.isSecure { backend.tls = BackendTLS() }
        }
        return backend.map { [Route.Mirror(backend: $0)] } ?? []
    }

    /// The canary has its own say in how its endpoints are chosen, unless a cookie does that.
    func ofCanary(_ policies: IngressPolicies) -> IngressTemplate {
        var template = self
        let own = ["load-balance", "upstream-hash-by"].contains(where: policies.annotations.has)
        if own, sticky == nil { template.settings.balance = policies.backendSettings().balance }
        if sticky != nil { policies.checkCanaryBehavior() }
        return template
    }

    func route(_ name: String, _ host: IngressHosts.Host, _ match: [Match], _ action: Route.Action) -> Route {
        var route = model
        route.name = name
        route.hosts = host.names == [""] ? [] : host.names
        route.match = match
        route.action = action
        return route
    }

    /// Without any policy: nginx answers so before it asks who somebody is.
    static func bare(_ name: String, _ host: IngressHosts.Host, _ match: [Match], _ action: Route.Action) -> Route {
        var route = Route(name: name, action: action)
        route.hosts = host.names == [""] ? [] : host.names
        route.match = match
        return route
    }
}
