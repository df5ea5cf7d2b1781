import Base
import Configuration
import Traffic

/// The policies of a route that most routes have none of, compiled.
final class RoutePolicies {
    let access: AccessRules?
    let cors: CORSPolicy?
    let rateLimit: RouteRateLimit?
    let allowedUsers: Set<[UInt8]>?
    /// The header that tells endpoints who the user is.
    let forwardUser: [UInt8]?
    let pathRewriter: PathRewriter?
    /// Kept where something depends on which of them took the request.
    let alternatives: RouteAlternatives?
    /// The `Host` that endpoints see; empty for the client's.
    let host: [UInt8]
    let answerEdits: HeaderEdits?
    let sticky: RouteSticky?
    let fault: Route.Fault?
    let parameters: ParameterRule?
    let fansOut: Bool

    /// - Returns: `nil` for a route that has none.
    init?(_ resolved: ResolvedRoute) {
        let route = resolved.route
        access = AccessRules(deny: route.denyFrom, allow: route.allowFrom)
        cors = route.cors.map(CORSPolicy.init)
        rateLimit = RouteRateLimit(resolved)
        allowedUsers = route.basicAuth?.allow.map { Set($0.map { Array($0.utf8) }) }
        forwardUser = route.basicAuth?.forwardUser.map { Array($0.utf8) }
        host = Array((route.rewrite?.host ?? "").utf8)
        answerEdits = HeaderEdits([route.responseHeaders])
        fault = route.fault
        parameters = ParameterRule(route)
        fansOut = route.fanOut
        pathRewriter = route.rewrite?.path.flatMap { PathRewriter($0) }
        var path = route.rewrite?.path
        if case .redirect(let redirect) = route.action { path = redirect.path }
        if case .prefix = path { alternatives = RouteAlternatives(route) } else { alternatives = nil }
        if case .forward(let forward) = route.action { sticky = RouteSticky(forward) } else { sticky = nil }
        let hasAccess = access != nil || cors != nil || rateLimit != nil || allowedUsers != nil || forwardUser != nil
        let hasRewriting = pathRewriter != nil || !host.isEmpty || answerEdits != nil
        guard
            hasAccess || hasRewriting || alternatives != nil || sticky != nil || fault != nil || parameters != nil
                || fansOut
        else { return nil }
    }
}

/// A route's rate limit as one loop sees it.
struct RouteRateLimit {
    enum Key {
        case route, clientAddress, user
        case header([UInt8])
    }

    let key: Key
    /// Shared by all loops.
    let limiter: RateLimiter

    init?(_ resolved: ResolvedRoute) {
        guard let limit = resolved.route.rateLimit, let limiter = resolved.rateLimiter else { return nil }
        switch limit.key {
        case .route: key = .route
        case .clientAddress: key = .clientAddress
        case .user: key = .user
        case .header(let name): key = .header(Array(name.utf8))
        }
        self.limiter = limiter
    }

    /// Whoever comes too often costs no password to check.
    var comesBeforeCredentials: Bool { if case .clientAddress = key { true } else { false } }

    func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 { limiter.key(bytes) }

    func hash(_ address: IPAddress) -> UInt64 { limiter.key(address) }
}

/// What keeps a client on one side of a route's split.
struct RouteSticky {
    enum Key {
        case header([UInt8])
        case cookie([UInt8])
        case clientAddress
    }

    let key: Key
    /// How long the cookie lives; `nil` for as long as the browser runs.
    let cookieSeconds: UInt64?
    let split: StickySplit

    init?(_ forward: Route.Forward) {
        guard let sticky = forward.sticky else { return nil }
        var seconds: UInt64?
        switch sticky {
        case .header(let name): key = .header(Array(name.utf8))
        case .clientAddress: key = .clientAddress
        case .cookie(let name, let ttl):
            key = .cookie(Array(name.utf8))
            seconds = ttl.map { UInt64(max($0.components.seconds, 1)) }
        }
        cookieSeconds = seconds
        split = StickySplit(forward.backends.map { ($0.label, $0.weight) })
    }
}
