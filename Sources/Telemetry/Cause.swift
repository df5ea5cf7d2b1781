/// Why an exchange did not end as the endpoint alone would have ended it.
///
/// The same word is sent to the client in `x-sluice-cause`, written to the access log and counted in the `cause` label of
/// `sluice_requests_total`. `none` stands for success, or for an error that is the endpoint's own; its name is empty.
package enum Cause: UInt8, Sendable, CaseIterable {
    case none
    case badRequest
    case unauthorized
    case forbidden
    case noRoute
    case modelNotFound
    case headerTimeout
    case bodyTooLarge
    case uriTooLong
    case rateLimited
    case headersTooLarge
    case clientClosed
    case notImplemented
    case connectFailed
    case upstreamReset
    case upstreamProtocol
    case tlsHandshake
    case noEndpoint
    case queueFull
    case queueTimeout
    case draining
    case overloaded
    case authOverloaded
    case activationFailed
    case fault
    case connectTimeout
    case firstByteTimeout
    case tryTimeout
    case idleTimeout
    case exchangeTimeout
}

extension Cause: CustomStringConvertible {
    /// Lower case with underscores, as in headers, labels and logs; empty for `none`.
    package var name: StaticString { row.name }

    /// The status the gateway answers with, RFC 9110 section 15 and RFC 6585. 499 is for logs and metrics only and never
    /// sent. `none` says 200.
    package var status: Int { row.status }

    /// What happened, for the client to read: one sentence without a full stop, nothing about how the gateway is built or
    /// configured, and no character that JSON would escape. Empty for `none`.
    package var message: String { "\(row.message)" }

    /// `name` as a `String`.
    package var description: String { "\(row.name)" }

    private struct Row {
        var name: StaticString
        var status: Int
        var message: StaticString

        init(_ name: StaticString, _ status: Int, _ message: StaticString) {
            self.name = name
            self.status = status
            self.message = message
        }
    }

    private var row: Row {
        switch self {
        case .none: Row("", 200, "")
        case .badRequest: Row("bad_request", 400, "the request is malformed")
        case .unauthorized: Row("unauthorized", 401, "valid credentials are required")
        case .forbidden: Row("forbidden", 403, "access is not allowed")
        case .noRoute: Row("no_route", 404, "nothing is served at this address")
        case .modelNotFound: Row("model_not_found", 404, "no model server has this model")
        case .headerTimeout: Row("header_timeout", 408, "the request header did not arrive in time")
        case .bodyTooLarge: Row("body_too_large", 413, "the request body is too large")
        case .uriTooLong: Row("uri_too_long", 414, "the request target is too long")
        case .rateLimited: Row("rate_limited", 429, "too many requests, slow down")
        case .headersTooLarge: Row("headers_too_large", 431, "the request header is too large")
        case .clientClosed: Row("client_closed", 499, "the client closed the connection before the answer was complete")
        case .notImplemented: Row("not_implemented", 501, "this method or transfer coding is not implemented")
        case .connectFailed: Row("connect_failed", 502, "the model server could not be reached")
        case .upstreamReset:
            Row("upstream_reset", 502, "the model server closed the connection before its answer was complete")
        case .upstreamProtocol: Row("upstream_protocol", 502, "the model server sent an answer that is not valid HTTP")
        case .tlsHandshake: Row("tls_handshake", 502, "the secure connection to the model server could not be made")
        case .noEndpoint: Row("no_endpoint", 503, "no model server is available")
        case .queueFull: Row("queue_full", 503, "too many requests are waiting already")
        case .queueTimeout: Row("queue_timeout", 503, "the request waited too long for a free model server")
        case .draining: Row("draining", 503, "the gateway is shutting down")
        case .overloaded: Row("overloaded", 503, "the gateway is overloaded")
        case .authOverloaded: Row("auth_overloaded", 503, "too many credentials are waiting to be checked")
        case .activationFailed: Row("activation_failed", 503, "the model server could not be started")
        case .fault: Row("fault", 500, "this error was made on purpose")
        case .connectTimeout: Row("connect_timeout", 504, "the model server did not accept a connection in time")
        case .firstByteTimeout: Row("first_byte_timeout", 504, "the model server did not begin to answer in time")
        case .tryTimeout: Row("try_timeout", 504, "the model server did not answer this try in time")
        case .idleTimeout: Row("idle_timeout", 504, "nothing was sent or received for too long")
        case .exchangeTimeout: Row("exchange_timeout", 504, "the request took longer than it may")
        }
    }
}
