import CSSL

/// How servers are called and judged.
package struct TLSClientSettings: Sendable {
    /// PEM: whose certificates are accepted; the system's store if there is none.
    package var authorities: [UInt8]?
    /// Whether the server has to prove its name. Without, anybody on the way can be the server.
    package var verifies: Bool
    /// What is shown to servers that ask for it.
    package var certificate: TLSKeyPair?
    package var minVersion: TLSVersion
    /// Application protocols to offer, in order of preference.
    package var alpn: [String]

    package init(
        authorities: [UInt8]? = nil, verifies: Bool = true, certificate: TLSKeyPair? = nil,
        minVersion: TLSVersion = .tls12, alpn: [String] = []
    ) {
        self.authorities = authorities
        self.verifies = verifies
        self.certificate = certificate
        self.minVersion = minVersion
        self.alpn = alpn
    }
}

/// What the connections to one kind of server have in common. Immutable but for the sessions it remembers.
package final class TLSClientContext: Sendable {
    /// What is shown to servers that ask for it.
    package let certificate: TLSCertificateSummary?

    private let context: Context
    let sessions = ClientSessions()
    var handle: OpaquePointer { context.handle }

    /// Reads certificates and keys, and opens the system's store where that is wanted.
    package init(_ settings: TLSClientSettings) throws(TLSConfigurationError) {
        context = Context(TLS_client_method(), minVersion: settings.minVersion)
        if let pair = settings.certificate {
            let identity = try Identity(pair, 0)
            try context.use(identity, 0)
            certificate = identity.summary
        } else {
            certificate = nil
        }
        if let authorities = settings.authorities {
            context.trust(try PEM.certificates(authorities, .authorities))
        } else if settings.verifies {
            ErrorQueue.clear()
            guard SSL_CTX_set_default_verify_paths(context.handle) == 1 else {
                throw .current(.authorities, "the system's certificates cannot be read; name a file of your own")
            }
        }
        SSL_CTX_set_verify(context.handle, settings.verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        let alpn = try ProtocolList(settings.alpn).bytes
        if !alpn.isEmpty {
            // 0 is success here.
            let offered = SSL_CTX_set_alpn_protos(context.handle, alpn, UInt32(alpn.count)) == 0
            precondition(offered, "out of memory")
        }
        sluice_ssl_set_session_cache(context.handle, sluice_ssl_own_client_cache())
        TLSSession.keepSessions(of: context.handle)
    }

    /// Has a connection send and check a server's name, and resume a session with it if one is left.
    ///
    /// - Parameter reuseKey: sessions are kept under it.
    func prepare(_ ssl: OpaquePointer, _ name: TLSServerName, reuseKey: String) {
        // Names are in subjectAltName, and a wildcard is a whole label (RFC 9525 sections 2 and 6.3).
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        let isSet: Bool
        if name.address.isEmpty {
            isSet = sluice_ssl_set_server_name(ssl, name.text) == 1 && SSL_set1_host(ssl, name.text) == 1
        } else {
            isSet = X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), name.address, name.address.count) == 1
        }
        // Otherwise the server would pass under any name.
        precondition(isSet, "OpenSSL does not take the server's name")
        if let session = sessions.take(reuseKey) { SSL_set_session(ssl, session.handle) }
    }

    /// Has one connection offer other protocols than the context does; nothing changes where they are none.
    func offer(_ protocols: [String], on ssl: OpaquePointer) {
        guard let list = try? ProtocolList(protocols).bytes, !list.isEmpty else { return }
        SSL_set_alpn_protos(ssl, list, UInt32(list.count))
    }
}
