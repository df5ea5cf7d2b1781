import Configuration
import Explanation
import Testing
import Traffic

/// Where clients find a model: only where the routing leads them to it.
@Suite struct ModelLocatorTests {
    private let entrance = ModelLocator.Entrance(scheme: .http, authority: "127.0.0.1:8080", port: 8080)

    private func route(
        _ name: String, _ match: [Match] = [], to entries: [Route.WeightedBackend],
        _ change: (inout Route) -> Void = { _ in }
    ) -> Route {
        var route = Route(name: name, action: .forward(.init(backends: entries)))
        route.match = match
        change(&route)
        return route
    }

    private func entry(_ backend: String, model: String? = nil, version: String? = nil, weight: Int = 1)
        -> Route.WeightedBackend
    {
        var entry = Route.WeightedBackend(backend: backend, label: "\(backend)-\(version ?? "")", weight: weight)
        entry.model = model
        entry.version = version
        return entry
    }

    private func match(_ change: (inout Match) -> Void) -> Match {
        var match = Match()
        change(&match)
        return match
    }

    private func urls(
        _ routes: [Route], of model: String = "densenet", version: String = "1", isOnly: Bool = true,
        at backend: String = "triton", entrances: [ModelLocator.Entrance]? = nil
    ) -> [String] {
        var gateway = Gateway()
        gateway.routes = routes
        var locator = ModelLocator(gateway, RouteTable(routes), entrances ?? [entrance])
        return locator.places(of: model, version: version, isOnlyVersion: isOnly, at: backend)
            .map { "\($0.route) \($0.label) \($0.url)\($0.host.map { " Host: \($0)" } ?? "")" }
    }

    @Test func theShortestUrlOfARouteThatLeadsThere() {
        let all = route("all", to: [entry("triton")])
        #expect(urls([all]) == ["all triton- http://127.0.0.1:8080/v2/models/densenet/infer"])
        #expect(
            urls([all], version: "2", isOnly: false)
                == ["all triton- http://127.0.0.1:8080/v2/models/densenet/versions/2/infer"])
        #expect(urls([all], at: "other").isEmpty)
    }

    @Test func anEarlierRouteTakesIt() {
        let first = route("first", [match { $0.model = "densenet" }], to: [entry("other")])
        #expect(urls([first, route("all", to: [entry("triton")])]).isEmpty)
        #expect(urls([first, route("all", to: [entry("triton")])], of: "resnet").count == 1)
    }

    @Test func whatNeedsMoreThanAUrlHasNone() {
        let header = match { $0.headers = [.init(name: "x-tenant", value: .exact("gold"))] }
        #expect(urls([route("gold", [header], to: [entry("triton")])]).isEmpty)
        #expect(urls([route("none", to: [entry("triton", weight: 0), entry("other")])]).isEmpty)
        #expect(urls([route("get", [match { $0.method = "GET" }], to: [entry("triton")])]).isEmpty)
    }

    @Test func hostsAreNamed() {
        let one = route("one", to: [entry("triton")]) { $0.hosts = ["a.example", "b.example"] }
        #expect(urls([one]) == ["one triton- http://127.0.0.1:8080/v2/models/densenet/infer Host: a.example"])
        let star = route("star", to: [entry("triton")]) { $0.hosts = ["*.example"] }
        #expect(urls([star]).first?.hasSuffix(" Host: models.example") == true)
    }

    @Test func entriesWithAModelOfTheirOwnAreCalledAsTheRouteIs() {
        let next = route(
            "next", [match { $0.model = "densenet_next" }], to: [entry("triton", model: "densenet", version: "1")])
        #expect(urls([next]) == ["next triton-1 http://127.0.0.1:8080/v2/models/densenet_next/infer"])
        #expect(urls([next], version: "2").isEmpty)
        #expect(urls([next], of: "densenet_next").isEmpty)
        let path = route(
            "path", [match { $0.path = .prefix("/v2/models/d") }], to: [entry("triton", model: "densenet")])
        #expect(urls([path]) == ["path triton- http://127.0.0.1:8080/v2/models/d/infer"])
    }

    @Test func pathsThatAreRewritten() {
        let tenant = route("tenant", [match { $0.path = .prefix("/gold") }], to: [entry("triton")]) {
            $0.rewrite = Route.Rewrite()
            $0.rewrite?.path = .prefix("/")
        }
        #expect(urls([tenant]) == ["tenant triton- http://127.0.0.1:8080/gold/v2/models/densenet/infer"])
        let away = route("away", [match { $0.path = .prefix("/v2") }], to: [entry("triton")]) {
            $0.rewrite = Route.Rewrite()
            $0.rewrite?.path = .prefix("/v3")
        }
        #expect(urls([away]).isEmpty)
    }

    @Test func listenersAreTriedByThemselves() {
        let secure = ModelLocator.Entrance(scheme: .https, authority: "[::1]:8443", port: 8443)
        let only = route("only", [match { $0.scheme = .https }], to: [entry("triton")])
        #expect(
            urls([only], entrances: [entrance, secure])
                == ["only triton- https://[::1]:8443/v2/models/densenet/infer"])
        let port = route("port", [match { $0.port = 8080 }], to: [entry("triton")])
        #expect(urls([port], entrances: [entrance, secure]).count == 1)
    }

    @Test(arguments: [
        "a b", "a%2Fb", "ü", "a/b", "..", "a?b", "a#b", "\u{0}", "a\r\nHost: evil",
        String(repeating: "x", count: 90_000),
    ])
    func oddNamesAreEscapedOrHaveNoUrl(name: String) {
        for url in urls([route("all", to: [entry("triton")])], of: name) {
            let path = url.dropFirst("all triton- http://127.0.0.1:8080".count)
            #expect(
                path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
            #expect(path.hasPrefix("/v2/models/") && path.hasSuffix("/infer"))
        }
        #expect(
            urls([route("all", to: [entry("triton")])], of: "a b") == [
                "all triton- http://127.0.0.1:8080/v2/models/a%20b/infer"
            ])
    }

    @Test func workIsBounded() {
        let routes = (0..<300).map { number in
            route("r\(number)", [match { $0.host = .exact("h\(number)") }], to: [entry("triton")])
        }
        var gateway = Gateway()
        gateway.routes = routes
        var locator = ModelLocator(gateway, RouteTable(routes), [entrance])
        let counts = (0..<200).map {
            locator.places(of: "m\($0)", version: "1", isOnlyVersion: true, at: "triton").count
        }
        #expect(counts.first == 300)
        #expect(counts.reduce(0, +) <= ModelLocator.trialLimit)
        #expect(counts.last == 0)
    }
}
