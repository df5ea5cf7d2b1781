import CSSL

/// What a listener demands of clients' certificates.
struct ClientRule {
    private let authentication: TLSClientAuthentication
    private let authorities: [Certificate]
    private let authorityBytes: [UInt8]

    init(_ settings: TLSServerSettings) throws(TLSConfigurationError) {
        authentication = settings.clientAuthentication
        authorityBytes = settings.clientCA ?? []
        guard let bytes = settings.clientCA else {
            guard authentication == .none else {
                throw TLSConfigurationError(
                    .authorities, "to ask clients for a certificate takes a clientCA to judge it by")
            }
            authorities = []
            return
        }
        authorities = try PEM.certificates(bytes, .authorities)
    }

    func apply(to context: Context) {
        guard authentication != .none else {
            SSL_CTX_set_verify(context.handle, SSL_VERIFY_NONE, nil)
            return
        }
        context.trust(authorities)
        for authority in authorities {
            let added = sluice_ssl_ask_for(context.handle, authority.handle) == 1
            precondition(added, "out of memory")
        }
        let mode = authentication == .require ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
        SSL_CTX_set_verify(context.handle, mode, nil)
    }

    /// Stands for all that a resumed session passes by: OpenSSL resumes a session only in a context of the same scope
    /// (SSL_CTX_set_session_id_context(3)). With another demand on clients, other authorities or other server names the
    /// client starts anew; with a renewed certificate it does not have to.
    ///
    /// - Returns: 32 bytes; `nil` where OpenSSL fails.
    func sessionScope(_ names: [String], _ minVersion: TLSVersion) -> [UInt8]? {
        let head = "\(authentication) \(minVersion) \(Set(names).sorted().joined(separator: " "))\0"
        let bytes = Array(head.utf8) + authorityBytes
        var digest = [UInt8](repeating: 0, count: 32)
        guard EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil) == 1 else { return nil }
        return digest
    }
}
