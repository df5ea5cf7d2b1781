import CSSL

/// An `SSL_CTX`: what connections of one kind have in common. Immutable once it is handed out, and then safe on any
/// thread: OpenSSL counts references atomically.
final class Context: @unchecked Sendable {
    let handle: OpaquePointer

    /// The AEAD ciphers with forward secrecy: all that is sound in TLS 1.2 (RFC 9325 section 4.2). TLS 1.3 has no
    /// others, and keeps OpenSSL's defaults.
    private static let ciphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    /// Fastest first; these three are in OpenSSL's assembler.
    private static let groups = "X25519:P-256:P-384"

    init(_ method: OpaquePointer, minVersion: TLSVersion) {
        // Fails only where memory does.
        guard let handle = SSL_CTX_new(method) else { preconditionFailure("OpenSSL makes no context") }
        self.handle = handle
        sluice_ssl_restrict(handle, minVersion.number)
        let known =
            SSL_CTX_set_cipher_list(handle, Self.ciphers) == 1 && sluice_ssl_set_groups(handle, Self.groups) == 1
        precondition(known, "OpenSSL lacks the usual ciphers")
        // An idle connection gives its buffers back, 34 KiB. A chain is sent as it was configured: otherwise OpenSSL
        // looks for issuers among the authorities in each handshake.
        sluice_ssl_set_mode(handle, UInt32(SSL_MODE_RELEASE_BUFFERS) | UInt32(SSL_MODE_NO_AUTO_CHAIN))
        _ = SSL_CTX_set_timeout(handle, Self.sessionSeconds)
    }

    deinit { SSL_CTX_free(handle) }

    /// How long a session may be resumed: as long as the ticket keys are sure to live.
    private static let sessionSeconds = 2 * 3600

    /// Presents a certificate; one for each type of key.
    func use(_ identity: Identity, _ index: Int) throws(TLSConfigurationError) {
        let chain: [OpaquePointer?] = identity.chain.dropFirst().map(\.handle)
        ErrorQueue.clear()
        guard sluice_ssl_use(handle, identity.leaf.handle, identity.key.handle, chain, chain.count) == 1 else {
            throw .current(.certificate(index), "OpenSSL does not accept this certificate")
        }
    }

    /// Judges the peer's certificate by these, roots or not: who lists an issuer trusts it.
    func trust(_ authorities: [Certificate]) {
        guard let store = X509_STORE_new() else { preconditionFailure("out of memory") }
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        for authority in authorities {
            let added = X509_STORE_add_cert(store, authority.handle) == 1
            precondition(added, "out of memory")
        }
        sluice_ssl_use_store(handle, store)
        X509_STORE_free(store)
    }
}

/// A list of application protocols as it is sent (RFC 7301 section 3.1): each with its length in front.
struct ProtocolList: Sendable {
    let bytes: [UInt8]

    /// - Throws: for a name that is empty or longer than 255 bytes, and for more than 65,535 bytes in all.
    init(_ names: [String]) throws(TLSConfigurationError) {
        var bytes: [UInt8] = []
        for name in names {
            guard (1...255).contains(name.utf8.count) else {
                throw TLSConfigurationError(.alpn, "an application protocol's name has 1 to 255 bytes")
            }
            bytes.append(UInt8(name.utf8.count))
            bytes += Array(name.utf8)
        }
        guard bytes.count <= 0xFFFF else { throw TLSConfigurationError(.alpn, "too many application protocols") }
        self.bytes = bytes
    }
}
