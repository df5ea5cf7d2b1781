import Testing

@testable import TLS

struct ClientCertificateTests {
    private static func connect(
        _ authentication: TLSClientAuthentication, _ certificate: TLSKeyPair?, _ version: TLSVersion
    ) throws -> Pair {
        let server = try TLSServerContext.test(
            clientCA: TestWorld.shared.authority.pem, clientAuthentication: authentication)
        return try Pair(.test(certificate: certificate, maxVersion: version), server).connect()
    }

    @Test(arguments: TLSVersion.allCases)
    func aCertificateIsAskedForAndNamed(version: TLSVersion) throws {
        for authentication in [TLSClientAuthentication.request, .require] {
            let pair = try Self.connect(authentication, TestWorld.shared.client.pair, version)
            pair.expectWorking()
            #expect(pair.server.session.peerSubject == "CN=client,O=Tests\\, Inc.")
            #expect(pair.server.session.peerCommonName == "client")
        }
        let unasked = try Self.connect(.none, TestWorld.shared.client.pair, version)
        unasked.expectWorking()
        #expect(unasked.server.session.peerSubject == nil)
        #expect(unasked.server.session.peerCommonName == nil)
    }

    @Test(arguments: TLSVersion.allCases)
    func whoHasNoneIsLetInOnlyByRequest(version: TLSVersion) throws {
        let requested = try Self.connect(.request, nil, version)
        requested.expectWorking()
        #expect(requested.server.session.peerSubject == nil)

        let required = try Self.connect(.require, nil, version)
        #expect(required.server.failure == TLSFailure(.certificate, "the peer sent no certificate"))
        #expect(!required.server.session.isEstablished)
        // certificate_required, or handshake_failure before TLS 1.3
        #expect(required.client.failure?.kind == .alert(version == .tls13 ? 116 : 40))
    }

    @Test(arguments: TLSVersion.allCases)
    func aStrangersCertificateIsRefused(version: TLSVersion) throws {
        let stranger = try TestCertificate("client", issuer: TestWorld.shared.otherAuthority)
        let expired = try TestCertificate("client", days: -9 ... -2, issuer: TestWorld.shared.authority)
        for authentication in [TLSClientAuthentication.request, .require] {
            for (certificate, words) in try [(stranger.pair, "issuer"), (expired.pair, "expired")] {
                let pair = try Self.connect(authentication, certificate, version)
                #expect(pair.server.failure?.kind == .certificate)
                #expect(pair.server.failure?.reason.contains(words) == true)
                #expect(!pair.server.session.isEstablished)
                #expect(pair.client.failure != nil)
            }
        }
    }

    @Test func anIntermediateMayBeTheOneTrusted() throws {
        let root = try TestWorld.shared.authority
        let intermediate = try TestCertificate("Issuer", isAuthority: true, issuer: root)
        let client = try TestCertificate("client", issuer: intermediate)
        let server = try TLSServerContext.test(clientCA: intermediate.pem, clientAuthentication: .require)
        try Pair(.test(certificate: client.pair), server).connect().expectWorking()
        // With the root trusted the client has to send the issuer along.
        let strict = try TLSServerContext.test(clientCA: root.pem, clientAuthentication: .require)
        #expect(try Pair(.test(certificate: client.pair), strict).connect().server.failure?.kind == .certificate)
        let chain = try TLSKeyPair(certificates: client.pem + intermediate.pem, privateKey: client.key.pem())
        try Pair(.test(certificate: chain), strict).connect().expectWorking()
    }
}
