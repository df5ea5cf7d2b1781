import Configuration

/// Converts manifests into routes and backends, and is what the kinds of manifests have in common while that is done.
///
/// Each kind of API has a reader with one entry point, `routes(_:)`, in a folder of its own: `Istio`, `GatewayAPI` and
/// `Ingress`. It takes its manifests from `manifests`, reads each `spec` with a `FieldSchema`, and makes routes in the order of
/// matching:
///
///     for manifest in conversion.manifests.ofKinds(.httpRoute) {
///         guard let spec = manifest.spec(.httpRouteSpec, report) else { continue }
///         for (index, rule) in spec.list("rules", .httpRouteRule).enumerated() {
///             let service = ServiceReference(host: "echo", namespace: manifest.namespace, port: 80)
///             guard let backend = conversion.backends.use(service, at: rule.position) else { continue }
///             var forward = Route.Forward(backends: [Route.WeightedBackend(backend: backend, label: backend)])
///             forward.whenDown = .fail
///             routes.append(Route(name: conversion.routeName(manifest, "\(index)"), action: .forward(forward)))
///         }
///     }
final class ManifestConversion {
    let manifests: ManifestSet
    let sources: SourceFiles
    let weights: WeightTable
    let report: Report
    let backends: ManifestBackends
    /// What is written beside the manifests.
    let native: Gateway
    /// By the names of routes.
    private(set) var origins: [String: ManifestOrigin] = [:]
    private(set) lazy var destinationRules = DestinationRules(self)
    private var routeNames: UniqueNames
    private var usedSecrets: Set<String> = []

    init(
        _ manifests: ManifestSet, sources: SourceFiles, weights: WeightTable, native: Gateway, report: Report
    ) {
        self.manifests = manifests
        self.sources = sources
        self.weights = weights
        self.native = native
        self.report = report
        backends = ManifestBackends(native: native, report: report)
        routeNames = UniqueNames(taken: Set(native.routes.map(\.name)))
    }

    /// Adds routes and backends behind the native ones: the kinds of API in the order in which they appear first.
    func add(to gateway: inout Gateway) {
        let rules = destinationRules
        backends.policies = rules.apply
        var routes: [Route] = []
        var done: Set<String> = []
        for manifest in manifests.all {
            guard let (api, read) = reader(of: manifest.kind), done.insert(api).inserted else { continue }
            routes += read()
        }
        rules.warnAboutUnused()
        warnAboutUnusedSecrets()
        gateway.backends += backends.finish(&routes)
        gateway.routes += routes
    }

    private func reader(of kind: Manifest.Kind) -> (api: String, routes: () -> [Route])? {
        switch kind {
        case .virtualService: ("Istio", VirtualServices(self).routes)
        case .httpRoute, .grpcRoute: ("Gateway API", GatewayAPIRoutes(self).routes)
        case .ingress: ("Ingress", Ingresses(self).routes)
        case .destinationRule, .secret: nil
        }
    }

    /// `namespace/name/rule`, with a number behind it if there is such a route.
    ///
    /// - Parameter rule: the rule's own name or its index.
    func routeName(_ manifest: Manifest, _ rule: String) -> String {
        let name = routeNames.take("\(manifest.namespace)/\(manifest.name)/\(rule)")
        origins[name] = ManifestOrigin(kind: manifest.kind.rawValue, name: "\(manifest.namespace)/\(manifest.name)")
        return name
    }

    /// The Secret of a name, if the files hold it.
    func secret(_ name: String, namespace: String) -> Manifest? {
        let secret = manifests.find(.secret, name, namespace: namespace)
        if let secret { usedSecrets.insert(secret.title) }
        return secret
    }

    /// Says nothing while there are errors: the manifest that should use it may be what is wrong.
    private func warnAboutUnusedSecrets() {
        guard !report.hasErrors else { return }
        for secret in manifests.ofKinds(.secret) where !usedSecrets.contains(secret.title) {
            report.warning(secret.position, "no Ingress uses the \(secret.title), leave it out")
        }
    }
}
