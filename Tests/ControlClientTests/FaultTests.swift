import Configuration
import ControlClient
import Glibc
import Testing

/// What goes wrong has a kind and a sentence, and nothing hangs.
struct FaultTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let kind: ControlClient.Failure.Kind
        /// The end of the sentence; it begins with the address.
        let words: String
        let handler: TestServer.Handler

        init(
            _ name: String, _ kind: ControlClient.Failure.Kind, _ words: String, _ handler: @escaping TestServer.Handler
        ) {
            testDescription = name
            self.kind = kind
            self.words = words
            self.handler = handler
        }
    }

    private static let large = String(repeating: "x", count: 2000)

    static let rows = [
        Row("no answer", .timeout, "did not answer within 500 ms") { $0.waitForEnd() },
        Row("half a head", .timeout, "did not finish its answer within 500 ms") {
            _ = $0.readHead()
            $0.write("HTTP/1.1 200 OK\r\nContent-Le")
            $0.write("ngth: 3\r\n")
            $0.waitForEnd()
        },
        Row("slow body", .timeout, "did not finish its answer within 500 ms") {
            _ = $0.readHead()
            $0.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
            $0.waitForEnd()
        },
        Row("reset", .reset, "closed the connection without an answer") {
            _ = $0.readHead()
            $0.reset()
        },
        Row("end", .reset, "closed the connection without an answer") { _ = $0.readHead() },
        Row("end in the body", .reset, "closed the connection in the middle of its answer") {
            _ = $0.readHead()
            $0.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
        },
        Row("end between chunks", .reset, "closed the connection in the middle of its answer") {
            _ = $0.readHead()
            $0.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        },
        Row("too long, as announced", .tooLarge, "answered with a body of more than 1000 bytes") {
            _ = $0.readHead()
            $0.write("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n")
            $0.waitForEnd()
        },
        Row("too long, unannounced", .tooLarge, "answered with a body of more than 1000 bytes") {
            _ = $0.readHead()
            $0.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n\(large)\r\n")
            $0.waitForEnd()
        },
        Row("large head", .tooLarge, "answered with more than 65536 bytes of headers") {
            _ = $0.readHead()
            $0.write("HTTP/1.1 200 OK\r\n")
            for _ in 0..<40 { $0.write("x-large: \(large)\r\n") }
            $0.waitForEnd()
        },
        Row("no HTTP", .protocol, "does not answer as expected: Received HTTP/0.9 when not allowed") {
            _ = $0.readHead()
            $0.write("+PONG\r\n\r\n")
        },
    ]

    @Test(arguments: rows) func endsWithAReason(_ row: Row) async throws {
        let server = try TestServer(row.handler)
        let failure = try await makeClient().get(server.address) {
            if row.kind == .timeout { $0.timeout = patience }
            $0.bodyLimit = 1000
        }.failure
        #expect(failure?.kind == row.kind)
        #expect(failure?.description.hasPrefix("\(server.address) \(row.words)") == true, "\(failure as Any)")
    }

    @Test func nobodyListens() async throws {
        let port = try closedPort()
        let failure = try await makeClient().get(.tcp(HostPort(host: "127.0.0.1", port: port))).failure
        #expect(failure?.kind == .connect)
        #expect(failure?.description == "127.0.0.1:\(port) does not accept connections: connection refused")
    }

    @Test func noSuchSocket() async throws {
        let failure = try await makeClient().get(.unix(path: "/nonexistent/socket")).failure
        #expect(failure?.kind == .connect)
        #expect(
            failure?.description
                == "unix:/nonexistent/socket does not accept connections: no such file or directory")
    }

    /// A full backlog: the kernel lets the connection wait.
    @Test func nobodyAccepts() async throws {
        let (listener, port) = try TestServer.listen(backlog: 0)
        var waiting: [Int32] = []
        defer { for descriptor in waiting + [listener] { close(descriptor) } }
        for _ in 0..<4 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            waiting.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        let failure = try await makeClient().get(.tcp(HostPort(host: "127.0.0.1", port: port))) {
            $0.connectTimeout = patience
        }.failure
        #expect(failure?.kind == .timeout)
        #expect(failure?.description == "127.0.0.1:\(port) did not accept a connection within 500 ms")
    }

    /// A label of 64 bytes is refused without asking a name server (RFC 1035 section 2.3.4).
    @Test func noSuchName() async throws {
        let name = String(repeating: "a", count: 64) + ".test"
        let failure = try await makeClient().get(.tcp(HostPort(host: name, port: 80))).failure
        #expect(failure?.kind == .resolve)
        #expect(failure?.description.hasPrefix("\(name):80 has no address: ") == true, "\(failure as Any)")
    }

    static let unusable: [@Sendable (inout ControlClient.Request) -> Void] = [
        { $0.path = "relative" }, { $0.path = "/a b" }, { $0.path = "/a\r\nx: y" }, { $0.path = "/#" },
        { $0.path = "" }, { $0.method = "" }, { $0.method = "GET /" }, { $0.headers = [("x", "a\r\ny: b")] },
        { $0.headers = [("x:y", "")] }, { $0.headers = [("", "x")] }, { $0.headers = [("Content-Length", "3")] },
        { $0.headers = [("x", "\0")] }, { $0.address = .tcp(HostPort(host: "a/b", port: 80)) },
        { $0.address = .tcp(HostPort(host: "u@h", port: 80)) }, { $0.address = .tcp(HostPort(host: "", port: 80)) },
        { $0.address = .tcp(HostPort(host: "h", port: 0)) }, { $0.address = .unix(path: "") },
        { $0.address = .unix(path: String(repeating: "x", count: 108)) },
        {
            $0.address = .unix(path: "/x")
            $0.tls = BackendTLS()
        },
        {
            $0.tls = BackendTLS()
            $0.tls?.serverName = "a:80/b"
        },
    ]

    @Test(arguments: unusable.indices) func whatCannotBeSentIsRefused(_ index: Int) async throws {
        let server = try TestServer { _ in }
        let failure = try await makeClient().get(server.address, Self.unusable[index]).failure
        #expect(failure?.kind == .request, "\(failure as Any)")
        #expect(server.accepted == 0)
    }
}
