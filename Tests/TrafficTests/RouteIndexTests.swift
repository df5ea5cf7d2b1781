import Base
import Configuration
import Testing
import Traffic

/// The compiled table against the rule it stands for, read plainly: of all routes that take a request, the first.
struct RouteIndexTests {
    /// Small alphabets, so that beginnings, equal paths and nested hosts are common.
    struct Sample {
        var random: RandomSource

        mutating func one<Element>(of choices: [Element]) -> Element {
            choices[Int(random.below(UInt32(choices.count)))]
        }

        mutating func path() -> String {
            (0..<random.below(5)).reduce(into: "/") { text, _ in text += one(of: ["a", "b", "/", "ab", "é", "/a/"]) }
        }

        mutating func host() -> String {
            let labels = (0...random.below(3)).map { _ in one(of: ["x", "y", "com"]) }
            return labels.joined(separator: ".")
        }

        mutating func route() -> Route {
            let hosts = (0..<random.below(3)).map { _ in one(of: ["*", "", "*."]) }.map { $0 == "*" ? $0 : $0 + host() }
            let matches = (0..<random.below(3)).map { _ in match() }
            return makeRoute(hosts: hosts, matches)
        }

        private mutating func match() -> Match {
            var match = Match()
            let path = path()
            let pattern = try? Pattern("/a.*")
            match.path = one(of: [.exact(path), .prefix(path), .startsWith(path), nil, pattern.map { .regex($0) }])
            match.method = one(of: [nil, nil, "GET", "POST"])
            return match
        }
    }

    static func takes(_ route: Route, _ request: Request) -> Bool {
        let host = request.host
        guard
            route.hosts.isEmpty
                || route.hosts.contains(where: {
                    $0 == "*" || $0 == host || ($0.hasPrefix("*.") && host.hasSuffix($0.dropFirst()))
                })
        else { return false }
        return route.match.isEmpty || route.match.contains { takes($0, request) }
    }

    static func takes(_ match: Match, _ request: Request) -> Bool {
        if let method = match.method, method != request.method { return false }
        let path = Array(request.path.utf8)
        switch match.path {
        case nil: return true
        case .exact(let expected): return path == Array(expected.utf8)
        case .startsWith(let start): return path.starts(with: start.utf8)
        case .regex: return path.starts(with: "/a".utf8)
        case .prefix(let prefix):
            let elements = Array((prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix).utf8)
            return path.starts(with: elements) && (path.count == elements.count || path[elements.count] == 0x2F)
        }
    }

    @Test(arguments: 0..<40) func agreesWithThePlainReading(_ seed: UInt64) throws {
        var sample = Sample(random: RandomSource(seed: seed))
        let routes = (0..<sample.random.below(30)).map { _ in sample.route() }
        let table = RouteTable(routes)
        for _ in 0..<200 {
            var request = Request(sample.path(), method: sample.one(of: ["GET", "POST"]), host: sample.host())
            let expected = routes.firstIndex { Self.takes($0, request) }
            // The path's characters above ASCII are two bytes each; `Request` takes a character for each byte.
            let path = request.path
            request.path = String(String.UnicodeScalarView(path.utf8.map { UnicodeScalar($0) }))
            let found = try request.route(in: table)
            #expect(found == expected, "\(request.method) \(request.host) \(path)")
        }
    }

    @Test func findsEachOfManyPathsAndHosts() throws {
        let paths = (0..<3000).map { makeRoute([match(path: .prefix("/models/\($0)"))]) }
        let hosts = (0..<3000).map { makeRoute(hosts: ["h\($0).example", "*.h\($0).example"]) }
        let table = RouteTable(paths + hosts)
        for index in stride(from: 0, to: 3000, by: 7) {
            #expect(try Request("/models/\(index)/infer").route(in: table) == index)
            #expect(try Request("/x", host: "H\(index).example").route(in: table) == 3000 + index)
            #expect(try Request("/x", host: "a.b.h\(index).EXAMPLE").route(in: table) == 3000 + index)
        }
        #expect(try Request("/models/3000").route(in: table) == nil)
        #expect(try Request("/x", host: "h3000.example").route(in: table) == nil)
    }

    @Test func aHostAsLongAsAHeaderIsLookedAtOnce() throws {
        let table = RouteTable([makeRoute(hosts: ["*.a.com"])])
        let dots = String(repeating: ".", count: 60_000)
        #expect(try Request(host: dots + "a.com").route(in: table) == 0)
        #expect(try Request(host: dots).route(in: table) == nil)
    }
}
