import Base
import Configuration
import Testing

@testable import ConfigFiles

/// The examples that come with the project, and what they mean.
@Suite struct ExampleTests {
    static let repository = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    private func load(_ name: String) throws -> Gateway {
        let outcome = ConfigurationLoader.load(path: Self.repository + "/config/" + name)
        #expect(outcome.diagnostics == [])
        return try #require(outcome.gateway)
    }

    @Test func minimal() throws {
        let gateway = try load("minimal.yaml")
        var expected = Gateway()
        expected.listeners = [Listener(name: "0.0.0.0:8080", address: .tcp(HostPort(host: "0.0.0.0", port: 8080)))]
        expected.admin = AdminSurface(address: .tcp(HostPort(host: "127.0.0.1", port: 9901)))
        var backend = Backend(name: "triton")
        backend.endpoints = [Backend.Endpoint(address: .tcp(HostPort(host: "127.0.0.1", port: 8000)))]
        expected.backends = [backend]
        let entry = Route.WeightedBackend(backend: "triton", label: "triton")
        expected.routes = [Route(name: "all", action: .forward(Route.Forward(backends: [entry])))]
        #expect(gateway == expected)
        #expect(gateway.routes[0].idleTimeout == .seconds(300))
        #expect(gateway.accessLog == nil && gateway.metrics == nil && gateway.loops == nil)
    }

