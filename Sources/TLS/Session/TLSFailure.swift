import CSSL

/// Why a handshake or an established connection came to nothing.
package struct TLSFailure: Error, Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// The peer speaks an unencrypted protocol; nothing was sent, so that it can be answered in that.
        case plaintext
        /// The peer's certificate is missing, or was not accepted.
        case certificate
        /// No version, cipher, group or application protocol in common.
        case negotiation
        /// The peer gave up, with this alert (RFC 8446 section 6).
        case alert(UInt8)
        /// The bytes ended without close_notify: what came before may be cut short (RFC 8446 section 6.1).
        case truncated
        /// What the peer sent is not TLS, or was damaged.
        case violation
    }

    package let kind: Kind
    /// For the log; holds nothing that the peer has chosen.
    package let reason: String

    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }
}

/// OpenSSL's errors of the calling thread: a queue, which must be empty before and after each use of a connection, or
/// one connection is blamed for another's.
enum ErrorQueue {
    static func clear() { ERR_clear_error() }

    /// Empties the queue. The first error of libssl says what happened, the ones below it only where.
    static func take() -> UInt? {
        var found: UInt?
        var last: UInt?
        while case let code = ERR_get_error(), code != 0 {
            if found == nil, ERR_GET_LIB(code) == ERR_LIB_SSL { found = code }
            last = code
        }
        return found ?? last
    }

    /// OpenSSL's words for an error, such as `wrong version number`.
    static func text(_ code: UInt) -> String {
        guard let text = ERR_reason_error_string(code) else { return "error \(ERR_GET_REASON(code)) of OpenSSL" }
        return String(cString: text)
    }
}

extension TLSFailure {
    /// What the queue says about a connection that has just failed; empties it.
    static func current(of ssl: OpaquePointer) -> TLSFailure {
        guard let code = ErrorQueue.take() else { return TLSFailure(.violation, "the connection failed") }
        guard ERR_GET_LIB(code) == ERR_LIB_SSL else { return TLSFailure(.violation, ErrorQueue.text(code)) }
        let reason = ERR_GET_REASON(code)
        if reason > SSL_AD_REASON_OFFSET, reason <= SSL_AD_REASON_OFFSET + 255 {
            let alert = reason - SSL_AD_REASON_OFFSET
            let words = SSL_alert_desc_string_long(alert).map { String(cString: $0) } ?? "unknown"
            return TLSFailure(.alert(UInt8(truncatingIfNeeded: alert)), "the peer sent the alert '\(words)'")
        }
        switch reason {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            let result = SSL_get_verify_result(ssl)
            let words = X509_verify_cert_error_string(result).map { String(cString: $0) } ?? "error \(result)"
            return TLSFailure(.certificate, "the peer's certificate was not accepted: \(words)")
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return TLSFailure(.certificate, "the peer sent no certificate")
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
            return TLSFailure(.plaintext, "the peer speaks unencrypted HTTP")
        case SSL_R_NO_SHARED_CIPHER, SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_NO_PROTOCOLS_AVAILABLE,
            SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
            SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SUITABLE_GROUPS:
            return TLSFailure(.negotiation, ErrorQueue.text(code))
        default:
            return TLSFailure(.violation, ErrorQueue.text(code))
        }
    }
}
