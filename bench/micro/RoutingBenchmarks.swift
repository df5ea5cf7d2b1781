import Configuration
import HTTP
import Traffic

/// Finding the route of a request among few and many, each for one model.
let routingBenchmarks = [10, 10_000].flatMap { routes in
    [
        Benchmark("match first of \(routes) routes") { matching(model: 0, of: routes) },
        Benchmark("match last of \(routes) routes") { matching(model: routes - 1, of: routes) },
        Benchmark("match none of \(routes) routes") { matching(model: routes, of: routes) },
    ]
}

private func matching(model: Int, of count: Int) -> (Int) -> Void {
    let table = RouteTable((0..<count).map(route))
    let head = Samples.request(Samples.tritonPost)
    let path = Array("/v2/models/model\(model)/infer".utf8)
    return { count in
        path.withUnsafeBytes { path in
            let request = RequestView(
                head: head, path: path, query: staticBytes(""), host: staticBytes("models.example.com"))
            for _ in 0..<count { keep(table.match(request) ?? -1) }
        }
    }
}

private func route(model: Int) -> Route {
    var match = Match()
    match.path = .prefix("/v2/models/model\(model)")
    let backend = Route.WeightedBackend(backend: "stable", label: "stable")
    var route = Route(name: "model\(model)", action: .forward(Route.Forward(backends: [backend])))
    route.match = [match]
    return route
}
