import Base
import Configuration

/// A route, its keys in the order of docs/configuration.md.
extension GatewayWriter {
    func route(_ route: Route) -> YAMLOutline {
        var pairs: [(String, YAMLOutline?)] = [
            ("name", .text(route.name)), ("hosts", route.hosts.isEmpty ? nil : .texts(route.hosts)),
            ("match", matches(route.match)),
        ]
        // What is said of endpoints means nothing where the gateway answers itself, and is refused there.
        var forwarded: Route?
        switch route.action {
        case .forward(let forward):
            forwarded = route
            pairs += self.forward(forward)
        case .redirect(let redirect): pairs.append(("redirect", self.redirect(redirect)))
        case .respond(let response): pairs.append(("respond", respond(response)))
        }
        pairs += [
            ("denyFrom", Self.networks(route.denyFrom)), ("allowFrom", Self.networks(route.allowFrom)),
            ("cors", route.cors.map(cors)), ("basicAuth", route.basicAuth.map(basicAuth)),
            ("rateLimit", route.rateLimit.map(rateLimit)), ("rewrite", forwarded?.rewrite.map(rewrite)),
            ("requestHeaders", forwarded.flatMap { headerOperations($0.requestHeaders) }),
            ("responseHeaders", headerOperations(route.responseHeaders)),
            ("priority", forwarded.flatMap { Self.unless(.normal, $0.priority) { .word($0.rawValue) } }),
            ("timeout", route.timeout.map(Self.duration)),
            ("idleTimeout", Self.unless(.seconds(300), route.idleTimeout, Self.durationOrZero)),
            ("maxBodySize", route.maxBodySize.map { .word(SizeText.format($0)) }),
            ("retries", forwarded?.retries.map(retries)), ("fault", forwarded?.fault.map(fault)),
            ("tritonParameters", forwarded?.tritonParameters.map(tritonParameters)),
            ("fanOut", forwarded?.fanOut == true ? .word(true) : nil),
        ]
        return .mapping(pairs)
    }

    private func forward(_ forward: Route.Forward) -> [(String, YAMLOutline?)] {
        [
            ("backends", entries(forward.backends)),
            ("whenDown", Self.unless(.spill, forward.whenDown) { .word($0.rawValue) }),
            ("sticky", forward.sticky.map(sticky)),
            ("mirrors", forward.mirrors.isEmpty ? nil : .list(forward.mirrors.map(mirror))),
        ]
    }

    private func entries(_ entries: [Route.WeightedBackend]) -> YAMLOutline {
        // Shares are read side by side: all are written, or none.
        let hasShares = entries.contains { $0.weight != 1 }
        return .list(
            entries.map { entry in
                .mapping([
                    ("name", .text(entry.backend)), ("weight", hasShares ? .word(entry.weight) : nil),
                    ("as", Self.unless(entry.backend, entry.label) { .text($0) }),
                    ("model", entry.model.map { .text($0) }), ("version", entry.version.map { .text($0) }),
                    ("requestHeaders", headerOperations(entry.requestHeaders)),
                    ("responseHeaders", headerOperations(entry.responseHeaders)),
                ])
            })
    }

    private func mirror(_ mirror: Route.Mirror) -> YAMLOutline {
        let standard = Route.Mirror(backend: mirror.backend)
        return .mapping([
            ("backend", .text(mirror.backend)),
            ("percent", Self.unless(standard.percent, mirror.percent, Self.percent)),
            ("maxInFlight", Self.unless(standard.maxInFlight, mirror.maxInFlight) { .word($0) }),
            ("maxBufferedBytes", Self.unless(standard.maxBufferedBytes, mirror.maxBufferedBytes, Self.size)),
            ("timeout", Self.unless(standard.timeout, mirror.timeout, Self.duration)),
            ("requestHeaders", headerOperations(mirror.requestHeaders)),
        ])
    }

    private func sticky(_ sticky: Route.Sticky) -> YAMLOutline {
        switch sticky {
        case .header(let name): .mapping([("header", .text(name))])
        case .cookie(let name, let ttl): .mapping([("cookie", .text(name)), ("ttl", ttl.map(Self.duration))])
        case .clientAddress: .mapping([("clientAddress", .word(true))])
        }
    }

    private func respond(_ response: Route.FixedResponse) -> YAMLOutline {
        .mapping([
            ("status", .word(response.status)),
            (
                "headers",
                response.headers.isEmpty ? nil : .mapping(response.headers.map { ($0.name, .text($0.value)) })
            ),
            ("body", Self.unless("", response.body) { .text($0) }),
        ])
    }

    private func redirect(_ redirect: Route.Redirect) -> YAMLOutline {
        .mapping(
            [
                ("scheme", redirect.scheme.map { .word($0.rawValue) }), ("host", redirect.host.map { .text($0) }),
                (
                    "port",
                    redirect.port.map { port in
                        switch port {
                        case .number(let number): .word(Int(number))
                        case .ofScheme: .word("scheme")
                        case .ofRequest: .word("request")
                        }
                    }
                ),
            ] + path(redirect.path) + [("code", Self.unless(308, redirect.code) { .word($0) })])
    }

    private func rewrite(_ rewrite: Route.Rewrite) -> YAMLOutline {
        .mapping(path(rewrite.path) + [("host", rewrite.host.map { .text($0) })])
    }

    private func path(_ path: Route.PathRewrite?) -> [(String, YAMLOutline?)] {
        switch path {
        case .full(let path): [("path", .text(path))]
        case .prefix(let prefix): [("prefix", .text(prefix))]
        case .regex(let pattern, let replacement):
            [("regex", .mapping([("match", .text(pattern.source)), ("replace", .text(replacement))]))]
        case nil: []
        }
    }
}
