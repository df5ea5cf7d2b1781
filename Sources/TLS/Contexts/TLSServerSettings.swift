/// Whether clients are asked for a certificate.
package enum TLSClientAuthentication: Sendable, Equatable {
    case none
    /// Who has none is let in; one that does not verify is refused all the same.
    case request
    case require
}

/// What one listener presents and demands.
package struct TLSServerSettings: Sendable {
    /// At least one. The first is for clients that name no server, or one that no certificate is for.
    package var certificates: [TLSKeyPair]
    /// PEM: who may have issued clients' certificates. Needed by `request` and `require`.
    package var clientCA: [UInt8]?
    package var clientAuthentication: TLSClientAuthentication
    package var minVersion: TLSVersion
    /// Application protocols in order of preference, such as `h2` and `http/1.1`. A client that offers only others is
    /// refused (RFC 7301 section 3.2); one that offers none is served without.
    package var alpn: [String]

    /// Reads a file of authorities, for what is wrong with it.
    package static func checkAuthorities(_ pem: [UInt8]) throws(TLSConfigurationError) {
        _ = try PEM.certificates(pem, .authorities)
    }

    package init(
        certificates: [TLSKeyPair], clientCA: [UInt8]? = nil, clientAuthentication: TLSClientAuthentication = .none,
        minVersion: TLSVersion = .tls12, alpn: [String] = []
    ) {
        self.certificates = certificates
        self.clientCA = clientCA
        self.clientAuthentication = clientAuthentication
        self.minVersion = minVersion
        self.alpn = alpn
    }
}
