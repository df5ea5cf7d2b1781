import Base
import Configuration

/// Configurations made up at random: every key now and then, and texts that YAML could mistake.
struct RandomGateway {
    private var random: RandomSource

    init(seed: UInt64) { random = RandomSource(seed: seed) }

    private static let names = [
        "stable", "2", "yes", "null", "kafka-dev/kafka-ui/0", "a b", "*", "#1", "éa", "~", "1.5", "a: b",
    ]
    private static let texts = [
        "gold", "Basic YWRtaW46MTIzNDU2", "true", "1", "", "a, b", "{x}", "#", "*", "%", "it's", "\"quoted\"", "\\d",
        "null",
        "k=v; HttpOnly", "é", "-", "? x", "! y", "a: b", "a #b", "12:30", "0x1F", "~", "'", "@", "&a", "|", ">",
    ]
    private static let headers = ["x-a", "x-tenant", "yes", "1", "x-null", "*", "#x", "%b", "!c", "~"]
    private static let patterns = ["[0-9]+-rc[0-9]*", #"/v2/(\w+)/(.*)"#, "(?i)gold|silver", #""'"#, "a{1,3}", "yes"]
    private static let paths = ["/", "/v2", "/v2/models", "/a%20b", "/[x]", "/a,b", "/a:b", "/#", "/yes"].filter {
        PathText.problem(in: $0, isWhole: true) == nil
    }
    private static let durations: [Duration] = [
        .seconds(1), .milliseconds(1500), .seconds(300), .seconds(3600), .milliseconds(7), .nanoseconds(1_000_001),
    ]
    private static let percents = [0.0, 100, 12.5, 0.00001, 33.333333333333336, 1, 99.9999, 0.000123]
    private static let hashes = [
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "$2y$10$sFqjdhrrZKn6Xo.DHzhacujwTYUII2IdHF38y8EJaXjaUNaHSL4UO",
    ]

    private mutating func coin(_ percent: Int = 40) -> Bool { random.below(100) < percent }
    private mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(random.below(UInt32(values.count)))] }
    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func some<Value>(_ percent: Int = 40, _ make: (inout Self) -> Value) -> Value? {
        coin(percent) ? make(&self) : nil
    }
    private mutating func few<Value>(_ most: Int, _ values: [Value]) -> [Value] {
        Array(values.shuffled(using: &random).prefix(number(0...most)))
    }
    private mutating func duration() -> Duration { pick(Self.durations) }

    mutating func gateway() -> Gateway {
        var gateway = Gateway()
        gateway.loops = some { $0.number(1...64) }
        gateway.memoryLimit = some { Int64($0.number(1...1000)) << 26 }
        for name in few(2, ["triton.ml.svc", "a.example", "1x"]) {
            gateway.resolve[name] = HostPort(host: pick(["10.0.0.7", "::1"]), port: 8000)
        }
        gateway.listeners = [Listener(name: pick(Self.names), address: pick(Self.addresses(8080)))]
        if coin() { fill(&gateway.listeners[0]) }
        gateway.admin = some {
            var admin = AdminSurface(address: .tcp(HostPort(host: "127.0.0.1", port: 9901)))
            admin.readOnly = $0.coin()
            admin.allowedHosts = $0.few(2, ["ops.example.com", "null", "on"])
            admin.login = $0.some {
                var login = AdminSurface.Login()
                login.realm = $0.pick(["sluice", "yes", "a: \"b\""])
                login.users = ["ann": $0.pick(Self.hashes)]
                if $0.coin() { login.users["2"] = $0.pick(Self.hashes) }
                return login
            }
            return admin
        }
        gateway.metrics = some { _ in .tcp(HostPort(host: "0.0.0.0", port: 9902)) }
        gateway.accessLog = some {
            var log = AccessLog()
            log.sink = $0.pick([.standardOutput, .standardError, .file("/var/log/sluice, the # log.json")])
            log.format = $0.pick([.json, .text])
            log.samplePercent = $0.pick(Self.percents)
            return log
        }
        gateway.tracing = some { $0.tracing() }
        gateway.shutdown.delay = pick([.zero, .seconds(5)])
        gateway.shutdown.drain = pick([.seconds(25), .seconds(60)])
        gateway.takeoverSocket = some { _ in "/run/sluice/takeover.sock" }
        gateway.backends = Self.names.shuffled(using: &random).prefix(number(1...5)).map { backend($0) }
        let names = gateway.backends.map(\.name)
        gateway.routes = Self.names.shuffled(using: &random).prefix(number(1...5)).map { route($0, names) }
        return gateway
    }

    private mutating func tracing() -> TracingSettings {
        let place = HostPort(host: pick(["10.0.0.7", "::1", "collector.example.com"]), port: 4318)
        var tls = BackendTLS()
        tls.serverName = some { _ in "collector.example.com" }
        var tracing = TracingSettings(
            address: coin() ? .plain(place) : .secure(place, tls), path: pick(["", "/otlp", "/a,b"]) + "/v1/traces")
        tracing.samplePercent = pick(Self.percents)
        tracing.serviceName = pick(Self.names)
        let values = Self.texts.filter { HeaderText.isValue($0) }
        tracing.headers = few(3, Self.headers).map { .init(name: $0, value: pick(values)) }
        return tracing
    }

    private static func addresses(_ port: UInt16) -> [Address] {
        [
            .tcp(HostPort(host: "0.0.0.0", port: port)), .tcp(HostPort(host: "::1", port: port)),
            .unix(path: "/run/sluice/\(port).sock"),
        ]
    }

    private mutating func fill(_ listener: inout Listener) {
        listener.limits.connections = some { $0.number(1...1000) }
        listener.limits.perClient = some { $0.number(1...1000) }
        listener.limits.headerBytes = pick([65536, 1025, 1 << 20])
        listener.limits.headerTimeout = duration()
        listener.limits.idleTimeout = duration()
        listener.limits.http2Streams = number(1...10000)
        listener.limits.maxConnectionAge = some { _ in .seconds(3600) }
        listener.proxyProtocol = coin()
        listener.trustedProxies = few(3, Self.networks)
    }

    private static let networks = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1", "0.0.0.0/0", "::/0", "1::/16"]
        .compactMap {
            try? CIDR(parsing: $0)
        }

    private mutating func backend(_ name: String) -> Backend {
        var backend = Backend(name: name)
        backend.server = pick([.triton, .triton, .torchserve, .tfserving, .kserve, .generic])
        backend.protocol = pick([.http1, .http2])
        if backend.server != .generic { backend.grpcPort = some { _ in 8001 } }
        if backend.server == .triton || backend.server == .torchserve {
            backend.metricsPort = some { _ in 8002 }
            backend.metricsInterval = some { $0.pick([.zero, .milliseconds(100), .seconds(3600)]) }
        }
        let hosts = ["127.0.0.1", "kafka-ui.kafka-dev.svc.cluster.local", "::1", "2001:db8::7", "x_y"]
        backend.endpoints = hosts.shuffled(using: &random).prefix(number(1...3)).enumerated().map { index, host in
            var endpoint = Backend.Endpoint(address: .tcp(HostPort(host: host, port: UInt16(8000 + index))))
            endpoint.weight = pick([1, 1, 3])
            endpoint.grpcPort = backend.grpcPort
            if backend.grpcPort != nil, coin() { endpoint.grpcPort = 9001 }
            if coin() { endpoint.pod = pick(["triton-0", "a.b-1"]) + "\(index)" }
            endpoint.metricsPort = backend.metricsPort
            if backend.metricsPort != nil, coin() { endpoint.metricsPort = 9002 }
            return endpoint
        }
        for service in few(2, ["triton", "0", "null"]) {
            var service = Backend.KubernetesService(
                namespace: pick(["ml", "1", "yes"]), service: service, port: pick(["http", "8000", "no"]))
            service.weight = pick([1, 1, 3])
            service.grpcPort = backend.grpcPort != nil && coin() ? 9001 : backend.grpcPort
            service.metricsPort = backend.metricsPort != nil && coin() ? 9002 : backend.metricsPort
            backend.services.append(service)
        }
        backend.balance = pick([
            .leastRequest, .roundRobin, .hash(.header("x-user")), .hash(.cookie("SID")), .hash(.clientAddress),
            .hash(.sequenceID),
        ])
        if backend.server == .triton, coin() { backend.balance = .leastQueue }
        if coin() {
            backend.limits.connections = some { $0.number(1...1000) }
            backend.limits.inFlight = number(1...2000)
            backend.limits.perEndpointInFlight = some { $0.number(1...1000) }
            backend.limits.queue = number(0...3)
            backend.limits.queueTimeout = duration()
        }
        if coin() {
            backend.timeouts.connect = duration()
            backend.timeouts.firstByte = some { $0.duration() }
            backend.timeouts.idle = duration()
        }
        backend.health = some {
            var health = Backend.HealthCheck()
            health.path = $0.some { $0.pick(["/healthz", "/v2/health/ready?x={1}"]) }
            health.grpc = $0.some { _ in false }
            health.interval = $0.pick([.seconds(2), .seconds(10)])
            health.unhealthyThreshold = $0.number(1...4)
            health.healthyThreshold = $0.number(1...4)
            return health
        }
        if coin() {
            backend.outlierDetection.consecutiveErrors = number(0...7)
            backend.outlierDetection.baseEjectionTime = pick([.zero, .seconds(30), .seconds(60)])
            backend.outlierDetection.maxEjectionPercent = pick(Self.percents)
        }
        backend.slowStart = some { $0.duration() }
        backend.panicThreshold = pick([50, 0, 12.5])
        backend.activation = some { random in
            let canExec = backend.endpoints.count == 1 && backend.services.isEmpty
            var activation = Backend.Activation(
                means: random.coin() && canExec
                    ? .exec(["sh", "", "-c", "a 'b' ${c}"]) : .kubernetes(namespace: "models", deployment: "triton.a-1")
            )
            activation.idleAfter = random.some { $0.pick([.seconds(1), .seconds(600)]) }
            activation.hold.requests = random.pick([256, 1])
            activation.hold.bytes = random.pick([256 << 20, 1 << 10])
            activation.hold.timeout = random.pick([.seconds(300), .milliseconds(1)])
            return activation
        }
        return backend
    }
}

