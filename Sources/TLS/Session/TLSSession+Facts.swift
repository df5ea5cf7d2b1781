import CSSL

/// What is known about a connection once its handshake is complete. Computed when asked for: most are for logs.
extension TLSSession {
    /// The application protocol that was agreed on, such as `h2`; `nil` if none was.
    package var alpn: String? {
        withConnection { ssl in
            var name: UnsafePointer<UInt8>?
            var count: UInt32 = 0
            SSL_get0_alpn_selected(ssl, &name, &count)
            guard let name, count > 0 else { return nil }
            return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
        }
    }

    /// `nil` before the handshake is complete.
    package var version: TLSVersion? {
        guard isEstablished else { return nil }
        return withConnection { SSL_version($0) == TLS1_3_VERSION ? .tls13 : .tls12 }
    }

    /// OpenSSL's name of the cipher, such as `TLS_AES_256_GCM_SHA384`.
    package var cipher: String? {
        guard isEstablished else { return nil }
        return withConnection { ssl in
            guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_get_name(cipher) else { return nil }
            return String(cString: name)
        }
    }

    /// Whether a session was resumed, so that no certificate was sent.
    package var isResumed: Bool { isEstablished && withConnection { SSL_session_reused($0) == 1 } }

    /// The server's name as the client gave it, to be distrusted like any of its bytes; `nil` if it gave none.
    package var sni: String? {
        withConnection { ssl in SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) } }
    }

    /// The subject of the peer's certificate as RFC 2253 text, ASCII without control characters; `nil` if it has shown
    /// none, now or in the session that was resumed. A server knows only verified ones.
    package var peerSubject: String? {
        guard isEstablished else { return nil }
        return withConnection { ssl in SSL_get0_peer_certificate(ssl).map { Certificate.subject(of: $0) } }
    }

    /// The common name in the peer's certificate, the last where there are several; `nil` where there is none, or none that
    /// is text. A server knows only verified ones.
    package var peerCommonName: String? {
        guard isEstablished else { return nil }
        return withConnection { ssl in SSL_get0_peer_certificate(ssl).flatMap { Certificate.commonName(of: $0) } }
    }
}
