import Base
import Configuration
import HTTP
import Testing
import Traffic

struct CORSPolicyTests {
    private static func cors(
        _ origins: [Route.CORS.OriginMatch], methods: [String] = [], headers: [String] = [], expose: [String] = [],
        credentials: Bool = false, maxAge: Duration? = nil, forwards: Bool = false
    ) -> Route.CORS {
        var cors = Route.CORS()
        cors.allowOrigins = origins
        cors.allowMethods = methods
        cors.allowHeaders = headers
        cors.exposeHeaders = expose
        cors.allowCredentials = credentials
        cors.maxAge = maxAge
        cors.forwardsUnmatchedPreflights = forwards
        return cors
    }

    private func head(_ text: String) throws -> MessageHead {
        let head = MessageHead()
        let parsed = raw(text + "\r\n").withUnsafeBytes { head.parseRequest($0, limit: 1 << 16) }
        guard case .complete = parsed else {
            Issue.record("not parsed")
            return head
        }
        return head
    }

    /// The header of an answer, without a status line; `nil` in front means that the request goes on.
    private func answer(
        _ cors: Route.CORS, method: String = "GET", _ headers: String..., endpoint: [(StaticString, StaticString)] = []
    ) throws -> [String] {
        let lines = headers.map { $0 + "\r\n" }.joined()
        let request = try head("\(method) / HTTP/1.1\r\nHost: h\r\n\(lines)")
        let policy = CORSPolicy(cors)
        let origin = policy.crossOrigin(request)
        let isPreflight = policy.isPreflight(request, from: origin)
        let answer = MessageHead()
        answer.beginAnswer(status: 200, reason: "OK")
        for (name, value) in endpoint { answer.add(name, staticBytes(value)) }
        var scratch = ByteBuffer()
        if isPreflight {
            policy.addPreflightFields(for: origin, of: request, to: answer, scratch: &scratch)
        } else {
            policy.removeFields(from: answer, to: origin)
        }
        policy.addFields(for: origin, of: request, isPreflight: isPreflight, to: answer)
        let fields = (0..<answer.fieldCount).map { "\(shown(answer.name($0))): \(shown(answer.value($0)))" }
        return (isPreflight ? ["preflight"] : []) + fields.map { $0.replacing("Access-Control-", with: "AC-") }
    }

    @Test(
        arguments: [
            (.exact("https://a.example"), "https://a.example", true),
            (.exact("https://a.example"), "HTTPS://A.Example", true),
            (.exact("https://a.example"), "https://a.example:444", false),
            (.exact("https://a.example"), "http://a.example", false),
            (.exact("https://a.example"), "https://a.example.evil", false), (.exact("null"), "null", true),
            (.wildcard(prefix: "https://", suffix: ".a.example"), "https://x.a.example", true),
            (.wildcard(prefix: "https://", suffix: ".a.example"), "https://x.y.a.example", true),
            (.wildcard(prefix: "https://", suffix: ".a.example"), "https://a.example", false),
            (.wildcard(prefix: "https://", suffix: ".a.example"), "https://.a.example", false),
            (.wildcard(prefix: "https://", suffix: ".a.example"), "https://evil/x.a.example", false),
            (.wildcard(prefix: "https://", suffix: ".a.example"), "https://evil:x.a.example", false),
            (.wildcard(prefix: "https://", suffix: ".a.example"), "https://evil@x.a.example", false),
            (.wildcard(prefix: "https://", suffix: ".a.example"), "https://x.a.example.evil", false),
            (.startsWith("https://a."), "https://a.b", true), (.startsWith("https://a."), "http://a.b", false),
            (.regex(try! Pattern("https://[ab]")), "https://b", true),
            (.regex(try! Pattern("https://[ab]")), "https://bc", false), (.regex(try! Pattern(".*")), "null", false),
            (.startsWith("n"), "null", false),
        ] as [(Route.CORS.OriginMatch, String, Bool)])
    func origins(_ match: Route.CORS.OriginMatch, _ origin: String, _ expected: Bool) throws {
        let found = try answer(Self.cors([match], credentials: true), "Origin: \(origin)")
        let allowed = ["Vary: Origin", "AC-Allow-Origin: \(origin)", "AC-Allow-Credentials: true"]
        #expect(found == (expected ? allowed : ["Vary: Origin"]))
    }

