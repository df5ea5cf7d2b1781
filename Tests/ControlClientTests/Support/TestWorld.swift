import Base
import Configuration
import TLS

/// An authority, and what it has issued.
struct TestWorld {
    let authority: TestCertificate
    let server: TestCertificate
    let client: TestCertificate

    init() throws {
        authority = try TestCertificate("Authority")
        server = try TestCertificate("server", names: "DNS:server.test,IP:127.0.0.1", issuer: authority)
        client = try TestCertificate("client", issuer: authority)
    }

    func context(
        alpn: [String] = ["h2", "http/1.1"], clients: TLSClientAuthentication = .none
    ) throws -> TLSServerContext {
        try TLSServerContext(
            TLSServerSettings(
                certificates: [server.pair], clientCA: clients == .none ? nil : authority.pem,
                clientAuthentication: clients, alpn: alpn),
            tickets: TicketKeys(now: Instant.now()))
    }

    func settings(_ name: String? = "server.test") throws -> BackendTLS {
        var settings = BackendTLS()
        settings.authorities = try authority.pem
        settings.serverName = name
        return settings
    }
}