extension RandomGateway {
    private mutating func route(_ name: String, _ backends: [String]) -> Route {
        var route = Route(name: name, action: .respond(response()))
        route.hosts = few(2, ["models.example.com", "*.example.com", "null", "on"])
        route.match = few(3, [0, 1, 2]).map { _ in match() }
        if coin(70) {
            route.action = .forward(forward(backends))
            route.priority = pick([.normal, .high])
            route.requestHeaders = operations(["x-a", "X-B", "yes", "1"])
            route.retries = some { $0.retries() }
            route.fault = some { $0.fault() }
            route.rewrite = some { $0.rewrite(hasPaths: route.hasPlainPaths) }
        } else if coin(40) {
            route.action = .redirect(redirect(hasPaths: route.hasPlainPaths))
        }
        route.denyFrom = few(2, Self.networks)
        route.allowFrom = few(2, Self.networks)
        route.cors = some { $0.cors() }
        route.basicAuth = some { $0.basicAuth() }
        route.rateLimit = some { $0.rateLimit(hasUsers: route.basicAuth != nil) }
        route.responseHeaders = operations(["x-a", "X-B", "cache-control", "~"])
        route.timeout = some { $0.duration() }
        route.idleTimeout = pick([.seconds(300), nil, .seconds(7)])
        route.maxBodySize = some { Int64($0.number(1...100)) << 20 }
        if case .forward(var forward) = route.action {
            if coin() { route.tritonParameters = tritonParameters(of: route) }
            route.fanOut = coin(10)
            if route.fanOut {
                (forward.sticky, forward.mirrors, forward.whenDown) = (nil, [], .spill)
                route.action = .forward(forward)
                (route.priority, route.retries, route.tritonParameters) = (.normal, nil, nil)
            }
        }
        return route
    }

