import Testing

@testable import TLS

struct ServerNameTests {
    private static func names(_ entries: [(String, Int32)]) -> ServerNames {
        ServerNames(
            entries.map { ServerNames.Entry(names: $0.0.split(separator: " ").map(String.init), keyType: $0.1) })
    }

    private static func chosen(_ names: ServerNames, _ name: String) -> [Int]? {
        names.set(for: name).map { names.sets[$0] }
    }

    @Test func theExactNameGoesBeforeTheWildcard() {
        let names = Self.names([("*.a.test", 1), ("x.a.test a.test", 1), ("*.a.test", 1)])
        #expect(Self.chosen(names, "x.a.test") == [1])
        #expect(Self.chosen(names, "X.A.Test") == [1])
        #expect(Self.chosen(names, "y.a.test") == [0])
        #expect(Self.chosen(names, "a.test") == [1])
        #expect(Self.chosen(names, "z.y.a.test") == nil)
        #expect(Self.chosen(names, ".a.test") == nil)
        #expect(Self.chosen(names, "") == nil)
        #expect(Self.chosen(names, "test") == nil)
        #expect(names.sets[0] == [0])
    }

    @Test func eachTypeOfKeyIsPresentedOnce() {
        let names = Self.names([("a.test", 1), ("a.test b.test", 2), ("a.test", 1), ("*.test", 3), ("localhost", 1)])
        #expect(Self.chosen(names, "a.test") == [0, 1, 3])
        #expect(Self.chosen(names, "b.test") == [1, 3])
        #expect(Self.chosen(names, "c.test") == [3])
        #expect(Self.chosen(names, "localhost") == [4])
        // The second has the first one's names too.
        #expect(names.sets[0] == [0, 1])
    }

    @Test(arguments: ["*", "f*.a.test", "a.*.test", "*.*.test", "*.", "."])
    func oddWildcardsMatchNothing(pattern: String) {
        let names = Self.names([("ok.test", 1), (pattern, 1)])
        for name in ["foo.a.test", "a.b.test", "x.y.test", "test", "*", "f*.a.test", "*.*.test"] {
            #expect(Self.chosen(names, name) == nil, "\(name)")
        }
    }

    @Test func aCertificateIsChosenByName() throws {
        let world = try TestWorld.shared
        let other = try TestCertificate("other", names: "DNS:other.test,DNS:*.other.test", issuer: world.authority)
        let server = try TLSServerContext.test([world.server.pair, other.pair])
        for (name, subject) in [
            ("server.test", "server"), ("other.test", "other"), ("deep.other.test", "other"), ("x.wild.test", "server"),
        ] {
            for version in TLSVersion.allCases {
                let pair = try Pair(.test(maxVersion: version), server, name: name).connect()
                pair.expectWorking()
                #expect(pair.client.session.peerSubject?.hasPrefix("CN=\(subject),") == true)
                #expect(pair.server.session.sni == name)
            }
        }
        // An unknown name, and none, as with an address: the first.
        let unknown = try Pair(.test(), server, name: "unknown.test").connect()
        #expect(unknown.client.failure?.kind == .certificate)
        let address = try Pair(.test(), server, name: "127.0.0.1").connect()
        address.expectWorking()
        #expect(address.server.session.sni == nil)
        #expect(server.certificates.map(\.names) == [["server.test", "*.wild.test"], ["other.test", "*.other.test"]])
    }

    @Test func theClientsAlgorithmsChooseBetweenRSAAndECDSA() throws {
        let world = try TestWorld.shared
        let rsa = try TestCertificate("rsa", names: "DNS:server.test", kind: .rsa, issuer: world.authority)
        let authority = try TestCertificate("RSA authority", kind: .rsa, isAuthority: true)
        let wholeRSA = try TestCertificate("rsa", names: "DNS:server.test", kind: .rsa, issuer: authority)
        let ecdsa = try TestCertificate("ecdsa", names: "DNS:server.test", issuer: world.authority)
        for certificates in try [[rsa.pair, ecdsa.pair], [ecdsa.pair, rsa.pair]] {
            let pair = try Pair(.test(), .test(certificates)).connect()
            #expect(pair.client.session.peerSubject?.hasPrefix("CN=ecdsa,") == true)
            pair.expectWorking()
        }
        for version in TLSVersion.allCases {
            let client = try TLSClientContext(TLSClientSettings(authorities: authority.pem))
            client.limit(to: version)
            client.accept(signatures: "rsa_pss_rsae_sha256:RSA+SHA256")
            let pair = try Pair(client, .test([ecdsa.pair, wholeRSA.pair])).connect()
            #expect(pair.client.session.peerSubject?.hasPrefix("CN=rsa,") == true)
            pair.expectWorking()
        }
    }
}
