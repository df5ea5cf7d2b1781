import Base
import Configuration
import Synchronization
import Testing

@testable import ControlClient

/// grpc.health.v1.Health/Check, the bytes and the calls.
struct GRPCHealthTests {
    @Test(
        arguments: [
            ("", [0, 0, 0, 0, 0]), ("ab", [0, 0, 0, 0, 4, 0x0A, 2, 0x61, 0x62]),
            (
                String(repeating: "x", count: 300),
                [0, 0, 0, 1, 0x2F, 0x0A, 0xAC, 0x02] + Array(repeating: 0x78, count: 300)
            ),
        ] as [(String, [UInt8])])
    func writesRequests(_ service: String, _ expected: [UInt8]) {
        #expect(GRPCHealth.request(service: service) == expected)
    }

    @Test(
        arguments: [
            ([0, 0, 0, 0, 2, 8, 1], 1), ([0, 0, 0, 0, 0], 0), ([0, 0, 0, 0, 4, 8, 1, 8, 2], 2),
            // Other fields of every wire type.
            ([0, 0, 0, 0, 4, 0x10, 5, 8, 1], 1), ([0, 0, 0, 0, 6, 0x12, 2, 8, 9, 8, 1], 1),
            ([0, 0, 0, 0, 7, 0x15, 1, 2, 3, 4, 8, 1], 1), ([0, 0, 0, 0, 11, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1], 1),
            // A number in more bytes than it needs.
            ([0, 0, 0, 0, 3, 8, 0x81, 0], 1),
            // Compressed, cut, too long, two messages, a number of eleven bytes, field 0, a group.
            ([1, 0, 0, 0, 2, 8, 1], nil), ([0, 0, 0, 0, 2, 8], nil), ([0, 0, 0, 0, 1, 8, 1], nil), ([], nil),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], nil), ([0, 0, 0, 0, 1, 8], nil), ([0, 0, 0, 0, 2, 8, 0x81], nil),
            ([0, 0, 0, 0, 12, 8] + Array(repeating: 0x80, count: 10) + [1], nil), ([0, 0, 0, 0, 2, 0, 1], nil),
            ([0, 0, 0, 0, 1, 0x0B], nil), ([0, 0, 0, 0, 2, 0x12, 9], nil), ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF], nil),
        ] as [([UInt8], UInt64?)])
    func readsAnswers(_ bytes: [UInt8], _ expected: UInt64?) {
        #expect(GRPCHealth.servingStatus(bytes) == expected)
    }

    @Test func noBytesTrap() {
        var random = RandomSource(seed: 5)
        for _ in 0..<20_000 {
            let message = (0..<random.below(16)).map { _ in
                random.chance(percent: 50) ? UInt8(random.below(32)) : UInt8(random.below(256))
            }
            _ = GRPCHealth.servingStatus([0, 0, 0, 0, UInt8(message.count)] + message)
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: @Sendable (ControlClient.Address) -> HealthProbeResult
        let frames: @Sendable (UInt32) -> [UInt8]

        init(
            _ name: String, _ expected: @escaping @Sendable (ControlClient.Address) -> HealthProbeResult,
            _ frames: @escaping @Sendable (UInt32) -> [UInt8]
        ) {
            testDescription = name
            self.expected = expected
            self.frames = frames
        }

        /// A message and then the status.
        static func serving(_ status: UInt8) -> @Sendable (UInt32) -> [UInt8] {
            { stream in
                HTTP2Answers.headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
                    + HTTP2Answers.data(stream, [0, 0, 0, 0, 2, 8, status])
                    + HTTP2Answers.headers(stream, [("grpc-status", "0")], ends: true)
            }
        }

        /// The status without a message, among the headers ("Trailers-Only").
        static func status(_ status: String, _ message: String = "") -> @Sendable (UInt32) -> [UInt8] {
            { stream in
                HTTP2Answers.headers(
                    stream, [(":status", "200"), ("grpc-status", status), ("grpc-message", message)], ends: true)
            }
        }
    }

    static let rows = [
        Row("serving", { _ in .ready }, Row.serving(1)),
        Row("not serving", { .notReady("\($0) says that it does not serve") }, Row.serving(2)),
        Row("unknown", { .notReady("\($0) does not know yet whether it serves") }, Row.serving(0)),
        Row("unknown service", { .failed("\($0) does not know the service 'svc'") }, Row.serving(3)),
        Row("another number", { .failed("\($0) answered with serving status 9") }, Row.serving(9)),
        Row("not found", { .failed("\($0) answered with gRPC status notFound") }, Row.status("5")),
        Row(
            "not ready", { .notReady("\($0) answered with gRPC status unavailable: Server%20not%20ready") },
            Row.status("14", "Server%20not%20ready")),
        Row("busy", { .failed("\($0) answered with gRPC status unavailable: busy") }, Row.status("14", "busy")),
        Row("an odd status", { .failed("\($0) answered with gRPC status x") }, Row.status("x")),
        Row("no message", { .failed("\($0) answered with what is no HealthCheckResponse") }, Row.status("0")),
        Row("no gRPC", { .failed("\($0) answered 404 to gRPC") }) {
            HTTP2Answers.headers($0, [(":status", "404")], ends: true)
        },
        Row("no status", { .failed("\($0) answered without a gRPC status") }) {
            HTTP2Answers.headers($0, [(":status", "200")], ends: true)
        },
        Row(
            "reset",
            {
                .failed(
                    "\($0) does not answer as expected: HTTP/2 stream 1 was not closed cleanly: INTERNAL_ERROR (err 2)")
            }
        ) {
            HTTP2Answers.reset($0, code: 2)
        },
    ]

    @Test(arguments: rows) func judgesCalls(_ row: Row) async throws {
        let requests = Mutex<[HTTP2Request]>([])
        let server = try TestServer { connection in
            HTTP2Answers.serve(connection) { stream, request in
                requests.withLock { $0.append(request) }
                return row.frames(stream)
            }
        }
        let probe = HealthProbe(.grpc(service: "svc"), at: server.address, timeout: ample)
        #expect(try await makeClient().probe(probe) == row.expected(server.address))
        let request = try #require(requests.withLock { $0.first })
        #expect(request.field(":method") == "POST")
        #expect(request.field(":path") == "/grpc.health.v1.Health/Check")
        #expect(request.field("content-type") == "application/grpc")
        #expect(request.field("te") == "trailers")
        #expect(request.body == [0, 0, 0, 0, 5, 0x0A, 3] + Array("svc".utf8))
    }

    /// Without TLS each has a connection of its own.
    @Test(arguments: [(true, 1), (false, 3)]) func probesShareAConnection(
        _ isSecure: Bool, _ connections: Int
    ) async throws {
        let world = try TestWorld()
        let server = try TestServer(tls: isSecure ? world.context() : nil) { connection in
            HTTP2Answers.serve(connection) { stream, _ in Row.serving(1)(stream) }
        }
        let client = try makeClient()
        let probe = HealthProbe(
            .grpc(service: ""), at: server.address, tls: isSecure ? try world.settings() : nil, timeout: ample)
        for _ in 0..<3 {
            let result = await client.probe(probe)
            #expect(result == .ready)
        }
        #expect(server.accepted == connections)
    }

    /// An endpoint that went away without a word: its connection must not keep the next probe from the one that came
    /// after it.
    @Test func aConnectionThatHungIsNotUsedAgain() async throws {
        let connections = Mutex(0)
        let world = try TestWorld()
        let server = try TestServer(tls: world.context()) { connection in
            let number = connections.withLock {
                $0 += 1
                return $0
            }
            let served = Mutex(0)
            HTTP2Answers.serve(connection) { stream, _ in
                let isFirst = served.withLock {
                    $0 += 1
                    return $0 == 1
                }
                return number > 1 || isFirst ? Row.serving(1)(stream) : []
            }
        }
        let client = try makeClient()
        let settings = try world.settings()
        for (timeout, expected) in [
            (ample, .ready), (patience, .failed("\(server.address) did not answer within 500 ms")), (ample, .ready),
        ] as [(Duration, HealthProbeResult)] {
            let probe = HealthProbe(.grpc(service: ""), at: server.address, tls: settings, timeout: timeout)
            let result = await client.probe(probe)
            #expect(result == expected)
        }
        #expect(server.accepted == 2)
    }

    @Test func aServerOfHTTP1IsNoGRPCServer() async throws {
        let server = try TestServer { connection in
            _ = connection.read()
            connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        }
        let probe = HealthProbe(.grpc(service: ""), at: server.address, timeout: ample)
        guard case .failed(let reason) = try await makeClient().probe(probe) else {
            Issue.record("not failed")
            return
        }
        #expect(reason.hasPrefix("\(server.address) "))
        #expect(!reason.contains("within"))
    }
}
