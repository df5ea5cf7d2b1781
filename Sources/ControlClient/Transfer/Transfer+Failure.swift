import CCurl
import Configuration
import Glibc

/// libcurl's result codes (libcurl-errors(3)) as failures with a sentence.
extension Transfer {
    /// - Returns: `nil` for an answer that came whole and in the version that was asked for.
    func failure(_ code: CURLcode) -> ControlClient.Failure? {
        let address = order.request.address
        if let excess = reader.excess {
            return ControlClient.Failure(.tooLarge, "\(address) answered with \(excess)")
        }
        switch code {
        case CURLE_OK:
            return versionFailure
        case CURLE_FILESIZE_EXCEEDED:
            return ControlClient.Failure(.tooLarge, "\(address) answered with \(reader.bodyTooLarge)")
        case CURLE_COULDNT_RESOLVE_HOST:
            return ControlClient.Failure(.resolve, "\(address) has no address: \(detail)")
        case CURLE_COULDNT_CONNECT:
            return ControlClient.Failure(.connect, "\(address) does not accept connections: \(connectError)")
        case CURLE_OPERATION_TIMEDOUT:
            return ControlClient.Failure(.timeout, "\(address) \(lateness)")
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER,
            CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
            return ControlClient.Failure(.tls, "TLS with \(address) failed: \(detail)")
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE:
            return brokenConnection
        case CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY,
            CURLE_BAD_CONTENT_ENCODING, CURLE_WRITE_ERROR:
            return ControlClient.Failure(.protocol, "\(address) does not answer as expected: \(detail)")
        default:
            let words = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
            return ControlClient.Failure(.request, "a call to \(address) cannot be made: \(words)")
        }
    }

    /// With ALPN the server chooses.
    private var versionFailure: ControlClient.Failure? {
        guard order.request.purpose == .exchange, order.request.protocol == .http2,
            sluice_curl_long(easy, CURLINFO_HTTP_VERSION) != Int(CURL_HTTP_VERSION_2_0)
        else { return nil }
        return ControlClient.Failure(.protocol, "\(order.request.address) does not speak HTTP/2")
    }

    private var connectError: String {
        let number = sluice_curl_long(easy, CURLINFO_OS_ERRNO)
        guard number > 0, let words = strerror(Int32(number)) else { return detail }
        return String(cString: words).lowercased()
    }

    private var brokenConnection: ControlClient.Failure {
        let address = order.request.address
        // Alerts of TLS 1.3 come after the client's part of the handshake is done, such as that for a client without a
        // certificate; libcurl reports them where it reads the answer.
        if order.request.tls != nil, sluice_curl_long(easy, CURLINFO_OS_ERRNO) == 0, detail.contains("alert") {
            return ControlClient.Failure(.tls, "TLS with \(address) failed: \(detail)")
        }
        guard reader.hasBegun else {
            return ControlClient.Failure(.reset, "\(address) closed the connection without an answer")
        }
        return ControlClient.Failure(.reset, "\(address) closed the connection in the middle of its answer")
    }

    /// What was not done in time. The limit is the one that ran out first.
    private var lateness: String {
        let request = order.request
        let isSent = sluice_curl_time(easy, CURLINFO_PRETRANSFER_TIME_T) > 0
        if isSent, let stream = request.stream {
            return "sent nothing for \(words(stream.silence))"
        }
        if isSent {
            let limit = words(request.timeout)
            return reader.hasBegun ? "did not finish its answer within \(limit)" : "did not answer within \(limit)"
        }
        let limit = words(request.stream == nil ? min(request.timeout, request.connectTimeout) : request.connectTimeout)
        if sluice_curl_time(easy, CURLINFO_NAMELOOKUP_TIME_T) == 0 { return "could not be looked up within \(limit)" }
        // Some versions of libcurl count the handshake as part of connecting; the socket has its own port before.
        let isConnected =
            sluice_curl_time(easy, CURLINFO_CONNECT_TIME_T) > 0 || sluice_curl_long(easy, CURLINFO_LOCAL_PORT) > 0
        guard request.tls != nil && isConnected else { return "did not accept a connection within \(limit)" }
        return "did not complete the TLS handshake within \(limit)"
    }
}