    /// Whoever is allowed only because everybody is gets no credentials, and the answer is the same for all.
    @Test func star() throws {
        let all = Self.cors([.any], expose: ["x-a", "x-b"], credentials: true)
        #expect(try answer(all, "Origin: https://a") == ["AC-Allow-Origin: *", "AC-Expose-Headers: x-a, x-b"])
        #expect(try answer(all, "Origin: null") == ["AC-Allow-Origin: *", "AC-Expose-Headers: x-a, x-b"])
        #expect(try answer(all) == [])
        let some = Self.cors([.any, .exact("https://a")], credentials: true)
        #expect(
            try answer(some, "Origin: https://a")
                == ["Vary: Origin", "AC-Allow-Origin: https://a", "AC-Allow-Credentials: true"])
        #expect(try answer(some, "Origin: https://b") == ["Vary: Origin", "AC-Allow-Origin: *"])
    }

    @Test func twoOriginsAreNone() throws {
        let cors = Self.cors([.exact("https://a")])
        #expect(try answer(cors, "Origin: https://a", "Origin: https://a") == ["Vary: Origin"])
        #expect(try answer(cors) == ["Vary: Origin"])
    }

    @Test func preflights() throws {
        let cors = Self.cors(
            [.exact("https://a")], methods: ["GET", "POST"], headers: ["x-a"], expose: ["x-e"], maxAge: .seconds(600))
        let asks = "Access-Control-Request-Method: POST"
        #expect(
            try answer(cors, method: "OPTIONS", "Origin: https://a", asks) == [
                "preflight", "AC-Allow-Methods: GET, POST", "AC-Allow-Headers: x-a", "AC-Max-Age: 600", "Vary: Origin",
                "AC-Allow-Origin: https://a",
            ])
        #expect(try answer(cors, method: "OPTIONS", "Origin: https://b", asks) == ["preflight", "Vary: Origin"])
        // None of these is one.
        let plain = ["Vary: Origin", "AC-Allow-Origin: https://a", "AC-Expose-Headers: x-e"]
        #expect(try answer(cors, method: "OPTIONS", "Origin: https://a") == plain)
        #expect(try answer(cors, method: "POST", "Origin: https://a", asks) == plain)
        #expect(try answer(cors, method: "OPTIONS", asks) == ["Vary: Origin"])
    }

    @Test func everythingAllowed() throws {
        let asks = [
            "Origin: https://a", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-1, x-2",
        ]
        let open = Self.cors([.any], methods: ["*"], headers: ["*"], credentials: true)
        #expect(
            try answer(open, method: "OPTIONS", asks[0], asks[1], asks[2])
                == ["preflight", "AC-Allow-Methods: *", "AC-Allow-Headers: *", "AC-Allow-Origin: *"])
        let named = Self.cors([.exact("https://a")], methods: ["*"], headers: ["*"], credentials: true)
        #expect(
            try answer(named, method: "OPTIONS", asks[0], asks[1], asks[2]) == [
                "preflight", "Vary: access-control-request-method", "AC-Allow-Methods: PUT",
                "Vary: access-control-request-headers", "AC-Allow-Headers: x-1, x-2", "Vary: Origin",
                "AC-Allow-Origin: https://a", "AC-Allow-Credentials: true",
            ])
    }

    @Test func endpointsHaveNoSay() throws {
        let endpoint: [(StaticString, StaticString)] = [
            ("Access-Control-Allow-Origin", "*"), ("access-control-allow-credentials", "true"), ("x-own", "1"),
        ]
        let cors = Self.cors([.exact("https://a")])
        #expect(
            try answer(cors, "Origin: https://a", endpoint: endpoint)
                == ["x-own: 1", "Vary: Origin", "AC-Allow-Origin: https://a"])
        #expect(try answer(cors, "Origin: https://b", endpoint: endpoint) == ["x-own: 1", "Vary: Origin"])
    }

    /// What Istio does: an origin of which the route knows nothing is the endpoint's business.
    @Test func unmatchedPreflightsGoOn() throws {
        let cors = Self.cors([.exact("https://a")], forwards: true)
        let asks = "Access-Control-Request-Method: PUT"
        let found = try answer(
            cors, method: "OPTIONS", "Origin: https://b", asks, endpoint: [("Access-Control-Allow-Origin", "https://b")]
        )
        #expect(found == ["AC-Allow-Origin: https://b", "Vary: Origin"])
        #expect(try answer(cors, method: "OPTIONS", "Origin: https://a", asks).first == "preflight")
    }
}
