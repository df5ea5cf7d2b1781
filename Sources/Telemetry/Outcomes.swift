/// The values a label may take when it is neither a configured name nor a `Cause`.
///
/// Raw values count from 0 and stay below `OutcomeCounts.capacity`.
package protocol OutcomeLabel: RawRepresentable, CaseIterable, Sendable where RawValue == UInt8 {
    /// Lower case with underscores, as the metric label shows it.
    var name: String { get }
}

/// What came of starting a backend that is started on demand, and of what ran.
package enum ActivationOutcome: UInt8, OutcomeLabel {
    case started, failed
    /// As was asked of it.
    case stopped
    case crashed

    package var name: String { "\(self)" }
}

/// How a mirrored copy ended.
package enum MirrorOutcome: UInt8, OutcomeLabel {
    /// A complete answer with a status below 500 and, for gRPC, status 0.
    case ok
    /// No connection, a broken answer, or a status of 500 and above.
    case error
    /// Not complete within the mirror's `timeout`.
    case timeout
    /// The client of the primary left.
    case canceled
    /// Left out or cut off because the mirror was at `maxInFlight` or `maxBufferedBytes`.
    case dropped

    package var name: String {
        switch self {
        case .ok: "ok"
        case .error: "error"
        case .timeout: "timeout"
        case .canceled: "canceled"
        case .dropped: "dropped"
        }
    }
}

/// What the check of a request's credentials came to.
package enum AuthOutcome: UInt8, OutcomeLabel {
    /// Known user, right password.
    case granted
    /// No `Authorization` header.
    case missing
    /// An `Authorization` header that RFC 7617 does not allow.
    case malformed
    /// Unknown user or wrong password.
    case refused
    /// A right password of a user the route does not allow.
    case forbidden
    /// The queue of passwords to verify was full.
    case overloaded

    package var name: String {
        switch self {
        case .granted: "granted"
        case .missing: "missing"
        case .malformed: "malformed"
        case .refused: "refused"
        case .forbidden: "forbidden"
        case .overloaded: "overloaded"
        }
    }
}

/// How a client's TLS handshake ended.
package enum HandshakeOutcome: UInt8, OutcomeLabel {
    /// Complete, with a certificate shown by the gateway.
    case full
    /// Complete, by resuming an earlier session.
    case resumed
    /// The client spoke HTTP without TLS.
    case plaintext
    /// The client's certificate is missing, or was not accepted.
    case certificate
    /// Not complete within `handshakeTimeout`.
    case timeout
    /// Nothing in common, a client that gave up, or bytes that are not TLS.
    case failed

    package var name: String {
        switch self {
        case .full: "full"
        case .resumed: "resumed"
        case .plaintext: "plaintext"
        case .certificate: "certificate"
        case .timeout: "timeout"
        case .failed: "failed"
        }
    }
}

/// Why a client's connection was closed before a request was read.
package enum ConnectionRefusal: UInt8, OutcomeLabel {
    /// The client's address has as many connections as `perClient` allows.
    case perClient
    /// No PROXY header of version 2 on a listener with `proxyProtocol`, or not within `headerTimeout`.
    case proxyHeader

    package var name: String {
        switch self {
        case .perClient: "per_client"
        case .proxyHeader: "proxy_header"
        }
    }
}

/// What an attempt to load the configuration again came to.
package enum ReloadOutcome: UInt8, OutcomeLabel {
    /// The new configuration runs.
    case applied
    /// Nothing had changed.
    case unchanged
    /// The new configuration has errors; the old one still runs.
    case rejected

    package var name: String {
        switch self {
        case .applied: "applied"
        case .unchanged: "unchanged"
        case .rejected: "rejected"
        }
    }
}

/// What an endpoint's health check found.
package enum HealthCheckOutcome: UInt8, OutcomeLabel {
    case ok
    /// The server runs, and says that it is not ready.
    case notReady
    /// No answer, or another one than a ready server gives.
    case failed

    package var name: String {
        switch self {
        case .ok: "ok"
        case .notReady: "not_ready"
        case .failed: "failed"
        }
    }
}