    private mutating func response() -> Route.FixedResponse {
        var response = Route.FixedResponse(status: number(200...203))
        response.headers = few(2, ["x-a", "Www-Authenticate", "yes"]).map { .init(name: $0, value: pick(Self.values)) }
        response.body = pick([
            "", "Hello.\n", "a\nb\n", "  a\nb", "a\n\n b\n", "\n", "a\n\n", "{\"error\":\"x\"}", "a\tb", "x\r\ny",
            "# a\n- b\n",
        ])
        return response
    }

    private static let values = texts.filter { HeaderText.isValue($0) }

    private mutating func operations(_ names: [String]) -> HeaderOperations {
        var operations = HeaderOperations()
        guard coin(30) else { return operations }
        let templates = (Self.values + ["from %{client.address}", "100%", "%%{x}"]).compactMap {
            try? HeaderTemplate($0)
        }
        var names = names.shuffled(using: &random)[...]
        func take(_ count: Int) -> [String] {
            defer { names = names.dropFirst(count) }
            return Array(names.prefix(count))
        }
        operations.set = take(number(0...2)).map { .init(name: $0, value: pick(templates)) }
        operations.add = take(number(0...1)).map { .init(name: $0, value: pick(templates)) }
        operations.remove = take(number(0...1)).map { $0.lowercased() }
        return operations
    }

