import Base
import Testing

@testable import TLS

struct ConfigurationErrorTests {
    private static func error(_ pairs: [TLSKeyPair], clientCA: [UInt8]? = nil, asks: Bool = false)
        -> TLSConfigurationError?
    {
        let settings = TLSServerSettings(
            certificates: pairs, clientCA: clientCA, clientAuthentication: asks ? .require : .none)
        do throws(TLSConfigurationError) {
            _ = try TLSServerContext(settings, tickets: TicketKeys(now: Instant(nanoseconds: 0)))
            return nil
        } catch {
            return error
        }
    }

    @Test func filesThatAreNot() throws {
        let server = try TestWorld.shared.server
        let (certificate, key) = try (server.pem, server.key.pem())
        let cases: [([UInt8], [UInt8], TLSConfigurationError.Part, String)] = try [
            ([], key, .certificate(0), "the file is empty"),
            (certificate, [], .privateKey(0), "the file is empty"),
            (
                Array("hello".utf8), key, .certificate(0),
                "no certificate in it: it has to be PEM text, which begins with '-----BEGIN CERTIFICATE-----'"
            ),
            (
                certificate, Array("hello".utf8), .privateKey(0),
                "no private key in it: it has to be PEM text, which begins with '-----BEGIN PRIVATE KEY-----'"
            ),
            (key, certificate, .certificate(0), "no certificate in it, but a private key: are two files mixed up?"),
            (
                certificate, certificate, .privateKey(0),
                "no private key in it, but a certificate: are two files mixed up?"
            ),
            (
                certificate, server.key.der(), .privateKey(0),
                "this is not PEM text but seems to be DER: write it as PEM, which begins with "
                    + "'-----BEGIN PRIVATE KEY-----'"
            ),
            (
                certificate, server.key.pem(password: "secret"), .privateKey(0),
                "the private key is encrypted, and nobody is there to type its password: "
                    + "decrypt it with 'openssl pkey' and "
                    + "protect the file instead"
            ),
            (certificate, TestKey(.ec).pem(), .privateKey(0), "the private key does not belong to the certificate"),
            (certificate, TestKey(.rsa).pem(), .privateKey(0), "the private key does not belong to the certificate"),
        ]
        for (certificate, key, part, message) in cases {
            let found = Self.error([TLSKeyPair(certificates: certificate, privateKey: key)])
            #expect(found == TLSConfigurationError(part, message))
        }
        // The place in the list is told.
        let second = try TLSKeyPair(certificates: certificate, privateKey: TestKey(.ec).pem())
        #expect(try Self.error([server.pair, second])?.part == .privateKey(1))
        #expect(Self.error([])?.part == .certificate(0))
    }

    @Test func damagedFiles() throws {
        let server = try TestWorld.shared.server
        let (certificate, key) = try (server.pem, server.key.pem())
        var broken = certificate
        broken[broken.count / 2] = UInt8(ascii: "!")
        let first = Self.error([TLSKeyPair(certificates: broken, privateKey: key)])
        #expect(first?.part == .certificate(0))
        #expect(first?.message.hasPrefix("certificate 1 of the file is damaged: ") == true)
        let second = Self.error([TLSKeyPair(certificates: certificate + broken, privateKey: key)])
        #expect(second?.message.hasPrefix("certificate 2 of the file is damaged: ") == true)
        let cut = Self.error([TLSKeyPair(certificates: Array(certificate.dropLast(40)), privateKey: key)])
        #expect(cut?.part == .certificate(0))
        var brokenKey = key
        brokenKey[key.count / 2] = UInt8(ascii: "!")
        let third = Self.error([TLSKeyPair(certificates: certificate, privateKey: brokenKey)])
        #expect(third?.message.hasPrefix("the private key is damaged") == true)
    }

    /// Certificate and key may share a file, with words around them.
    @Test func oneFileForAll() throws {
        let server = try TestWorld.shared.server
        let all = try Array("# ours\n".utf8) + server.key.pem() + Array("and now\n".utf8) + server.pem
        #expect(Self.error([TLSKeyPair(certificates: all, privateKey: all)]) == nil)
    }

    @Test func theCertificateComesFirst() throws {
        let world = try TestWorld.shared
        let chain = try world.authority.pem + world.server.pem
        let found = Self.error([TLSKeyPair(certificates: chain, privateKey: try world.server.key.pem())])
        #expect(found?.part == .certificate(0))
        #expect(found?.message.contains("must come first") == true)
    }

    @Test func weakKeysAreRefused() throws {
        let weak = try TestCertificate("weak", names: "DNS:weak.test", kind: .weakRSA)
        let found = Self.error([try weak.pair])
        #expect(
            found
                == TLSConfigurationError(.certificate(0), "OpenSSL does not accept this certificate: ee key too small"))
        // Also where no name leads to it.
        let nameless = try TestCertificate("weak", kind: .weakRSA)
        #expect(try Self.error([TestWorld.shared.server.pair, nameless.pair])?.part == .certificate(1))
    }

    @Test func clientAuthorities() throws {
        let pair = try TestWorld.shared.server.pair
        #expect(Self.error([pair], asks: true)?.part == .authorities)
        #expect(Self.error([pair], clientCA: Array("x".utf8), asks: true)?.part == .authorities)
        #expect(try Self.error([pair], clientCA: TestWorld.shared.authority.pem, asks: true) == nil)
    }

    @Test(arguments: [
        [""], [String(repeating: "x", count: 256)], Array(repeating: String(repeating: "x", count: 255), count: 300),
    ])
    func protocolNames(names: [String]) {
        #expect(throws: TLSConfigurationError.self) { try ProtocolList(names) }
    }

    @Test func datesAreWarnedOf() throws {
        let day: Int64 = 86_400
        func problem(_ validity: ClosedRange<Int64>?, _ now: Int64) -> String? {
            TLSCertificateSummary(subject: "", names: [], validity: validity).problem(at: now)
        }
        let year = 1_000 * day...1_365 * day
        #expect(problem(year, 1_100 * day) == nil)
        #expect(problem(year, 1_365 * day - 14 * day) == nil)
        #expect(problem(year, 1_365 * day - 14 * day + 1) == "the certificate expires on 1973-09-27")
        #expect(problem(year, 1_365 * day + 1) == "the certificate has expired on 1973-09-27")
        #expect(
            problem(year, 999 * day)
                == "the certificate does not hold before 1972-09-27; is this machine's clock right?")
        #expect(problem(1_000 * day...1_002 * day, 1_001 * day) == nil)
        #expect(problem(nil, 0) == "the certificate does not say how long it holds")
        // An expired one is used all the same.
        let expired = try TestCertificate("old", names: "DNS:old.test", days: -9 ... -2)
        let context = try TLSServerContext.test([expired.pair])
        let validity = try #require(context.certificates.first?.validity)
        #expect(validity.upperBound - validity.lowerBound == 7 * day)
        #expect(context.certificates.first?.problem(at: validity.upperBound + 1)?.contains("has expired") == true)
    }
}
