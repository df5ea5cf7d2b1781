import Base
import Configuration
import Testing

@testable import ConfigFiles

/// The order of rules against the Gateway API's own words, request by request.
@Suite struct RuleOrderTests {
    private struct Request {
        var host: String
        var path: String
        var method: String
        var headers: [String: String]
        var query: [String: String]
    }

    private static let hosts = ["a.example.com", "b.a.example.com", "example.com", "example.org"]
    private static let patterns = ["a.example.com", "*.example.com", "*.a.example.com", "example.com", "example.org"]
    private static let paths = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/b"]

    private static func takes(_ pattern: String, _ host: String) -> Bool {
        pattern.hasPrefix("*.") ? host.hasSuffix(pattern.dropFirst()) : host == pattern
    }

    private static func takes(_ match: Match, _ request: Request) -> Bool {
        switch match.path {
        case .exact(let path): guard request.path == path else { return false }
        case .prefix(let prefix):
            guard request.path == prefix || request.path.hasPrefix(prefix + "/") else { return false }
        default: break
        }
        if let method = match.method, method != request.method { return false }
        return match.headers.allSatisfy { request.headers[$0.name].map(ValueMatchText.exact) == $0.value }
            && match.query.allSatisfy { request.query[$0.name].map(ValueMatchText.exact) == $0.value }
    }

    private typealias ValueMatchText = Match.ValueMatch

    /// For each way a rule can take the request, how it ranks (HTTPRouteSpec.hostnames, HTTPRouteRule.matches): least is best.
    private static func ranks(_ rule: GatewayAPIRule, _ index: Int, _ request: Request) -> [[Int]] {
        let hosts = rule.hosts.filter { takes($0, request.host) }
        guard rule.hosts.isEmpty || !hosts.isEmpty else { return [] }
        let exact = hosts.filter { !$0.hasPrefix("*") }.map(\.count).max() ?? 0
        let longest = hosts.map(\.count).max() ?? 0
        return rule.matches.enumerated().filter { takes($0.element.match, request) }.map { place, ranked in
            let match = ranked.match
            let (kind, length): (Int, Int) =
                switch match.path {
                case .exact: (0, 0)
                case .prefix(let prefix): (1, prefix.count)
                default: (1, 1)
                }
            return [
                -exact, -longest, kind, -length, match.method == nil ? 1 : 0, -match.headers.count, -match.query.count,
                Int(rule.manifest.created) ?? 0, Int(rule.manifest.name.dropFirst()) ?? 0, index, place,
            ]
        }
    }

    private static func value(_ name: String, _ random: inout RandomSource) -> Match.NamedMatch {
        Match.NamedMatch(name: name, value: .exact(random.below(2) == 0 ? "1" : "2"))
    }

    private static func match(_ random: inout RandomSource) -> Match {
        var match = Match()
        let path = paths.randomElement(using: &random) ?? "/"
        switch random.below(4) {
        case 0: match.path = .exact(path)
        case 1, 2: match.path = path == "/" ? nil : .prefix(path)
        default: break
        }
        if random.below(4) == 0 { match.method = random.below(2) == 0 ? "GET" : "POST" }
        for name in ["x", "y"] where random.below(4) == 0 { match.headers.append(value(name, &random)) }
        if random.below(5) == 0 { match.query.append(value("q", &random)) }
        return match
    }

    private static func rules(_ random: inout RandomSource) -> [GatewayAPIRule] {
        (0..<Int(random.below(4) + 1)).flatMap { object in
            let manifest = Manifest(
                kind: .httpRoute, name: "r\(object)", namespace: "n", annotations: [],
                created: "\(random.below(2))", position: Position(file: 0, line: 1, column: 1), body: [])
            let hosts = Array(patterns.shuffled(using: &random).prefix(Int(random.below(4))))
            return (0..<Int(random.below(3) + 1)).map { index in
                GatewayAPIRule(
                    manifest: manifest, position: manifest.position, name: "\(index)", hosts: hosts,
                    matches: (0...Int(random.below(3))).map { _ in .http(match(&random)) },
                    route: Route(name: "", action: .respond(Route.FixedResponse(status: 200))))
            }
        }
    }

    private static func requests(_ random: inout RandomSource) -> [Request] {
        (0..<60).map { _ in
            Request(
                host: hosts.randomElement(using: &random) ?? "", path: paths.randomElement(using: &random) ?? "",
                method: random.below(2) == 0 ? "GET" : "POST",
                headers: ["x": "\(random.below(3))", "y": "\(random.below(3))"], query: ["q": "\(random.below(3))"])
        }
    }

    /// The first part that takes a request is of the rule that the API would have chosen.
    @Test(arguments: 0..<300)
    func firstMatchIsTheBest(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let rules = Self.rules(&random)
        var order = RuleOrder(rules)
        let parts = order.parts()
        for request in Self.requests(&random) {
            let best = rules.indices.flatMap { index in Self.ranks(rules[index], index, request).map { ($0, index) } }
                .min { $0.0.lexicographicallyPrecedes($1.0) }
            let first = parts.first { part in
                (part.hosts.isEmpty || part.hosts.contains { Self.takes($0, request.host) })
                    && part.matches.contains { Self.takes(rules[part.rule].matches[$0].match, request) }
            }
            #expect(first?.rule == best?.1, "seed \(seed), \(request)")
        }
    }

    /// What nobody stands between is put together, whatever its hosts.
    @Test func rulesStayWholeWhereTheyCan() {
        var random = RandomSource(seed: 1)
        var rules = Self.rules(&random).prefix(1).map { $0 }
        rules[0].hosts = ["*.a.example.com", "a.example.com"]
        var exact = Match()
        exact.path = .exact("/a")
        var prefix = Match()
        prefix.path = .prefix("/b")
        rules[0].matches = [.http(prefix), .http(exact)]
        var other = rules[0]
        other.hosts = ["example.org"]
        var order = RuleOrder([rules[0], other])
        #expect(
            order.parts() == [
                RuleOrder.Part(rule: 0, hosts: rules[0].hosts, matches: [0, 1]),
                RuleOrder.Part(rule: 1, hosts: ["example.org"], matches: [0, 1]),
            ])
    }

    /// Without being compared each with each, for which there would not be time.
    @Test(arguments: [true, false])
    func thousandsOfRulesStayWhole(differByPath: Bool) {
        var random = RandomSource(seed: 1)
        let model = Self.rules(&random)[0]
        let rules = (0..<2000).map { number in
            var rule = model
            rule.hosts = differByPath ? ["*.example.com", "example.org"] : ["h\(number).example.net"]
            rule.matches = ["a", "b"].map { name in
                var match = Match()
                match.path = differByPath ? .prefix("/\(name)\(number)") : nil
                match.method = name == "a" ? "GET" : nil
                return .http(match)
            }
            return rule
        }
        var order = RuleOrder(rules)
        #expect(order.parts().count == rules.count)
    }
}
