import CSSL
import Testing

@testable import TLS

struct ClientVerificationTests {
    private static func failure(
        of certificate: TestCertificate, name: String = "server.test", authorities: [UInt8]? = nil,
        verifies: Bool = true
    ) throws -> TLSFailure? {
        let trusted = try authorities ?? TestWorld.shared.authority.pem
        let client = try TLSClientContext(TLSClientSettings(authorities: trusted, verifies: verifies))
        let pair = try Pair(client, .test([certificate.pair]), name: name).connect()
        if pair.client.failure == nil {
            pair.expectWorking()
        } else {
            // The server hears why.
            #expect(pair.server.failure != nil || pair.server.received.isEmpty)
            #expect(!pair.client.session.isEstablished)
        }
        return pair.client.failure
    }

    @Test func namesAreChecked() throws {
        let server = try TestWorld.shared.server
        for name in ["server.test", "SERVER.test", "a.wild.test", "127.0.0.1", "::1"] {
            #expect(try Self.failure(of: server, name: name) == nil, "\(name)")
        }
        for name in ["other.test", "wild.test", "a.b.wild.test", "127.0.0.2", "::2", "server", "sub.server.test"] {
            let failure = try #require(try Self.failure(of: server, name: name), "\(name)")
            #expect(failure.kind == .certificate)
            #expect(failure.reason.contains("mismatch"))
        }
    }

    /// RFC 9525 section 2.
    @Test func theCommonNameIsNoHostName() throws {
        let old = try TestCertificate("server.test", issuer: TestWorld.shared.authority)
        #expect(try Self.failure(of: old)?.kind == .certificate)
    }

    @Test func partialWildcardsMatchNothing() throws {
        let odd = try TestCertificate("odd", names: "DNS:s*.test", issuer: TestWorld.shared.authority)
        #expect(try Self.failure(of: odd)?.kind == .certificate)
    }

    @Test func theTrustworthyAreToldFromOthers() throws {
        let world = try TestWorld.shared
        let expired = try TestCertificate("e", names: "DNS:server.test", days: -9 ... -2, issuer: world.authority)
        let future = try TestCertificate("f", names: "DNS:server.test", days: 2...9, issuer: world.authority)
        let foreign = try TestCertificate("g", names: "DNS:server.test", issuer: world.otherAuthority)
        let own = try TestCertificate("s", names: "DNS:server.test")
        for (certificate, words) in [
            (expired, "expired"), (future, "not yet valid"), (foreign, "issuer"), (own, "self"),
        ] {
            let failure = try #require(try Self.failure(of: certificate))
            #expect(failure.kind == .certificate)
            #expect(failure.reason.contains(words), "\(failure.reason)")
            // Nobody looks: it passes.
            #expect(try Self.failure(of: certificate, verifies: false) == nil)
        }
        // A certificate may be its own authority.
        #expect(try Self.failure(of: own, authorities: own.pem) == nil)
    }

    /// Nothing of the test's own is in the system's store.
    @Test func theSystemsStoreJudgesByDefault() throws {
        let client = try TLSClientContext(TLSClientSettings())
        let pair = try Pair(client, .test()).connect()
        #expect(pair.client.failure?.kind == .certificate)
    }

    @Test(arguments: ["", "a b", "a\0.test", "a..b", "exämple", String(repeating: "a.", count: 130) + "a", "[::1]"])
    func oddServerNamesAreNone(text: String) {
        #expect(TLSServerName(text) == nil)
    }

    @Test func addressesAreNotSentAsNames() throws {
        let pair = try Pair(.test(), .test(), name: "::1").connect()
        pair.expectWorking()
        #expect(pair.server.session.sni == nil)
    }
}