    private mutating func match() -> Match {
        var match = Match()
        match.path = some(70) {
            $0.pick([
                .exact($0.pick(Self.paths)), .prefix($0.pick(Self.paths)), .startsWith($0.pick(Self.paths)),
                .regex($0.pattern()),
            ])
        }
        switch match.path {
        case .regex, nil: break
        default: match.ignoresPathCase = coin(20)
        }
        match.host = some(20) { $0.pick([.exact("a.example.com"), .prefix("a"), .regex($0.pattern())]) }
        match.scheme = some(20) { $0.pick([.http, .https]) }
        match.port = some(20) { _ in 8080 }
        match.method = some { $0.pick(["GET", "POST", "NULL", "ON"]) }
        match.headers = named(Self.headers, areHeaders: true)
        match.withoutHeaders = coin(20) ? named(Self.headers, areHeaders: true) : []
        match.query = named(["debug", "yes", "1", "a[b]", "é", "#"], areHeaders: false)
        match.model = some(20) { $0.pick(["densenet_onnx", "2", "null"]) }
        match.version = some(20) { $0.pick(["2", "latest"]) }
        if match == Match() { match.method = "GET" }
        return match
    }

    private mutating func pattern() -> Pattern {
        (try? Pattern(pick(Self.patterns))) ?? { preconditionFailure("a pattern of the generator does not compile") }()
    }

    private mutating func named(_ names: [String], areHeaders: Bool) -> [Match.NamedMatch] {
        let texts = areHeaders ? Self.values : Self.texts
        return few(2, names).map { name in
            Match.NamedMatch(
                name: name,
                value: pick([
                    .exact(pick(texts)), .exact(pick(texts)), .prefix(pick(["Basic ", "a", "{", "null"])),
                    .regex(pattern()), .present(coin()),
                ]))
        }
    }

    private mutating func forward(_ backends: [String]) -> Route.Forward {
        let chosen = backends.shuffled(using: &random).prefix(number(1...3))
        let hasShares = coin()
        var forward = Route.Forward(
            backends: chosen.map { name in
                var entry = Route.WeightedBackend(
                    backend: name, label: coin(20) ? name + " b" : name, weight: hasShares ? number(0...100) : 1)
                entry.model = some(20) { $0.pick(["densenet", "2"]) }
                entry.version = some(20) { $0.pick(["1", "2"]) }
                entry.requestHeaders = operations(["x-a", "yes"])
                entry.responseHeaders = operations(["x-a", "yes"])
                return entry
            })
        if forward.backends.allSatisfy({ $0.weight == 0 }) { forward.backends[0].weight = 1 }
        forward.whenDown = pick([.spill, .fail])
        forward.sticky = some {
            $0.pick([.header("x-user"), .cookie("SID", ttl: nil), .cookie("yes", ttl: .seconds(3600)), .clientAddress])
        }
        forward.mirrors = few(2, backends).map { name in
            var mirror = Route.Mirror(backend: name)
            mirror.percent = pick(Self.percents)
            mirror.maxInFlight = pick([64, 1, 1000])
            mirror.maxBufferedBytes = pick([64 << 20, 1025])
            mirror.timeout = pick([.seconds(30), .seconds(5)])
            mirror.requestHeaders = operations(["x-a", "yes"])
            return mirror
        }
        return forward
    }

