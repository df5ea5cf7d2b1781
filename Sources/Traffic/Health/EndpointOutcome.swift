/// What became of one try of a request at an endpoint, as far as the endpoint is to blame.
///
/// Only what says that the endpoint itself is gone or stuck counts against it. An answer is a sign of life, whatever it
/// says: Triton's 503 means busy, and 500 (gRPC INTERNAL) a model that failed, and taking a server with twenty models
/// away for either would make things worse.
package enum EndpointOutcome: UInt8, Sendable, CaseIterable {
    /// A response head with any status but 502 and 504, or a gRPC status of any kind.
    case answered
    /// Says nothing about the endpoint: the client left or was too slow, its own deadline passed (one with deadlines of
    /// a millisecond would otherwise eject everything), HTTP/2 refused the stream or said good-bye before the request
    /// was looked at, or this process ran out of descriptors, ports or memory.
    case neutral
    /// Refused, unreachable, or no connection within `timeouts.connect`.
    case connectFailed
    case tlsHandshake
    /// The connection or the stream ended before the answer did.
    case reset
    /// What came is not HTTP.
    case malformed
    /// No first byte, or nothing more, within a time that the operator chose.
    case timeout
    /// The endpoint's own 502 and 504: a proxy or a frontend that does not reach what it stands for.
    case badGateway
    case gatewayTimeout

    /// - Parameter status: 100...999, from the endpoint's response head.
    package init(status: Int) {
        switch status {
        case 502: self = .badGateway
        case 504: self = .gatewayTimeout
        default: self = .answered
        }
    }

    package var countsAgainstEndpoint: Bool { self != .answered && self != .neutral }

    /// Whether servers do this to single requests that they do not like.
    package var mayBeCausedByRequest: Bool {
        switch self {
        case .reset, .malformed: true
        case .answered, .neutral, .connectFailed, .tlsHandshake, .timeout, .badGateway, .gatewayTimeout: false
        }
    }

    /// The word for status, metrics and logs.
    package var name: StaticString {
        switch self {
        case .answered: "answered"
        case .neutral: "neutral"
        case .connectFailed: "connect_failed"
        case .tlsHandshake: "tls_handshake"
        case .reset: "reset"
        case .malformed: "malformed"
        case .timeout: "timeout"
        case .badGateway: "status_502"
        case .gatewayTimeout: "status_504"
        }
    }
}