/// What reading the numbers of an endpoint's models came to.
package enum ModelReadingOutcome: UInt8, OutcomeLabel {
    case ok
    /// No connection, or none that lasted.
    case unreachable
    /// Not complete in time.
    case timeout
    /// Another status than 200.
    case refused
    /// What came is not what a model server answers, or too much of it.
    case unreadable

    package var name: String {
        switch self {
        case .ok: "ok"
        case .unreachable: "unreachable"
        case .timeout: "timeout"
        case .refused: "refused"
        case .unreadable: "unreadable"
        }
    }
}

/// Why a request that failed was not sent again, although its route's `retries` list what happened.
package enum RetryStop: UInt8, OutcomeLabel {
    /// An answer had begun to go to the client.
    case responseStarted
    /// It could have been carried out twice.
    case notSafe
    /// Its body was longer than `maxBufferedBytes`.
    case notReplayable
    /// It had its `attempts`.
    case noAttemptsLeft
    /// The exchange would have been over before the next try.
    case noTimeLeft
    /// The route had as many retries as `budgetPercent` allows.
    case overBudget

    package var name: String {
        switch self {
        case .responseStarted: "response_started"
        case .notSafe: "not_safe"
        case .notReplayable: "not_replayable"
        case .noAttemptsLeft: "no_attempts_left"
        case .noTimeLeft: "no_time_left"
        case .overBudget: "over_budget"
        }
    }
}

/// What looking up the name of an endpoint came to.
package enum LookupOutcome: UInt8, OutcomeLabel {
    /// At least one address.
    case ok
    /// No such name, or one without an address.
    case empty
    /// No answer: the last good one stays.
    case failed

    package var name: String {
        switch self {
        case .ok: "ok"
        case .empty: "empty"
        case .failed: "failed"
        }
    }
}

/// What the Kubernetes API has told of Services and pods.
package enum ClusterOutcome: UInt8, OutcomeLabel {
    /// They are others than before.
    case changed
    /// It is away, or refuses: what was seen last stays. Counted once until it recovers.
    case failed
    case recovered

    package var name: String {
        switch self {
        case .changed: "changed"
        case .failed: "failed"
        case .recovered: "recovered"
        }
    }
}

/// What a question for scaling metrics came to.
package enum ScaleOutcome: UInt8, OutcomeLabel {
    /// At least one number.
    case ok
    /// No pod with fresh numbers.
    case empty
    /// No such metric, path or object.
    case notFound
    /// Not let in.
    case unauthorized
    /// Not to be understood.
    case refused

    package var name: String {
        switch self {
        case .ok: "ok"
        case .empty: "empty"
        case .notFound: "not_found"
        case .unauthorized: "unauthorized"
        case .refused: "refused"
        }
    }
}

/// Why a request was sent to an endpoint again.
package enum RetryReason: UInt8, OutcomeLabel {
    /// A pooled connection turned out to be closed before a byte of the answer.
    case staleConnection
    /// No connection could be made.
    case connectFailure
    /// The endpoint refused the stream without looking at it.
    case refusedStream
    /// The connection broke before a byte of the answer.
    case reset
    /// The try took too long.
    case timeout
    /// The answer's status is one that is tried again.
    case status

    package var name: String {
        switch self {
        case .staleConnection: "stale_connection"
        case .connectFailure: "connect_failure"
        case .refusedStream: "refused_stream"
        case .reset: "reset"
        case .timeout: "timeout"
        case .status: "status"
        }
    }
}

/// What became of a span.
package enum SpanOutcome: UInt8, OutcomeLabel {
    /// The collector has taken it.
    case exported
    /// There was no room for it, or the collector could not be reached for too long.
    case dropped
    /// The collector did not want it.
    case rejected

    package var name: String {
        switch self {
        case .exported: "exported"
        case .dropped: "dropped"
        case .rejected: "rejected"
        }
    }
}
