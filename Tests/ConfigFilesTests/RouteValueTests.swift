import Base
import Configuration
import Testing

@testable import ConfigFiles

/// What comes out of the keys of a route.
@Suite struct RouteValueTests {
    private func route(_ body: String) throws -> Route {
        let scratch = try ScratchDirectory([
            "sluice.yaml": """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000] } }
            routes: [{ name: b, match: [{ port: 1 }], backends: [{ name: stable }] }, { name: a, \(body) }]
            """
        ])
        let outcome = scratch.load()
        #expect(scratch.lines(outcome) == [])
        return try #require(outcome.gateway?.routes.last)
    }

    private func forward(_ body: String) throws -> Route.Forward {
        guard case .forward(let forward) = try route(body).action else { throw NoForward() }
        return forward
    }

    private struct NoForward: Error {}

    private func header(_ name: String, _ value: String) throws -> HeaderOperations.Field {
        HeaderOperations.Field(name: name, value: try HeaderTemplate(value))
    }

    @Test func whatIsNotWrittenIsOff() throws {
        var expected = Route(
            name: "a",
            action: .forward(Route.Forward(backends: [Route.WeightedBackend(backend: "stable", label: "stable")])))
        expected.idleTimeout = .seconds(300)
        #expect(try route("backends: [{ name: stable }]") == expected)
    }

    @Test func matches() throws {
        let match = try route(
            """
            match: [{ path: { prefix: /A/, ignoreCase: true }, host: Models.example.com, scheme: https, port: 8443,
                      withoutHeaders: { X-A: b, x-c: { present: true } } },
                    { host: { prefix: Models- } }, { host: { regex: 'a|b' }, path: { exact: /A, ignoreCase: false } }],
            backends: [{ name: stable }]
            """
        ).match
        var first = Match()
        first.path = .prefix("/A")
        first.ignoresPathCase = true
        first.host = .exact("models.example.com")
        first.scheme = .https
        first.port = 8443
        first.withoutHeaders = [
            Match.NamedMatch(name: "x-a", value: .exact("b")), Match.NamedMatch(name: "x-c", value: .present(true)),
        ]
        var second = Match()
        second.host = .prefix("models-")
        var third = Match()
        third.path = .exact("/A")
        third.host = .regex(try Pattern("a|b"))
        #expect(match == [first, second, third])
    }

    @Test func access() throws {
        let route = try route(
            """
            backends: [{ name: stable }], denyFrom: [10.6.6.6], allowFrom: [10.0.0.0/8, '2001:db8::/32'],
            basicAuth: { users: { zoe: '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', ann: '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' },
                         allow: [zoe, ann], forwardUser: X-User },
            """)
        #expect(route.denyFrom == [try CIDR(parsing: "10.6.6.6/32")])
        #expect(route.allowFrom == [try CIDR(parsing: "10.0.0.0/8"), try CIDR(parsing: "2001:db8::/32")])
        #expect(route.basicAuth?.allow == ["ann", "zoe"] && route.basicAuth?.forwardUser == "x-user")
    }

    @Test func cors() throws {
        let route = try route(
            """
            backends: [{ name: stable }],
            cors: { allowOrigins: ['*', 'https://*.Example.com', 'HTTPS://app.example.com', 'http://localhost:*', 'null',
                                   { startsWith: 'http://Localhost:' }, { regex: 'https://[a-z]+' }],
                    allowMethods: [GET, '*'], allowHeaders: [Content-Type, '*'], exposeHeaders: [X-A], maxAge: 8760h,
                    unmatchedPreflights: forward }
            """)
        var cors = Route.CORS()
        cors.allowOrigins = [
            .any, .wildcard(prefix: "https://", suffix: ".example.com"), .exact("https://app.example.com"),
            .wildcard(prefix: "http://localhost:", suffix: ""), .exact("null"), .startsWith("http://localhost:"),
            .regex(try Pattern("https://[a-z]+")),
        ]
        cors.allowMethods = ["GET", "*"]
        cors.allowHeaders = ["Content-Type", "*"]
        cors.exposeHeaders = ["X-A"]
        cors.maxAge = .seconds(365 * 24 * 3600)
        cors.forwardsUnmatchedPreflights = true
        #expect(route.cors == cors)
        let short = try self.route(
            """
            respond: { status: 200 },
            cors: { allowOrigins: [https://a], allowCredentials: true, unmatchedPreflights: ignore }
            """)
        #expect(short.cors?.allowCredentials == true && short.cors?.forwardsUnmatchedPreflights == false)
        #expect(short.cors?.maxAge == nil)
    }

    @Test(
        arguments: [
            ("requests: 1, per: 1ms", 1, .milliseconds(1), 1, .route),
            ("requests: 10, per: 24h, burst: 1000000000, key: route", 10, .seconds(86400), 1_000_000_000, .route),
            (
                "requests: '1000000000', per: 1s, burst: 1, key: clientAddress", 1_000_000_000, .seconds(1), 1,
                .clientAddress
            ),
            ("requests: 2, per: 1s, key: user", 2, .seconds(1), 2, .user),
            ("requests: 2, per: 1s, key: 'header:X-Tenant'", 2, .seconds(1), 2, .header("x-tenant")),
        ] as [(String, Int, Duration, Int, Route.RateLimit.Key)])
    func rateLimits(_ text: String, requests: Int, per: Duration, burst: Int, key: Route.RateLimit.Key) throws {
        var limit = Route.RateLimit(requests: requests, per: per, burst: burst)
        limit.key = key
        let users = "basicAuth: { users: { ann: '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' } }"
        #expect(try route("backends: [{ name: stable }], \(users), rateLimit: { \(text) }").rateLimit == limit)
    }

