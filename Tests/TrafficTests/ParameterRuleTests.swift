import Base
import Configuration
import HTTP
import Testing
import Traffic

struct ParameterRuleTests {
    private func rule(_ parameters: Route.TritonParameters, priority: Route.Priority = .normal) throws -> ParameterRule
    {
        var route = Route(name: "r", action: .forward(Route.Forward(backends: [])))
        route.tritonParameters = parameters
        route.priority = priority
        return try #require(ParameterRule(route))
    }

    @Test func priorities() throws {
        var parameters = Route.TritonParameters()
        parameters.priority = .route
        parameters.userPriorities = ["ann": 7]
        for (priority, level) in [(Route.Priority.high, UInt32(1)), (.normal, 0)] {
            let rule = try rule(parameters, priority: priority)
            #expect(rule.priority(of: []) == level && rule.priority(of: raw("ann")) == 7)
            #expect(!rule.isSilent(for: []))
        }
        parameters.priority = nil
        let some = try rule(parameters)
        #expect(
            some.priority(of: raw("bob")) == nil && some.isSilent(for: raw("bob")) && !some.isSilent(for: raw("ann")))
    }

    @Test(
        arguments: [
            (.route, 5_000_999, 5_000), (.route, 999, 1), (.route, 0, 1), (.fixed(.milliseconds(250)), 0, 250_000),
            (.fixed(.nanoseconds(1)), 0, 1), (nil, 5, nil),
        ] as [(Route.TritonParameters.Timeout?, UInt64, UInt64?)])
    func timeouts(_ timeout: Route.TritonParameters.Timeout?, _ left: UInt64, _ expected: UInt64?) throws {
        var parameters = Route.TritonParameters()
        parameters.timeout = timeout
        #expect(try rule(parameters).timeout(left: Nanoseconds(left)) == expected)
    }

    private static let header = "Inference-Header-Content-Length"

    @Test(
        arguments: [
            ("Content-Length: 9", "json(headerBytes: nil)"), ("Transfer-Encoding: chunked", "json(headerBytes: nil)"),
            ("", "none"), ("Content-Length: 0", "none"),
            ("Content-Length: 9\r\n\(header): 9", "json(headerBytes: Optional(9))"),
            ("Content-Length: 9\r\n\(header): 4\r\n\(header): 4", "json(headerBytes: Optional(4))"),
            ("Content-Length: 9\r\n\(header): 4\r\n\(header): 5", "malformed"),
            ("Content-Length: 9\r\n\(header): 10", "malformed"), ("Content-Length: 9\r\n\(header): -1", "malformed"),
            ("Content-Length: 9\r\n\(header): 99999999999999999999", "malformed"),
            ("Content-Length: 9\r\n\(header): 0", "impossible"),
            ("Content-Length: 9\r\nContent-Encoding: deflate", "impossible"),
            ("Content-Length: 9\r\nContent-Encoding: Identity", "json(headerBytes: nil)"),
        ])
    func places(_ fields: String, _ expected: String) throws {
        let head = MessageHead()
        let text = raw("POST / HTTP/1.1\r\nHost: h\r\n\(fields)\(fields.isEmpty ? "" : "\r\n")\r\n")
        guard case .complete = text.withUnsafeBytes({ head.parseRequest($0, limit: 65536) }) else {
            Issue.record("cannot be parsed")
            return
        }
        raw("/v2/models/m/versions/1/infer").withUnsafeBytes { path in
            #expect("\(ParameterRule.place(in: head, path: path))".hasPrefix(expected))
        }
        raw("/v2/models/m/generate").withUnsafeBytes { path in
            #expect("\(ParameterRule.place(in: head, path: path))" == "none")
        }
    }
}
