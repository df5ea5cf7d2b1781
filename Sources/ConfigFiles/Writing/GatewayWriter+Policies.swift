import Base
import Configuration

/// The policies of a route.
extension GatewayWriter {
    func cors(_ cors: Route.CORS) -> YAMLOutline {
        func texts(_ texts: [String]) -> YAMLOutline? { texts.isEmpty ? nil : .texts(texts) }
        return .mapping([
            ("allowOrigins", cors.allowOrigins.isEmpty ? nil : .list(cors.allowOrigins.map(origin))),
            ("allowMethods", texts(cors.allowMethods)), ("allowHeaders", texts(cors.allowHeaders)),
            ("exposeHeaders", texts(cors.exposeHeaders)),
            ("allowCredentials", cors.allowCredentials ? .word(true) : nil), ("maxAge", cors.maxAge.map(Self.duration)),
            ("unmatchedPreflights", cors.forwardsUnmatchedPreflights ? .word("forward") : nil),
        ])
    }

    private func origin(_ origin: Route.CORS.OriginMatch) -> YAMLOutline {
        switch origin {
        case .any: .text("*")
        case .exact(let text): .text(text)
        case .wildcard(let prefix, let suffix): .text("\(prefix)*\(suffix)")
        case .startsWith(let text): .mapping([("startsWith", .text(text))])
        case .regex(let pattern): .mapping([("regex", .text(pattern.source))])
        }
    }

    /// Users of a file are written like the others: which are which is not known any more.
    func basicAuth(_ auth: Route.BasicAuth) -> YAMLOutline {
        .mapping([
            ("realm", Self.unless(Route.BasicAuth().realm, auth.realm) { .text($0) }), ("users", users(auth.users)),
            ("allow", auth.allow.map { .texts($0) }), ("forwardUser", auth.forwardUser.map { .text($0) }),
            ("forwardAuthorization", auth.forwardAuthorization ? .word(true) : nil),
        ])
    }

    /// Likewise.
    func login(_ login: AdminSurface.Login) -> YAMLOutline {
        .mapping([
            ("realm", Self.unless(AdminSurface.Login().realm, login.realm) { .text($0) }),
            ("users", users(login.users)),
        ])
    }

    private func users(_ users: [String: String]) -> YAMLOutline {
        YAMLOutline.mapping(users.sorted { $0.key < $1.key }.map { ($0.key, .text($0.value)) }).opened
    }

    func rateLimit(_ limit: Route.RateLimit) -> YAMLOutline {
        .mapping([
            ("requests", .word(limit.requests)), ("per", Self.duration(limit.per)),
            ("burst", Self.unless(limit.requests, limit.burst) { .word($0) }),
            ("key", key(limit.key)),
        ])
    }

    private func key(_ key: Route.RateLimit.Key) -> YAMLOutline? {
        switch key {
        case .route: nil
        case .user: .word("user")
        case .clientAddress: .word("clientAddress")
        case .header(let name): .text("header:\(name)")
        }
    }

    func retries(_ retries: Route.Retries) -> YAMLOutline {
        let standard = Route.Retries()
        return .mapping([
            ("attempts", .word(retries.attempts)),
            ("on", Self.unless(standard.on, retries.on) { .list($0.map(trigger)) }),
            ("perTryTimeout", retries.perTryTimeout.map(Self.duration)),
            ("budgetPercent", Self.unless(standard.budgetPercent, retries.budgetPercent, Self.percent)),
            ("maxBufferedBytes", Self.unless(standard.maxBufferedBytes, retries.maxBufferedBytes, Self.size)),
            ("inference", retries.inference ? .word(true) : nil),
        ])
    }

    private func trigger(_ trigger: Route.Retries.Trigger) -> YAMLOutline {
        switch trigger {
        case .connectFailure: .word("connectFailure")
        case .refusedStream: .word("refusedStream")
        case .reset: .word("reset")
        case .timeout: .word("timeout")
        case .status(let status): .word(status)
        }
    }

    func tritonParameters(_ parameters: Route.TritonParameters) -> YAMLOutline {
        let priority =
            switch parameters.priority {
            case .route: YAMLOutline.word("route")
            case .level(let level): YAMLOutline.word(Int(level))
            case nil: nil as YAMLOutline?
            }
        let timeout =
            switch parameters.timeout {
            case .route: YAMLOutline.word("route")
            case .fixed(let span): Self.duration(span)
            case nil: nil as YAMLOutline?
            }
        let users = parameters.userPriorities.sorted { $0.key < $1.key }.map {
            ($0.key, YAMLOutline.word(Int($0.value)))
        }
        return .mapping([
            ("priority", priority), ("users", users.isEmpty ? nil : .mapping(users)), ("timeout", timeout),
        ])
    }

    func fault(_ fault: Route.Fault) -> YAMLOutline {
        .mapping([
            (
                "delay",
                fault.delay.map {
                    .mapping([
                        ("percent", Self.unless(100, $0.percent, Self.percent)),
                        ("duration", Self.duration($0.duration)),
                    ])
                }
            ), ("abort", fault.abort.map(abort)),
        ])
    }

    private func abort(_ abort: Route.Fault.Abort) -> YAMLOutline {
        let (key, value) =
            switch abort.answer {
            case .status(let status): ("status", status)
            case .grpcStatus(let status): ("grpcStatus", status)
            }
        return .mapping([("percent", Self.unless(100, abort.percent, Self.percent)), (key, .word(value))])
    }
}
