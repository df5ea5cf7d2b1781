import CSSL
import Glibc

/// Certificate chain and private key as the files hold them.
package struct TLSKeyPair: Sendable {
    /// PEM: the certificate, and behind it those that lead to a root that peers have.
    package var certificates: [UInt8]
    /// PEM, not encrypted: PKCS #8, or the older forms for RSA and EC keys.
    package var privateKey: [UInt8]

    package init(certificates: [UInt8], privateKey: [UInt8]) {
        self.certificates = certificates
        self.privateKey = privateKey
    }
}

/// What status pages and metrics say of a certificate that is presented.
package struct TLSCertificateSummary: Sendable, Equatable {
    /// RFC 2253 text.
    package let subject: String
    /// DNS names, in lower case.
    package let names: [String]
    /// Seconds since 1970 between which it holds; `nil` if it does not say.
    package let validity: ClosedRange<Int64>?
}

/// A certificate chain and the key that belongs to it.
struct Identity: Sendable {
    let chain: [Certificate]
    let leaf: Certificate
    let key: PrivateKey

    /// - Parameter index: its place in the list, for errors.
    init(_ pair: TLSKeyPair, _ index: Int) throws(TLSConfigurationError) {
        chain = try PEM.certificates(pair.certificates, .certificate(index))
        key = try PEM.privateKey(pair.privateKey, .privateKey(index))
        leaf = chain[0]
        guard !Self.belongs(key, to: leaf) else { return }
        if chain.dropFirst().contains(where: { [key] in Self.belongs(key, to: $0) }) {
            throw TLSConfigurationError(
                .certificate(index),
                "the certificate that belongs to the private key must come first, and its issuers behind it")
        }
        throw TLSConfigurationError(.privateKey(index), "the private key does not belong to the certificate")
    }

    private static func belongs(_ key: PrivateKey, to certificate: Certificate) -> Bool {
        defer { ErrorQueue.clear() }
        return X509_check_private_key(certificate.handle, key.handle) == 1
    }

    var summary: TLSCertificateSummary {
        TLSCertificateSummary(subject: leaf.subject, names: leaf.names, validity: leaf.validity)
    }
}

extension TLSCertificateSummary {
    /// Renewals are due 30 days before the end with most authorities; at 14 something has gone wrong.
    private static let notice: Int64 = 14 * 86_400

    /// What is wrong with the dates, for a warning; `nil` if nothing is. The certificate is used all the same.
    ///
    /// - Parameter now: seconds since 1970.
    package func problem(at now: Int64) -> String? {
        guard let validity else { return "the certificate does not say how long it holds" }
        if now < validity.lowerBound {
            return
                "the certificate does not hold before \(Self.date(validity.lowerBound)); is this machine's clock right?"
        }
        if now > validity.upperBound { return "the certificate has expired on \(Self.date(validity.upperBound))" }
        // Test certificates and those of service meshes live for hours: such have no notice to give.
        let lifetime = validity.upperBound - validity.lowerBound
        guard lifetime > 2 * Self.notice, validity.upperBound - now < Self.notice else { return nil }
        return "the certificate expires on \(Self.date(validity.upperBound))"
    }

    private static func date(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    }
}
