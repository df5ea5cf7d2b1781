import Configuration
import Synchronization
import Testing

@testable import ControlClient

/// HTTP and connection checks.
struct HealthProbeTests {
    private static let address = ControlClient.Address.tcp(HostPort(host: "10.0.0.7", port: 8000))
    private static let http = HealthProbe(.http(path: "/ready"), at: address)

    @Test(
        arguments: [
            (200, "", .ready), (200, "not ready", .ready),
            (400, "", .notReady("10.0.0.7:8000 answered 400")), (503, "", .notReady("10.0.0.7:8000 answered 503")),
            (
                400, "{\"error\":\"Model version not ready\"}",
                .notReady("10.0.0.7:8000 answered 400: {\"error\":\"Model version not ready\"}")
            ),
            (503, "Server Not Ready\r\n", .notReady("10.0.0.7:8000 answered 503: Server Not Ready  ")),
            (503, "Exceeds maximum queue size", .failed("10.0.0.7:8000 answered 503: Exceeds maximum queue size")),
            (400, "<html>Bad Request", .failed("10.0.0.7:8000 answered 400: <html>Bad Request")),
            (404, "", .failed("10.0.0.7:8000 answered 404")),
            (500, "not ready", .failed("10.0.0.7:8000 answered 500: not ready")),
            (204, "", .failed("10.0.0.7:8000 answered 204")), (302, "", .failed("10.0.0.7:8000 answered 302")),
        ] as [(Int, String, HealthProbeResult)])
    func judgesAnswers(_ status: Int, _ body: String, _ expected: HealthProbeResult) {
        var response = ControlClient.Response()
        response.status = status
        response.body = Array(body.utf8)
        #expect(Self.http.judge(.success(response)) == expected)
    }

    @Test func longAndHostileAnswersBecomeOneShortLine() {
        var response = ControlClient.Response()
        response.status = 500
        response.body = [0x1B, 0x5B, 0x41, 0x0A, 0xFF] + Array(repeating: 0x78, count: 5000)
        guard case .failed(let reason) = Self.http.judge(.success(response)) else {
            Issue.record("not failed")
            return
        }
        #expect(reason == "10.0.0.7:8000 answered 500:  [A \u{FFFD}" + String(repeating: "x", count: 155) + "…")
    }

    @Test func failuresKeepTheirSentence() {
        #expect(Self.http.judge(.failure(ControlClient.Failure(.connect, "why"))) == .failed("why"))
    }

    @Test(
        arguments: [
            (.triton, nil, false, .http(path: "/v2/health/ready")), (.triton, "/x", false, .http(path: "/x")),
            (.triton, nil, true, .grpc(service: "")), (.triton, "/x", true, .grpc(service: "")),
            (.kserve, nil, false, .http(path: "/v2/health/ready")), (.torchserve, nil, false, .http(path: "/ping")),
            (.tfserving, nil, false, .connect),
            (.tfserving, "/v1/models/half/metadata", false, .http(path: "/v1/models/half/metadata")),
            (.generic, nil, false, .connect), (.generic, "/x", false, .http(path: "/x")),
            (.generic, nil, true, .grpc(service: "")),
        ] as [(Backend.Server, String?, Bool, HealthProbe.Check)])
    func presets(_ server: Backend.Server, _ path: String?, _ grpc: Bool, _ expected: HealthProbe.Check) {
        #expect(HealthProbe.Check.preset(for: server, path: path, grpc: grpc) == expected)
    }

    @Test func asksTheServer() async throws {
        let isReady = Mutex(false)
        let server = try TestServer { connection in
            while let head = connection.readHead() {
                #expect(head.hasPrefix("GET /v2/health/ready HTTP/1.1\r\n"))
                let status = isReady.withLock { $0 } ? "200 OK" : "400 Bad Request"
                connection.write("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let client = try makeClient()
        let probe = HealthProbe(
            .preset(for: .triton, path: nil, grpc: false), at: server.address, timeout: ample)
        #expect(await client.probe(probe) == .notReady("\(server.address) answered 400"))
        isReady.withLock { $0 = true }
        #expect(await client.probe(probe) == .ready)
        #expect(server.accepted == 1)
    }

    @Test func connects() async throws {
        let server = try TestServer { $0.waitForEnd() }
        let client = try makeClient()
        #expect(await client.probe(HealthProbe(.connect, at: server.address, timeout: ample)) == .ready)
        let port = try closedPort()
        let closed = HealthProbe(.connect, at: .tcp(HostPort(host: "127.0.0.1", port: port)), timeout: ample)
        #expect(
            await client.probe(closed)
                == .failed("127.0.0.1:\(port) does not accept connections: connection refused"))
    }

    @Test func aHungServerFailsInTime() async throws {
        let server = try TestServer { $0.waitForEnd() }
        let probe = HealthProbe(.http(path: "/"), at: server.address, timeout: patience)
        #expect(
            try await makeClient().probe(probe) == .failed("\(server.address) did not answer within 500 ms"))
    }
}
