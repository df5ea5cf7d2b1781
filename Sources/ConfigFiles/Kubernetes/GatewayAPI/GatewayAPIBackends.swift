import Configuration

/// Where a rule's requests go, and how long and how often that is tried.
extension GatewayAPIRoutes {
    /// Shares are compared with each other; more than this the API does not take.
    private static let weights = 0...1_000_000

    /// The route of a rule, without name, hosts and matches; `nil` after a report.
    func route(_ rule: Fields, _ filters: GatewayAPIFilters, _ manifest: Manifest) -> Route? {
        if let redirect = filters.redirect {
            for key in rule.written(["backendRefs", "retry", "sessionPersistence"].filter(rule.schema.fields.contains))
            {
                report.error(
                    rule.position(of: key), "'\(key)' means nothing beside a RequestRedirect, leave one of them out")
            }
            for (type, position) in filters.positions where ["RequestMirror", "RequestHeaderModifier"].contains(type) {
                report.error(position, "a \(type) means nothing beside a RequestRedirect, leave one of them out")
            }
            return finished(Route(name: "", action: .redirect(redirect)), filters)
        }
        let session = rule.fields("sessionPersistence", .sessionPersistence).flatMap(session)
        guard let entries = entries(rule, manifest, session) else { return nil }
        guard entries.contains(where: { $0.weight > 0 }) else {
            return finished(unserved(manifest, rule.position), filters)
        }
        var forward = Route.Forward(backends: entries)
        forward.whenDown = .fail
        forward.mirrors = mirrors(filters, rule)
        forward.sticky = session.map { .cookie($0.cookie, ttl: $0.age) }
        var route = Route(name: "", action: .forward(forward))
        route.requestHeaders = filters.requestHeaders
        route.rewrite = filters.rewrite
        return finished(route, filters)
    }

    private func finished(_ route: Route, _ filters: GatewayAPIFilters) -> Route {
        var route = route
        route.responseHeaders = filters.responseHeaders
        route.cors = filters.cors
        return route
    }

    /// "All traffic which matches this rule MUST receive a 500 status code", and calls UNAVAILABLE, which is what clients make
    /// of 503 (gRPC, "HTTP to gRPC Status Code Mapping").
    func unserved(_ manifest: Manifest, _ position: Position) -> Route {
        let status = manifest.kind == .grpcRoute ? 503 : 500
        report.warning(
            position, "this rule has no backend with a weight above 0, so its requests are answered \(status)")
        return Route(name: "", action: .respond(Route.FixedResponse(status: status)))
    }

    /// `nil` after a report.
    private func entries(_ rule: Fields, _ manifest: Manifest, _ session: Session?) -> [Route.WeightedBackend]? {
        var entries: [Route.WeightedBackend] = []
        var isComplete = true
        let schema: FieldSchema = manifest.kind == .grpcRoute ? .grpcRouteFilter : .httpRouteFilter
        for item in rule.list("backendRefs", .backendReference) {
            let weight = item.integer("weight", in: Self.weights)
            let filters = filters(item, manifest, schema, matches: nil)
            guard let backend = backend(item, manifest, session) else {
                isComplete = false
                continue
            }
            var entry = Route.WeightedBackend(backend: backend, label: backend, weight: weight ?? 1)
            entry.requestHeaders = filters.requestHeaders
            entry.responseHeaders = filters.responseHeaders
            entries.append(entry)
        }
        return isComplete ? entries : nil
    }

    /// The stand-in for a backend; `nil` after a report.
    private func backend(_ fields: Fields, _ manifest: Manifest, _ session: Session?) -> String? {
        let group = fields.text("group") ?? ""
        let kind = fields.text("kind") ?? "Service"
        guard group.isEmpty, kind == "Service" else {
            report.error(
                fields.position(of: fields.has("kind") ? "kind" : "group"),
                "only a Service is known here, not a \(Wording.quoted(group.isEmpty ? kind : "\(kind).\(group)")), write "
                    + "the Service in front of it")
            return nil
        }
        guard let name = required("name", fields) else { return nil }
        guard HostName.isValid(name), !name.contains(".") else {
            report.error(
                fields.valuePosition(of: "name"),
                "\(Wording.quoted(name)) is not the name of a Service, write it without its namespace or domain")
            return nil
        }
        guard let port = fields.integer("port", in: Bounds.port), let port = UInt16(exactly: port) else {
            if !fields.has("port") { report.error(fields.position, "a Service needs a port, write 'port: 80'") }
            return nil
        }
        let namespace = fields.text("namespace") ?? manifest.namespace
        guard HostName.isValid(namespace), !namespace.contains(".") else {
            report.error(fields.valuePosition(of: "namespace"), "\(Wording.quoted(namespace)) is no namespace")
            return nil
        }
        if namespace != manifest.namespace {
            report.note(
                fields.position(of: "namespace"),
                "a cluster would want a ReferenceGrant in \(Wording.quoted(namespace)), and nobody asks for one here")
        }
        let service = ServiceReference(host: name, namespace: namespace, port: port)
        return conversion.backends.use(service, at: fields.position) { backend in
            // The API leaves open how a Service is spoken to; calls need HTTP/2.
            if manifest.kind == .grpcRoute { backend.protocol = .http2 }
            if let session { backend.balance = .hash(.cookie(session.cookie)) }
        }
    }