    @Test(
        arguments: [
            ("prefix: /b/", .prefix("/b/"), nil),
            ("path: /b%20c, host: B.example.com", .full("/b%20c"), "b.example.com"),
            ("host: 'B.example.com:8080'", nil, "b.example.com:8080"),
            ("host: '::1'", nil, "[::1]"),
            ("host: '[::1]:80'", nil, "[::1]:80"),
        ] as [(String, Route.PathRewrite?, String?)])
    func rewrites(_ text: String, path: Route.PathRewrite?, host: String?) throws {
        var rewrite = Route.Rewrite()
        rewrite.path = path
        rewrite.host = host
        #expect(try route("backends: [{ name: stable }], rewrite: { \(text) }").rewrite == rewrite)
    }

    @Test func rewriteByAPattern() throws {
        let rewrite = try route(
            "backends: [{ name: stable }], rewrite: { regex: { match: '^/(a)(b)?', replace: '/\\0\\2-x' } }"
        ).rewrite
        #expect(rewrite?.path == .regex(try Pattern("^/(a)(b)?"), replacement: "/\\0\\2-x"))
        let nothing = try route("backends: [{ name: stable }], rewrite: { regex: { match: '/a', replace: '' } }")
            .rewrite
        #expect(nothing?.path == .regex(try Pattern("/a"), replacement: ""))
    }

    @Test func redirects() throws {
        var whole = Route.Redirect()
        whole.scheme = .https
        whole.host = "b.example.com"
        whole.port = .number(8443)
        whole.path = .full("/b?c=d")
        whole.code = 301
        let text = "scheme: https, host: B.example.com, port: 8443, path: '/b?c=d', code: 301"
        #expect(try route("redirect: { \(text) }").action == .redirect(whole))
        var prefix = Route.Redirect()
        prefix.path = .prefix("/b")
        prefix.port = .ofRequest
        #expect(try route("redirect: { prefix: /b, port: request }").action == .redirect(prefix))
        var port = Route.Redirect()
        port.port = .ofScheme
        #expect(try route("redirect: { port: scheme }").action == .redirect(port))
        #expect(prefix.code == 308)
    }

    @Test func headers() throws {
        let route = try route(
            """
            backends: [{ name: stable, requestHeaders: { set: { x-a: b } }, responseHeaders: { remove: [X-B] } }],
            mirrors: [{ backend: stable, requestHeaders: { add: { x-c: d } } }],
            requestHeaders: { set: { X-Tenant: gold, x-b: '' }, add: { x-c: "%{user}%%{x} 100%" }, remove: [X-D] },
            responseHeaders: { set: { Server: "%{backend}" } }
            """)
        var expected = HeaderOperations()
        expected.set = [try header("X-Tenant", "gold"), try header("x-b", "")]
        expected.add = [try header("x-c", "%{user}%%{x} 100%")]
        expected.remove = ["x-d"]
        #expect(route.requestHeaders == expected)
        #expect(route.responseHeaders.set == [try header("Server", "%{backend}")])
        guard case .forward(let forward) = route.action else { throw NoForward() }
        #expect(forward.backends[0].requestHeaders.set == [try header("x-a", "b")])
        #expect(forward.backends[0].responseHeaders.remove == ["x-b"])
        #expect(forward.mirrors[0].requestHeaders.add == [try header("x-c", "d")])
    }

    @Test func entries() throws {
        let entries = try forward("backends: [{ name: stable, model: 'a b', version: 1 }, { name: stable, as: b }]")
            .backends
        #expect(entries[0].model == "a b" && entries[0].version == "1")
        #expect(entries[1].model == nil && entries[1].version == nil && entries[1].requestHeaders.isEmpty)
    }

    @Test(
        arguments: [
            ("header: X-User", .header("x-user")),
            ("cookie: Side", .cookie("Side", ttl: nil)),
            ("cookie: Side, ttl: 9600h", .cookie("Side", ttl: .seconds(400 * 24 * 3600))),
            ("clientAddress: true", .clientAddress),
        ] as [(String, Route.Sticky)])
    func sticky(_ text: String, sticky: Route.Sticky) throws {
        #expect(try forward("backends: [{ name: stable }], sticky: { \(text) }").sticky == sticky)
    }

    @Test func faults() throws {
        var both = Route.Fault()
        both.delay = Route.Fault.Delay(percent: 100, duration: .milliseconds(1))
        both.abort = Route.Fault.Abort(percent: 0.5, answer: .status(200))
        #expect(
            try route(
                "backends: [{ name: stable }], fault: { delay: { duration: 1ms }, abort: { percent: 0.5, status: 200 } }"
            )
            .fault == both)
        var abort = Route.Fault()
        abort.abort = Route.Fault.Abort(percent: 100, answer: .grpcStatus(16))
        #expect(try route("backends: [{ name: stable }], fault: { abort: { grpcStatus: 16 } }").fault == abort)
    }
}