    private mutating func retries() -> Route.Retries {
        var retries = Route.Retries()
        retries.attempts = number(1...10)
        let on = few(
            4, [Route.Retries.Trigger.connectFailure, .refusedStream, .reset, .timeout, .status(503), .status(502)])
        if !on.isEmpty { retries.on = on }
        retries.perTryTimeout = some { $0.duration() }
        retries.budgetPercent = pick([20, 100, 33.5])
        retries.maxBufferedBytes = pick([1 << 20, 0, 1025])
        retries.inference = coin()
        return retries
    }

    private mutating func tritonParameters(of route: Route) -> Route.TritonParameters {
        var parameters = Route.TritonParameters()
        parameters.priority = pick([.route, .level(0), .level(.max)])
        if route.basicAuth != nil, coin() { parameters.userPriorities = ["ann": 1, "2": 0] }
        parameters.timeout = some { $0.coin() && route.timeout != nil ? .route : .fixed($0.duration()) }
        return parameters
    }

    private mutating func fault() -> Route.Fault {
        var fault = Route.Fault()
        fault.delay = some { .init(percent: $0.pick(Self.percents), duration: $0.duration()) }
        if fault.delay == nil || coin() {
            fault.abort = .init(percent: pick(Self.percents), answer: pick([.status(503), .grpcStatus(14)]))
        }
        return fault
    }

    private mutating func rewrite(hasPaths: Bool) -> Route.Rewrite {
        var rewrite = Route.Rewrite()
        rewrite.host = some { $0.pick(["a.example.com", "null"]) }
        rewrite.path = some { random in
            random.pick([
                .full(random.pick(Self.paths)), hasPaths ? .prefix(random.pick(Self.paths)) : .full("/"),
                (try? Pattern(#"/v2/(\w+)/(.*)"#)).map {
                    .regex($0, replacement: #"/\2, \1"#.replacing(", ", with: ""))
                }
                    ?? .full("/"),
            ])
        }
        if rewrite == Route.Rewrite() { rewrite.host = "b" }
        return rewrite
    }

    private mutating func redirect(hasPaths: Bool) -> Route.Redirect {
        var redirect = Route.Redirect()
        redirect.scheme = .https
        redirect.host = some { $0.pick(["a.example.com", "null"]) }
        redirect.port = some { $0.pick([.number(8443), .ofScheme, .ofRequest]) }
        redirect.path = some { [hasPaths] in hasPaths && $0.coin() ? .prefix("/x") : .full("/y") }
        redirect.code = pick([301, 302, 303, 307, 308])
        return redirect
    }

    private mutating func cors() -> Route.CORS {
        var cors = Route.CORS()
        cors.allowOrigins = [
            pick([
                .exact("https://a.example.com"), .wildcard(prefix: "https://", suffix: ".example.com"),
                .startsWith("https://a"), .regex(pattern()),
            ])
        ]
        cors.allowMethods = few(2, ["GET", "POST", "*"])
        cors.allowHeaders = few(2, ["x-a", "content-type", "*"])
        cors.exposeHeaders = few(2, ["x-a", "*"])
        cors.allowCredentials = coin()
        cors.maxAge = some { _ in .seconds(600) }
        cors.forwardsUnmatchedPreflights = coin()
        return cors
    }

    private mutating func basicAuth() -> Route.BasicAuth {
        var auth = Route.BasicAuth()
        auth.realm = pick(["sluice", "Inference", "it's", "null", "a # b"])
        for user in few(3, ["ann", "1", "yes", "a b", "*", "null"]) { auth.users[user] = pick(Self.hashes) }
        if auth.users.isEmpty { auth.users = ["bob": Self.hashes[1]] }
        auth.allow = some { random in [random.pick(auth.users.keys.sorted())] }
        auth.forwardUser = some { $0.pick(["x-user", "null"]) }
        auth.forwardAuthorization = coin()
        return auth
    }

    private mutating func rateLimit(hasUsers: Bool) -> Route.RateLimit {
        var limit = Route.RateLimit(requests: number(1...1000), per: duration(), burst: number(1...1000))
        if coin() { limit.burst = limit.requests }
        limit.key = pick([.route, .clientAddress, .header("x-user"), .header("*"), hasUsers ? .user : .route])
        return limit
    }
}

extension Route {
    /// Whether something matched can be replaced.
    fileprivate var hasPlainPaths: Bool {
        match.allSatisfy { if case .regex = $0.path { false } else { $0.path != nil } }
    }
}
