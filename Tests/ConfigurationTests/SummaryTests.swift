import Base
import Configuration
import Testing

/// What the dashboard says of a route in a line.
@Suite struct SummaryTests {
    @Test func aMatchIsOneLine() throws {
        var match = Match()
        match.method = "POST"
        match.path = .prefix("/v2/models")
        match.headers = [.init(name: "x-tenant", value: .exact("gold"))]
        #expect(match.summary == "POST /v2/models/*, x-tenant exact gold")
        match = Match()
        match.path = .regex(try Pattern("/a|/b"))
        match.scheme = .https
        match.host = .prefix("a.")
        match.port = 8443
        match.withoutHeaders = [.init(name: "x-debug", value: .present(true))]
        match.query = [.init(name: "v", value: .exact("2"))]
        match.model = "densenet"
        match.version = "3"
        #expect(
            match.summary
                == "regex /a|/b, https, host prefix a., port 8443, not x-debug present, ?v exact 2, model densenet, version 3"
        )
        match = Match()
        match.path = .startsWith("/v2/mod")
        match.ignoresPathCase = true
        #expect(match.summary == "/v2/mod* in any case")
        match.path = .prefix("/")
        match.ignoresPathCase = false
        #expect(match.summary == "/*")
        #expect(Match().summary == "*")
    }

    @Test(arguments: ["authorization", "Cookie", "x-api-key", "proxy-authorization", "x-auth-token"])
    func credentialsAreNotShown(name: String) throws {
        var match = Match()
        let values: [Match.ValueMatch] = [
            .exact("hunter2"), .prefix("hunter2"), .regex(try Pattern("hunter2.*")),
        ]
        match.headers = values.map { .init(name: name, value: $0) }
        match.query = values.map { .init(name: name, value: $0) }
        match.withoutHeaders = values.map { .init(name: name, value: $0) }
        #expect(!match.summary.contains("hunter2"))
        #expect(match.summary.contains("\(name) exact …"))
    }

    @Test func valuesAreShortAndVisible() {
        var match = Match()
        match.headers = [.init(name: "a", value: .exact(String(repeating: "x", count: 5000)))]
        match.model = "\u{1B}[31m\u{202E}"
        match.version = ""
        #expect(
            match.summary == "a exact \(String(repeating: "x", count: 120))…, model \u{FFFD}[31m\u{FFFD}, version \"\"")
    }

    @Test func policiesAreListedAsTheyAreApplied() {
        var route = Route(name: "a", action: .respond(.init(status: 200)))
        #expect(route.policyKeys.isEmpty)
        route.basicAuth = Route.BasicAuth()
        route.rateLimit = Route.RateLimit(requests: 1, per: .seconds(1), burst: 1)
        route.priority = .high
        #expect(route.policyKeys == ["basicAuth", "rateLimit", "priority"])
        route.rateLimit?.key = .clientAddress
        route.cors = Route.CORS()
        #expect(route.policyKeys == ["cors", "rateLimit", "basicAuth", "priority"])
        var forward = Route.Forward(backends: [])
        forward.sticky = .clientAddress
        forward.whenDown = .fail
        route.action = .forward(forward)
        route.idleTimeout = nil
        #expect(route.policyKeys.suffix(3) == ["idleTimeout", "sticky", "whenDown"])
    }
}