    func mirror(_ fields: Fields, _ manifest: Manifest) -> Route.Mirror? {
        guard let reference = fields.fields("backendRef", .mirroredReference) else {
            if !fields.has("backendRef") {
                report.error(fields.position, "'requestMirror' needs a 'backendRef', add it")
            }
            return nil
        }
        guard let backend = backend(reference, manifest, nil) else { return nil }
        var mirror = Route.Mirror(backend: backend)
        if fields.has("percent"), fields.has("fraction") {
            report.error(
                fields.position(of: "fraction"), "'requestMirror' has both 'percent' and 'fraction', keep one of them")
        }
        fields.integer("percent", in: 0...100).map { mirror.percent = Double($0) }
        if let fraction = fields.fields("fraction", .fraction) {
            let denominator = fraction.integer("denominator", in: 1...Int(Int32.max)) ?? 100
            if let numerator = fraction.integer("numerator", in: 0...denominator) {
                mirror.percent = Double(numerator) * 100 / Double(denominator)
            } else if !fraction.has("numerator") {
                report.error(fraction.position, "'fraction' needs a 'numerator', add it")
            }
        }
        return mirror
    }

    /// Each Service once: a route's mirrors are told apart by their backends.
    private func mirrors(_ filters: GatewayAPIFilters, _ rule: Fields) -> [Route.Mirror] {
        if Set(filters.mirrors.map(\.backend)).count < filters.mirrors.count {
            report.error(
                filters.positions["RequestMirror"] ?? rule.position,
                "this rule mirrors to one Service twice, keep one of them")
        }
        return filters.mirrors
    }

    func timeouts(_ rule: Fields, _ route: inout Route) {
        let timeouts = rule.fields("timeouts", .httpRouteTimeouts)
        let request = timeouts?.duration("request", in: Bounds.timeoutOrNone).flatMap { $0 == .zero ? nil : $0 }
        let attempt = timeouts?.duration("backendRequest", in: Bounds.timeoutOrNone).flatMap { $0 == .zero ? nil : $0 }
        if let request, let attempt, attempt > request, let timeouts {
            report.error(
                timeouts.valuePosition(of: "backendRequest"),
                "'backendRequest' must be no more than 'request', which ends the whole of it")
        }
        route.timeout = request
        if let retry = rule.fields("retry", .httpRouteRetry), let retries = retries(retry) {
            route.retries = retries
            route.retries?.perTryTimeout = attempt
            if attempt != nil, let timeouts {
                report.note(
                    timeouts.position(of: "backendRequest"),
                    "'backendRequest' ends a try whose answer has not begun; one that has begun is bounded by 'request'"
                )
            }
        } else if let attempt {
            // There is one try, so its time is that of the whole.
            route.timeout = attempt
        }
    }

    /// `nil` where nothing is tried again.
    private func retries(_ fields: Fields) -> Route.Retries? {
        var retries = Route.Retries()
        let attempts = fields.integer("attempts", in: 0...Bounds.retryAttempts.upperBound)
        guard attempts != 0 else { return nil }
        retries.attempts = attempts ?? retries.attempts
        // "Implementations SHOULD retry on connection errors (disconnect, reset, timeout, TCP failure)."
        retries.on = [.connectFailure, .refusedStream, .reset, .timeout]
        for item in fields.items("codes") {
            guard let text = item.text, let code = Int(text), Bounds.retryStatus.contains(code) else {
                let range = "\(Bounds.retryStatus.lowerBound) to \(Bounds.retryStatus.upperBound)"
                report.error(item.position, "an item of 'codes' must be a status from \(range)")
                continue
            }
            if !retries.on.contains(.status(code)) { retries.on.append(.status(code)) }
        }
        report.note(
            fields.position,
            "requests that may not be safe to repeat, such as POST, are sent again only if no endpoint has seen them")
        return retries
    }

    /// A cookie that keeps a client at one backend, and there at one address.
    struct Session {
        var cookie: String
        /// Until the browser is closed, if `nil`.
        var age: Duration?
    }

    /// `nil` after a report.
    private func session(_ fields: Fields) -> Session? {
        guard fields.choice("type", [("Cookie", true)]) == true || !fields.has("type") else { return nil }
        let cookie = fields.fields("cookie", .sessionCookie)
        let name = cookie?.text("name") ?? "sluice-session"
        guard HeaderText.isToken(name) else {
            report.error(
                cookie?.valuePosition(of: "name") ?? fields.position,
                "\(Wording.quoted(name)) is no name of a cookie, write one such as session")
            return nil
        }
        if let cookie, let path = cookie.text("path"), path != "/" {
            report.error(
                cookie.valuePosition(of: "path"), "'path' cannot be honoured: the cookie is for '/', leave it out")
        }
        let isPermanent = cookie?.choice("lifetimeType", [("Session", false), ("Permanent", true)]) ?? false
        let age = fields.duration("absoluteTimeout", in: Bounds.cookieAge)
        if let age, age.components.attoseconds != 0 {
            report.error(
                fields.valuePosition(of: "absoluteTimeout"),
                "'absoluteTimeout' must be whole seconds, which is how browsers are told")
        }
        if isPermanent, !fields.has("absoluteTimeout") {
            report.error(fields.position, "a Permanent cookie needs 'absoluteTimeout', add it")
        } else if !isPermanent, fields.has("absoluteTimeout") {
            report.error(
                fields.position(of: "absoluteTimeout"),
                "'absoluteTimeout' is that of the cookie here, write 'lifetimeType: Permanent' or leave it out")
        }
        report.warning(
            fields.position,
            "a session keeps to one address of a Service's name; where that is a ClusterIP the cluster chooses the pod, so "
                + "name a headless Service")
        return Session(cookie: name, age: isPermanent ? age : nil)
    }
}
