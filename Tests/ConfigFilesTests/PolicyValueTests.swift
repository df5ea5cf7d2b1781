import Configuration
import Testing

@testable import ConfigFiles

/// What comes out of the policies of backends and routes, and of what concerns the whole process.
@Suite struct PolicyValueTests {
    private func gateway(_ top: String = "", backend: String = "", route: String = "", in scratch: ScratchDirectory)
        throws -> Gateway
    {
        let yaml = """
            listeners: [{ address: 0.0.0.0:8080 }]
            backends: { stable: { endpoints: [127.0.0.1:8000], \(backend) } }
            routes: [{ name: a, backends: [{ name: stable }], \(route) }]
            \(top)
            """
        try scratch.write(Array(yaml.utf8), to: "sluice.yaml")
        let outcome = scratch.load()
        #expect(scratch.lines(outcome) == [])
        return try #require(outcome.gateway)
    }

    private func backend(_ body: String) throws -> Backend {
        try #require(try gateway(backend: body, in: ScratchDirectory()).backends.first)
    }

    private func route(_ body: String) throws -> Route {
        try #require(try gateway(route: body, in: ScratchDirectory()).routes.first)
    }

    @Test func whatIsNotWrittenHasItsDefault() throws {
        let gateway = try gateway(in: ScratchDirectory())
        #expect(gateway.memoryLimit == nil && gateway.takeoverSocket == nil)
        let backend = gateway.backends[0]
        #expect(backend.balance == .leastRequest && backend.health == nil && backend.slowStart == nil)
        #expect(backend.outlierDetection == Backend.OutlierDetection() && backend.panicThreshold == 50)
        #expect(gateway.routes[0].priority == .normal && gateway.routes[0].retries == nil)
    }

    @Test func emptyObjectsAreOnWithDefaults() throws {
        let backend = try backend("health: {}, outlierDetection: {}")
        #expect(backend.health == Backend.HealthCheck() && backend.outlierDetection == Backend.OutlierDetection())
        #expect(try route("retries: {}").retries == Route.Retries())
    }

    @Test(
        arguments: [
            ("roundRobin", .roundRobin),
            ("leastRequest", .leastRequest),
            ("leastQueue", .leastQueue),
            ("{ hash: { header: X-User } }", .hash(.header("x-user"))),
            ("{ hash: { cookie: Session } }", .hash(.cookie("Session"))),
            ("{ hash: clientAddress }", .hash(.clientAddress)),
            ("{ hash: { clientAddress: true } }", .hash(.clientAddress)),
            ("{ hash: 'sequenceId' }", .hash(.sequenceID)),
            ("{ hash: { sequenceId: 'true' } }", .hash(.sequenceID)),
        ] as [(String, Backend.Balance)])
    func balance(_ text: String, _ balance: Backend.Balance) throws {
        #expect(try backend("balance: \(text)").balance == balance)
    }

    @Test func healthAtBothEndsOfItsRanges() throws {
        var least = Backend.HealthCheck()
        least.path = "/v2/health/ready?a=%20b"
        least.grpc = false
        least.interval = .milliseconds(100)
        least.timeout = .milliseconds(1)
        least.unhealthyThreshold = 1
        least.healthyThreshold = 1
        #expect(
            try backend(
                """
                health: { path: /v2/health/ready?a=%20b, grpc: false, interval: 100ms, timeout: 1ms, unhealthyThreshold: 1,
                          healthyThreshold: 1 }
                """
            ).health == least)
        var most = Backend.HealthCheck()
        most.interval = .seconds(3600)
        most.timeout = .seconds(3600)
        most.unhealthyThreshold = 1000
        most.healthyThreshold = 1000
        #expect(
            try backend("health: { interval: 1h, timeout: 60m, unhealthyThreshold: 1000, healthyThreshold: 1000 }")
                .health == most)
    }

    @Test(
        arguments: [
            ("consecutiveErrors: 0, baseEjectionTime: 0s, maxEjectionPercent: 0", 0, .zero, 0),
            ("consecutiveErrors: 1, baseEjectionTime: 100ms, maxEjectionPercent: 0.5", 1, .milliseconds(100), 0.5),
            (
                "consecutiveErrors: 65535, baseEjectionTime: 168h, maxEjectionPercent: 100", 65535, .seconds(604_800),
                100
            ),
        ] as [(String, Int, Duration, Double)])
    func outlierDetection(_ text: String, errors: Int, time: Duration, percent: Double) throws {
        let detection = try backend("outlierDetection: { \(text) }").outlierDetection
        #expect(detection.consecutiveErrors == errors && detection.baseEjectionTime == time)
        #expect(detection.maxEjectionPercent == percent)
    }

    @Test func slowStartAndPanicThreshold() throws {
        let some = try backend("slowStart: 30s, panicThreshold: 12.5")
        #expect(some.slowStart == .seconds(30) && some.panicThreshold == 12.5)
        let none = try backend("slowStart: 0s, panicThreshold: 0")
        #expect(none.slowStart == nil && none.panicThreshold == 0)
    }

    @Test func priorities() throws {
        #expect(try route("priority: high").priority == .high)
        #expect(try route("priority: normal").priority == .normal)
    }

    @Test func retriesAtBothEndsOfTheirRanges() throws {
        var least = Route.Retries()
        least.attempts = 1
        least.on = [.status(400)]
        least.perTryTimeout = nil
        least.budgetPercent = 0.1
        least.maxBufferedBytes = 0
        least.inference = false
        #expect(
            try route(
                """
                retries: { attempts: 1, on: [400], perTryTimeout: 0s, budgetPercent: 0.1, maxBufferedBytes: 0,
                           inference: false }
                """
            ).retries == least)
        var most = Route.Retries()
        most.attempts = 10
        most.on = [.timeout, .status(599), .reset, .refusedStream, .connectFailure]
        most.perTryTimeout = .seconds(604_800)
        most.budgetPercent = 100
        most.maxBufferedBytes = 1 << 30
        most.inference = true
        #expect(
            try route(
                """
                retries: { attempts: "10", on: [timeout, '599', reset, refusedStream, connectFailure], perTryTimeout: 168h,
                           budgetPercent: 100, maxBufferedBytes: 1GiB, inference: true }
                """
            ).retries == most)
    }

    @Test func memoryLimits() throws {
        #expect(try gateway("memoryLimit: 64MiB", in: ScratchDirectory()).memoryLimit == 64 << 20)
        #expect(try gateway("memoryLimit: 67108865", in: ScratchDirectory()).memoryLimit == (64 << 20) + 1)
        #expect(try gateway("memoryLimit: 1024TiB", in: ScratchDirectory()).memoryLimit == 1 << 50)
    }

    @Test func takeoverSocketsAreRelativeToTheirFile() throws {
        let scratch = try ScratchDirectory()
        #expect(
            try gateway("takeover: { socket: run/./a.sock }", in: scratch).takeoverSocket
                == FilePath.absolute(scratch.path + "/run/a.sock"))
        #expect(try gateway("takeover: { socket: /run/a.sock }", in: scratch).takeoverSocket == "/run/a.sock")
    }
}
