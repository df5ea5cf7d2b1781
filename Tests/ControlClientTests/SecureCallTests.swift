import Configuration
import ControlClient
import TLS
import Testing

/// Servers have to prove their names, whatever address they are called at.
struct SecureCallTests {
    private static let answering: TestServer.Handler = { connection in
        while connection.readHead() != nil { connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") }
    }

    @Test(arguments: ["server.test", nil]) func aNameOrAnAddressIsProved(_ name: String?) async throws {
        let world = try TestWorld()
        let server = try TestServer(tls: world.context(), Self.answering)
        let client = try makeClient()
        let settings = try world.settings(name)
        for _ in 0..<2 {
            let result = await client.get(server.address) { $0.tls = settings }
            #expect(result.response?.body == Array("ok".utf8), "\(result)")
        }
        #expect(server.accepted == 1)
    }

    @Test func anotherNameIsNoProof() async throws {
        let world = try TestWorld()
        let server = try TestServer(tls: world.context(), Self.answering)
        let client = try makeClient()
        var settings = try world.settings()
        #expect(await client.get(server.address) { $0.tls = settings }.response != nil)
        // A connection that is good under one name is not used under another.
        settings.serverName = "other.test"
        let failure = await client.get(server.address) { $0.tls = settings }.failure
        #expect(failure?.kind == .tls)
        #expect(
            failure?.description == "TLS with \(server.address) failed: "
                + "SSL: no alternative certificate subject name matches target host name 'other.test'")
    }

    @Test func anUnknownAuthorityIsNotBelieved() async throws {
        let world = try TestWorld()
        let server = try TestServer(tls: world.context(), Self.answering)
        for authorities in [try TestWorld().authority.pem, nil] {
            var settings = try world.settings()
            settings.authorities = authorities
            let failure = try await makeClient().get(server.address) { $0.tls = settings }.failure
            #expect(failure?.kind == .tls, "\(failure as Any)")
        }
    }

    @Test func aClientsCertificateIsShown() async throws {
        let world = try TestWorld()
        let server = try TestServer(tls: world.context(clients: .require), Self.answering)
        let client = try makeClient()
        var settings = try world.settings()
        let failure = await client.get(server.address) { $0.tls = settings }.failure
        #expect(failure?.kind == .tls, "\(failure as Any)")
        settings.certificate = try world.client.files
        #expect(await client.get(server.address) { $0.tls = settings }.response?.status == 200)
    }

    @Test func damagedSettingsAreNotUsed() async throws {
        let world = try TestWorld()
        let server = try TestServer(tls: world.context(), Self.answering)
        for damage in 0..<2 {
            var settings = try world.settings()
            if damage == 0 { settings.authorities = Array("no certificate".utf8) }
            if damage == 1 { settings.certificate = CertificateFiles(chain: [1, 2], privateKey: [3]) }
            let failure = try await makeClient().get(server.address) { $0.tls = settings }.failure
            #expect(failure?.kind == .tls || failure?.kind == .request, "\(failure as Any)")
        }
    }

    @Test func aServerWithoutTLS() async throws {
        let silent = try TestServer { $0.waitForEnd() }
        let plain = try TestServer {
            _ = $0.read()
            $0.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        }
        let settings = try TestWorld().settings()
        let client = try makeClient()
        let late = await client.get(silent.address) {
            $0.tls = settings
            $0.connectTimeout = patience
        }.failure
        #expect(late?.kind == .timeout)
        #expect(late?.description == "\(silent.address) did not complete the TLS handshake within 500 ms")
        #expect(await client.get(plain.address) { $0.tls = settings }.failure?.kind == .tls)
    }

    @Test func connectingIncludesTheHandshake() async throws {
        let world = try TestWorld()
        let server = try TestServer(tls: world.context()) { $0.waitForEnd() }
        let client = try makeClient()
        for (name, works) in [("server.test", true), ("other.test", false)] {
            let settings = try world.settings(name)
            let result = await client.get(server.address) {
                $0.purpose = .connect
                $0.tls = settings
            }
            #expect((result.response != nil) == works, "\(result)")
        }
    }

    @Test func theProtocolIsAgreedOn() async throws {
        let world = try TestWorld()
        let settings = try world.settings()
        let client = try makeClient()
        let modern = try TestServer(tls: world.context(alpn: ["h2"])) { connection in
            HTTP2Answers.serve(connection) { stream, request in
                HTTP2Answers.headers(
                    stream, [(":status", "200"), ("x-scheme", request.field(":scheme") ?? "")], ends: true)
            }
        }
        let result = await client.get(modern.address) {
            $0.tls = settings
            $0.protocol = .http2
        }
        #expect(result.response?.header("x-scheme") == "https", "\(result)")
        let old = try TestServer(tls: world.context(alpn: ["http/1.1"]), Self.answering)
        let failure = await client.get(old.address) {
            $0.tls = settings
            $0.protocol = .http2
        }.failure
        #expect(failure?.kind == .protocol)
        #expect(failure?.description == "\(old.address) does not speak HTTP/2")
    }
}
