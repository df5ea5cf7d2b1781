import Base
import Configuration
import Explanation

/// Seeded routes and requests over small alphabets, so that near misses, equal paths and nested hosts are common.
struct RandomRoutes {
    var random: RandomSource

    init(seed: UInt64) { random = RandomSource(seed: seed) }

    mutating func one<Element>(of choices: [Element]) -> Element { choices[Int(random.below(UInt32(choices.count)))] }

    mutating func gateway() -> Gateway {
        var gateway = Gateway()
        gateway.listeners = [Listener(name: "plain", address: .tcp(HostPort(host: "127.0.0.1", port: 8080)))]
        var secure = Listener(name: "secure", address: .tcp(HostPort(host: "127.0.0.1", port: 8443)))
        secure.tls = ListenerTLS()
        gateway.listeners.append(secure)
        gateway.routes = (0..<random.below(12)).map { index in route("r\(index)") }
        return gateway
    }

    mutating func path() -> String {
        if random.below(3) == 0 {
            return "/v2/models/\(one(of: ["m", "n"]))\(one(of: ["", "/versions/1", "/versions/2/infer"]))"
        }
        return (0..<random.below(4)).reduce(into: "/") { text, _ in text += one(of: ["a", "b", "/", "ab", "A"]) }
    }

    mutating func host() -> String {
        (0...random.below(3)).map { _ in one(of: ["x", "y", "com"]) }.joined(separator: ".")
    }

    mutating func question(of gateway: Gateway) throws -> (question: Question, isSecure: Bool) {
        let isSecure = random.below(2) == 0
        let query = one(of: ["", "", "?q=1", "?q=2&r", "?r=%31&q="])
        let call = "/inference.GRPCInferenceService/\(one(of: ["ModelInfer", "ServerLive"]))"
        let isCall = random.below(4) == 0
        let path = isCall ? call : path()
        var question = try Question(
            method: isCall ? "POST" : one(of: ["GET", "POST", "OPTIONS"]),
            url: try RequestURL(parsing: "\(isSecure ? "https" : "http")://\(host())\(path)\(query)"))
        for name in ["x-a", "X-B", "authorization"] where random.below(2) == 0 {
            for _ in 0...random.below(2) {
                try question.addHeader("\(name): \(one(of: ["1", "12", "2", "Basic eA=="]))")
            }
        }
        if isCall {
            try question.addHeader("content-type: application/grpc")
            if random.below(2) == 0 { question.messageModel = try MessageModel(parsing: one(of: ["m", "n:1", "m:2"])) }
        }
        return (question, isSecure)
    }

    private mutating func route(_ name: String) -> Route {
        var route = Route(name: name, action: .respond(Route.FixedResponse(status: 200)))
        route.hosts = (0..<random.below(3)).map { _ in one(of: ["*", "", "*."]) }.map { $0 == "*" ? $0 : $0 + host() }
        route.match = (0..<random.below(4)).map { _ in match() }
        return route
    }

    private mutating func match() -> Match {
        var match = Match()
        let text = path()
        let patterns = ["/a.*", "/v2/models/(m|n)", "/[ab]+"].compactMap { try? Pattern($0) }.map {
            Match.PathMatch.regex($0)
        }
        match.path = one(of: [.exact(text), .prefix(text), .startsWith(text), nil, nil] + patterns)
        if case .regex = match.path {} else { match.ignoresPathCase = match.path != nil && random.below(3) == 0 }
        match.method = one(of: [nil, nil, "GET", "POST"])
        match.scheme = one(of: [nil, nil, nil, .http, .https])
        match.port = one(of: [nil, nil, nil, 8080, 8443])
        if random.below(5) == 0 { match.host = value(["x", "x.com", "y"]) }
        match.model = one(of: [nil, nil, nil, nil, "m", "n"])
        match.version = one(of: [nil, nil, nil, nil, "1", "2"])
        match.headers = named(["x-a", "x-b", "authorization"])
        match.withoutHeaders = named(["x-a", "x-b"])
        match.query = named(["q", "r"])
        return match
    }

    private mutating func named(_ names: [String]) -> [Match.NamedMatch] {
        guard random.below(3) == 0 else { return [] }
        return [Match.NamedMatch(name: one(of: names), value: value(["1", "12", "1,2", "Basic "]))]
    }

    private mutating func value(_ texts: [String]) -> Match.ValueMatch {
        let text = one(of: texts)
        let pattern = (try? Pattern("1.*")).map { Match.ValueMatch.regex($0) }
        return one(of: [.exact(text), .prefix(text), .present(true), .present(false), pattern ?? .present(true)])
    }
}
