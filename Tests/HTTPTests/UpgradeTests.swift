import Base
import HTTP
import Testing

/// Which heads speak of WebSocket and of nothing else, and what is written for the next hop.
struct UpgradeTests {
    static let asking = "Connection: Upgrade\r\nUpgrade: websocket\r\n"

    @Test(arguments: [
        asking, "Connection: keep-alive, UPGRADE\r\nupgrade:\t WebSocket \r\n",
        "Upgrade: websocket\r\nConnection: a\r\nConnection: close , upgrade\r\n", asking + "Content-Length: 0\r\n",
    ])
    func asks(_ lines: String) throws {
        #expect(try head(.request, "GET / HTTP/1.1\r\nHost: h\r\n\(lines)\r\n").asksForWebSocket)
    }

    @Test(arguments: [
        ("GET", "", "1"), ("GET", "Connection: Upgrade\r\n", "1"), ("GET", "Upgrade: websocket\r\n", "1"),
        ("GET", "Connection: keep-alive\r\nUpgrade: websocket\r\n", "1"),
        ("GET", "Connection: upgrades\r\nUpgrade: websocket\r\n", "1"),
        ("GET", "Connection: Upgrade\r\nUpgrade: h2c\r\n", "1"),
        ("GET", "Connection: Upgrade\r\nUpgrade: \r\n", "1"),
        ("GET", "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", "1"),
        ("GET", "Connection: Upgrade\r\nUpgrade: websocket,\r\n", "1"),
        ("GET", "Connection: Upgrade\r\nUpgrade: websockets\r\n", "1"), ("GET", asking + "Upgrade: websocket\r\n", "1"),
        ("GET", asking + "Upgrade: h2c\r\n", "1"), ("GET", asking + "Content-Length: 1\r\n", "1"),
        ("GET", asking + "Transfer-Encoding: chunked\r\n", "1"), ("GET", asking, "0"), ("POST", asking, "1"),
        ("HEAD", asking, "1"), ("CONNECT", asking, "1"),
    ])
    func asksForSomethingElse(_ method: String, _ lines: String, _ minor: String) throws {
        let parsed = try head(.request, "\(method) / HTTP/1.\(minor)\r\nHost: h\r\n\(lines)\r\n")
        #expect(!parsed.asksForWebSocket)
    }

    @Test(arguments: [
        ("HTTP/1.1 101 Go\r\n" + asking, true), ("HTTP/1.1 101\r\n" + asking + "Content-Length: 3\r\n", true),
        ("HTTP/1.1 200 OK\r\n" + asking, false), ("HTTP/1.1 100 Go\r\n" + asking, false),
        ("HTTP/1.0 101 Go\r\n" + asking, false), ("HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n", false),
        ("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\n", false),
        ("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n", false),
    ])
    func switches(_ text: String, _ expected: Bool) throws {
        #expect(try head(.answer, text + "\r\n").switchesToWebSocket == expected)
    }

    /// The two fields are this hop's own, and are not passed on but written.
    @Test func asksTheNextHop() throws {
        let lines = "Connection: Upgrade, X-Hop\r\nX-Hop: 1\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n"
        let parsed = try head(.request, "GET /ws HTTP/1.1\r\nHost: h\r\n\(lines)\r\n")
        #expect(Self.written(parsed, asking: false).contains("\r\nSec-WebSocket-Key: k\r\nVia: "))
        #expect(!Self.written(parsed, asking: false).contains("Upgrade"))
        #expect(
            Self.written(parsed, asking: true) == """
                GET /ws HTTP/1.1\r
                Host: h\r
                Sec-WebSocket-Key: k\r
                Via: 1.1 sluice\r
                X-Forwarded-Proto: http\r
                X-Forwarded-Host: h\r
                Connection: Upgrade\r
                Upgrade: websocket\r
                \r

                """)
    }

    private static func written(_ parsed: MessageHead, asking: Bool) -> String {
        var forwarding = RequestForwarding(
            framing: .none, target: parsed.slice(parsed.target), host: parsed.value(parsed.hostIndex))
        forwarding.asksForWebSocket = asking
        var out = ByteBuffer()
        HeadWriter.request(parsed, forwarding, into: &out)
        return shown(out.bytes)
    }

    /// HTTP/2 has other ways (RFC 8441), and none of them is taken.
    @Test func neverAsksOverHTTP2() throws {
        let fields = try HTTP2FieldListTests.forwarded("GET / HTTP/1.1\r\nHost: h\r\n\(Self.asking)\r\n") {
            $0.asksForWebSocket = true
        }
        #expect(!fields.contains { $0.hasPrefix("upgrade") || $0.hasPrefix("connection") })
    }

    @Test func writesTheSwitch() throws {
        let answer = try head(
            .answer,
            "HTTP/1.1 101 Go\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\nUpgrade: WebSocket\r\nContent-Length: 3\r\n"
                + "Sec-WebSocket-Accept: a\r\nX-Sluice-Cause: c\r\n\r\n")
        var out = ByteBuffer()
        HeadWriter.switching(answer, into: &out)
        #expect(
            shown(out.bytes) == """
                HTTP/1.1 101 Go\r
                Sec-WebSocket-Accept: a\r
                Connection: Upgrade\r
                Upgrade: websocket\r
                \r

                """)
    }
}
