import Base
import Configuration
import ControlClient
import Glibc
import Synchronization
import Testing

/// What is sent, and what comes of it.
struct ExchangeTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// Serves requests without bodies, and remembers their heads.
    private static func server(
        _ answers: String..., path: String? = nil, heads: Heads = Heads()
    ) throws -> TestServer {
        try TestServer(path: path) { connection in
            var index = 0
            while let head = connection.readHead() {
                heads.list.withLock { $0.append(head) }
                connection.write(answers.isEmpty ? ok : answers[min(index, answers.count - 1)])
                index += 1
            }
        }
    }

    private final class Heads: Sendable {
        let list = Mutex<[String]>([])
        var last: [String] { list.withLock { $0.last?.split(separator: "\r\n").map(String.init) ?? [] } }
    }

    @Test func aGetIsPlain() async throws {
        let heads = Heads()
        let server = try Self.server(heads: heads)
        let response = try await makeClient().get(server.address) { $0.path = "/a/../b?c=%20&d" }.response
        #expect(response?.status == 200)
        #expect(response?.body == Array("ok".utf8))
        #expect(response?.header("content-length") == "2")
        #expect(
            heads.last == [
                "GET /a/../b?c=%20&d HTTP/1.1", "Host: \(server.address)", "Accept: */*",
                "User-Agent: sluice/\(sluiceVersion)",
            ])
    }

    @Test func aBodyGoesAsItIs() async throws {
        let body: [UInt8] = [0, 1, 13, 10, 0, 255]
        let server = try TestServer { connection in
            guard let head = connection.readHead() else { return }
            let echo = Array(head.utf8) + [10] + connection.read(body.count)
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(echo.count)\r\n\r\n")
            connection.write(echo)
        }
        let response = try await makeClient().get(server.address) {
            $0.method = "PUT"
            $0.headers = [("Host", "triton.test"), ("X-Empty", ""), ("Authorization", "Bearer t")]
            $0.body = body
        }.response
        let parts = response?.body.split(separator: 10, maxSplits: 7) ?? []
        let lines = parts.dropLast().map { String(decoding: $0, as: UTF8.self).filter { $0 != "\r" && $0 != "\r\n" } }
        #expect(
            lines == [
                "PUT / HTTP/1.1", "Host: triton.test", "Accept: */*", "X-Empty:", "Authorization: Bearer t",
                "User-Agent: sluice/\(sluiceVersion)", "Content-Length: 6",
            ])
        #expect(parts.last.map(Array.init) == body)
    }

    @Test func theLastHeadCountsAndTrailersAreApart() async throws {
        let server = try Self.server(
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 207 Odd\r\nTransfer-Encoding: chunked\r\n"
                + "X-Two:  a\t\r\nX-Two: b:c\r\nX-Empty:\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 5\r\n\r\n")
        let response = try #require(try await makeClient().get(server.address).response)
        #expect(response.status == 207)
        #expect(response.headers.map(\.name) == ["transfer-encoding", "x-two", "x-two", "x-empty"])
        #expect(response.headers.map(\.value) == ["chunked", "a", "b:c", ""])
        #expect(response.trailers.map(\.name) == ["x-sum"])
        #expect(response.trailer("x-sum") == "5")
        #expect(response.body == Array("ab".utf8))
    }

    @Test func aRedirectIsAnAnswer() async throws {
        let other = try Self.server()
        let server = try Self.server(
            "HTTP/1.1 302 Found\r\nLocation: http://\(other.address)/\r\nContent-Length: 0\r\n\r\n")
        #expect(try await makeClient().get(server.address).response?.status == 302)
        #expect(other.accepted == 0)
    }

    @Test func headHasNoBody() async throws {
        let server = try Self.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        let response = try await makeClient().get(server.address) { $0.method = "HEAD" }.response
        #expect(response?.header("content-length") == "2")
        #expect(response?.body == [])
    }

    @Test func connectionsAreKeptUnlessThatIsNotWanted() async throws {
        let server = try Self.server()
        let client = try makeClient()
        for _ in 0..<3 { #expect(await client.get(server.address).response?.status == 200) }
        #expect(server.accepted == 1)
        for _ in 0..<2 {
            #expect(await client.get(server.address) { $0.reusesConnection = false }.response?.status == 200)
        }
        #expect(server.accepted == 3)
        #expect(await client.get(server.address).response?.status == 200)
        #expect(server.accepted == 3)
    }

    @Test func aConnectionThatWasClosedMeanwhileIsMadeAgain() async throws {
        let server = try TestServer { connection in
            if connection.readHead() != nil { connection.write(Self.ok) }
        }
        let client = try makeClient()
        for _ in 0..<3 { #expect(await client.get(server.address).response?.status == 200) }
        #expect(server.accepted == 3)
    }

    @Test func theEnvironmentsProxyIsNotAsked() async throws {
        // Stays for the other tests, which show the same.
        for name in ["http_proxy", "all_proxy", "ALL_PROXY"] { setenv(name, "http://127.0.0.1:1", 1) }
        let server = try Self.server()
        #expect(try await makeClient().get(server.address).response?.status == 200)
    }

    @Test func unixSockets() async throws {
        let path = "/tmp/sluice-control-client-\(getpid()).sock"
        defer { unlink(path) }
        let heads = Heads()
        let server = try Self.server(path: path, heads: heads)
        #expect(try await makeClient().get(server.address).response?.status == 200)
        #expect(heads.last.contains("Host: localhost"))
    }

    @Test func connectingIsEnough() async throws {
        let server = try TestServer { $0.waitForEnd() }
        let result = try await makeClient().get(server.address) { $0.purpose = .connect }
        #expect(result.response?.status == 0)
        #expect(server.accepted == 1)
    }

    /// Two hundred that hang do not hold up one that answers.
    @Test func callsDoNotWaitForEachOther() async throws {
        // The kernel accepts them, and nobody reads.
        let (hanging, port) = try TestServer.listen(backlog: 256)
        defer { close(hanging) }
        let address = ControlClient.Address.tcp(HostPort(host: "127.0.0.1", port: port))
        let server = try Self.server()
        let client = try makeClient()
        let ended = Mutex(0)
        for _ in 0..<200 {
            client.send(.root(of: address)) { _ in ended.withLock { $0 += 1 } }
        }
        #expect(await client.get(server.address).response?.status == 200)
        #expect(ended.withLock { $0 } == 0)
    }
}
