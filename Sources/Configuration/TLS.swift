/// A certificate and its key, as they are in their files.
package struct CertificateFiles: Sendable, Equatable {
    /// PEM: the certificate itself first, then those that lead to its root.
    package var chain: [UInt8]
    /// PEM, not encrypted.
    package var privateKey: [UInt8]

    package init(chain: [UInt8], privateKey: [UInt8]) {
        self.chain = chain
        self.privateKey = privateKey
    }
}

/// TLS on a listener.
package struct ListenerTLS: Sendable, Equatable {
    package enum ClientAuthentication: String, Sendable, CaseIterable { case none, request, require }
    package enum Version: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    /// At least one; clients that name none of the certificates' names get the first.
    package var certificates: [CertificateFiles] = []
    /// PEM: the authorities whose client certificates are good.
    package var clientCA: [UInt8]?
    package var clientAuthentication = ClientAuthentication.none
    package var minimumVersion = Version.tls12
    /// From the connection to the end of the handshake.
    package var handshakeTimeout: Duration = .seconds(10)

    package init() {}
}

/// TLS towards the endpoints of a backend. Their certificates are always verified.
package struct BackendTLS: Sendable, Equatable {
    /// PEM: the authorities that are believed; `nil` means the system's.
    package var authorities: [UInt8]?
    /// The name the certificate must have, and that is asked for (SNI); `nil` means the endpoint's own host.
    package var serverName: String?
    /// Shown to endpoints that ask for one.
    package var certificate: CertificateFiles?

    package init() {}
}