    @Test func fullOutsideBackendsAndRoutes() throws {
        let gateway = try load("full.yaml")
        #expect(gateway.loops == 2)
        #expect(gateway.resolve == ["triton.ml.svc.cluster.local": HostPort(host: "10.0.0.7", port: 8000)])
        let listener = try #require(gateway.listeners.first)
        #expect(gateway.listeners.map(\.name) == ["public", "[::1]:8081"])
        #expect(listener.limits.connections == 10000 && listener.limits.headerBytes == 65536)
        #expect(listener.limits.headerTimeout == .seconds(10) && listener.limits.idleTimeout == .seconds(75))
        #expect(listener.limits.http2Streams == 128 && listener.limits.maxConnectionAge == .seconds(3600))
        #expect(gateway.listeners[1].limits == Listener.Limits())
        #expect(
            listener.trustedProxies == [
                try CIDR(parsing: "10.0.0.0/8"), try CIDR(parsing: "2001:db8::/32"), try CIDR(parsing: "192.0.2.7/32"),
            ])
        #expect(gateway.admin?.allowedHosts == ["ops.example.com"] && gateway.admin?.readOnly == false)
        #expect(gateway.admin?.tls?.certificates.count == 1 && gateway.admin?.tls?.minimumVersion == .tls13)
        #expect(gateway.admin?.login?.realm == "Operators" && gateway.admin?.login?.users["root"] != nil)
        #expect(gateway.metrics == .tcp(HostPort(host: "0.0.0.0", port: 9902)))
        #expect(gateway.accessLog == AccessLog())
        let tracing = try #require(gateway.tracing)
        #expect(tracing.path == "/v1/traces" && tracing.samplePercent == 1 && tracing.serviceName == "sluice")
        #expect(tracing.headers == [.init(name: "authorization", value: "Bearer change-me")])
        #expect(gateway.shutdown == Shutdown())
        #expect(gateway.memoryLimit == 1 << 30 && gateway.takeoverSocket == "/run/sluice/takeover.sock")
    }

    @Test func fullBackends() throws {
        let gateway = try load("full.yaml")
        #expect(
            gateway.backends.map(\.name) == [
                "stable", "canary", "sessions", "tenants", "sequences", "shadow", "website",
            ])
        let stable = try #require(gateway.backends.first)
        #expect(
            stable.endpoints.map(\.address.description) == [
                "127.0.0.1:8000", "triton.ml.svc.cluster.local:8000", "10.0.0.8:8000",
            ])
        #expect(stable.endpoints.map(\.weight) == [1, 1, 3])
        #expect(stable.limits.connections == 512 && stable.limits.perEndpointInFlight == 64)
        #expect(stable.timeouts.firstByte == .seconds(30))
        #expect(gateway.backends[5].limits.inFlight == 64 && gateway.backends[5].limits.queue == 0)
        #expect(gateway.backends.map { $0.server == .generic } == gateway.backends.map { $0.name == "website" })
        #expect(gateway.backends.map { $0.protocol == .http2 } == gateway.backends.map { $0.name == "website" })
        #expect(gateway.backends.compactMap(\.grpcPort) == [8001])
        #expect(stable.endpoints.map(\.grpcPort) == [8001, 8001, 9001])
        #expect(stable.endpoints.map(\.metricsPort) == [8002, 8002, 8002])
        #expect(gateway.backends.compactMap(\.metricsInterval) == [.milliseconds(500)])
    }

    @Test func fullBackendPolicies() throws {
        let gateway = try load("full.yaml")
        #expect(
            gateway.backends.map(\.balance) == [
                .leastRequest, .hash(.header("x-user")), .hash(.cookie("session")), .hash(.clientAddress),
                .hash(.sequenceID), .roundRobin, .leastRequest,
            ])
        let stable = try #require(gateway.backends.first)
        // The example shows the defaults, but for what has none.
        var health = Backend.HealthCheck()
        health.path = "/v2/health/ready"
        health.grpc = true
        #expect(stable.health == health && gateway.backends[4].health == Backend.HealthCheck())
        #expect(stable.outlierDetection == Backend.OutlierDetection() && stable.panicThreshold == 50)
        #expect(stable.slowStart == .seconds(30) && gateway.backends[1].slowStart == nil)
    }

    @Test func fullRoutes() throws {
        let gateway = try load("full.yaml")
        #expect(
            gateway.routes.map(\.name) == [
                "densenet", "hello", "chat", "old", "control", "older", "moved", "gone", "stateful", "rest",
            ])
        let route = try #require(gateway.routes.first)
        #expect(route.hosts == ["models.example.com", "*.ml.example.com"])
        #expect(route.timeout == .seconds(300) && route.idleTimeout == .seconds(300))
        #expect(route.maxBodySize == 50 << 20)
        var retries = Route.Retries()
        retries.attempts = 2
        retries.on = [.connectFailure, .refusedStream, .reset, .timeout, .status(503)]
        retries.perTryTimeout = .seconds(2)
        retries.inference = true
        #expect(route.retries == retries && route.priority == .high)
        var parameters = Route.TritonParameters()
        parameters.priority = .route
        parameters.userPriorities = ["ann": 1, "bob": 2]
        parameters.timeout = .fixed(.seconds(10))
        #expect(route.tritonParameters == parameters)
        #expect(gateway.routes[9].retries == nil && gateway.routes[9].priority == .normal)
        guard case .forward(let forward) = route.action else {
            Issue.record("the route does not forward")
            return
        }
        #expect(
            forward.backends == [
                Route.WeightedBackend(backend: "stable", label: "stable", weight: 80),
                Route.WeightedBackend(backend: "canary", label: "v2", weight: 20),
            ])
        var mirror = Route.Mirror(backend: "shadow")
        mirror.percent = 12.5
        #expect(forward.mirrors == [mirror])
        let auth = try #require(route.basicAuth)
        #expect(auth.realm == "Inference" && auth.users.keys.sorted() == ["ann", "bob"] && !auth.forwardAuthorization)

        var hello = Route.FixedResponse(status: 200)
        hello.headers = [Route.FixedResponse.Header(name: "content-type", value: "text/plain")]
        hello.body = "Hello.\n"
        #expect(gateway.routes[1].action == .respond(hello))
    }

    @Test func fullMatches() throws {
        let matches = try load("full.yaml").routes[0].match
        #expect(matches.count == 4)
        let first = try #require(matches.first)
        #expect(first.path == .prefix("/v2/models") && first.method == "POST")
        #expect(first.model == "densenet_onnx" && first.version == "2")
        #expect(first.query == [Match.NamedMatch(name: "debug", value: .exact("1"))])
        #expect(first.headers.map(\.name) == ["x-tenant", "x-beta", "x-build", "x-region", "authorization"])
        #expect(first.headers.map(\.value)[0...1] == [.exact("gold"), .present(true)])
        #expect(first.headers.map(\.value)[3...4] == [.exact("eu-central"), .prefix("Basic ")])
        guard case .regex(let build) = first.headers[2].value, case .regex(let path) = matches[3].path else {
            Issue.record("a regular expression is missing")
            return
        }
        #expect(build.source == "[0-9]+-rc[0-9]*" && path.source == "/v2/models/densenet_(onnx|trt)/infer")
        #expect(matches[1].path == .exact("/v2/models/densenet_onnx/infer"))
        #expect(matches[2].path == .startsWith("/v2/models/densenet"))
    }
}
