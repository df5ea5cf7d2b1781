import Base
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// What is done about a try that failed: the same request once more on another connection, where the endpoint cannot have
/// seen it; another try, as the route's `retries` say; or an error.
extension Exchange {
    /// How often an endpoint may turn a request away before the client is told: it may take fewer streams at a time than it
    /// had said when they were sent.
    private static let refusalLimit = 3

    /// How often a connection may turn out to be closed. A fresh one takes the place of one that was the request's own; of
    /// those that requests share the next may go the same way as the first.
    private static func staleLimit(_ failed: UpstreamSide) -> Int {
        if case .http2 = failed { 2 } else { 1 }
    }

    func handleFailure(_ failure: UpstreamFailure) {
        let failed = upstream
        upstream = nil
        if tunnel != nil {
            tunnelFailed(failure)
            return
        }
        traceTryEnd(failure.cause, failed)
        if let failed, canResend(failure, failed) {
            resend(failure, failed)
            return
        }
        note(EndpointOutcome(failure))
        if holdAgain(failure) { return }
        if tryAgain(after: failure) { return }
        if isHeadSent {
            cut(failure.cause, failure.code)
        } else {
            reject(failure.cause)
        }
    }

    // MARK: The same endpoint

    /// A connection may have been closed by the endpoint just before it was used again, or the endpoint may say that it has
    /// done nothing with the request. It is then sent once more, if that cannot do anything twice (RFC 9110 section 9.2.2,
    /// RFC 9112 section 9.3.1, RFC 9113 section 8.7).
    private func canResend(_ failure: UpstreamFailure, _ failed: UpstreamSide) -> Bool {
        guard !isHeadSent, firstByteAt == nil else { return false }
        if failure.wasRefused { return resends < Self.refusalLimit && isReplayable }
        guard failure.wasStale, resends < Self.staleLimit(failed) else { return false }
        if failure.nothingWritten {
            // A connection of its own still has what it has not sent.
            if case .http1 = failed { return true }
            return isReplayable
        }
        // What has left may have been acted on.
        return head.method.isIdempotent && head.framing == .none
    }

    private func resend(_ failure: UpstreamFailure, _ failed: UpstreamSide) {
        guard let pool, let endpoint, let route, let port = endpoint.port(isGRPC: isGRPC) else { return }
        // Its place is still ours; only the connection is another, and not a pooled one that may be stale as well.
        let access: BackendPool.Access?
        if case .http1 = failed {
            access = pool.reserveConnection() ? BackendPool.Access(port: port) : nil
        } else {
            access = pool.access(port)
        }
        guard let access else {
            // Somebody else has got the connection: this one stands in the queue for another.
            if isReplayable && tries <= Self.refusalLimit {
                pause(until: worker.loop.now)
            } else {
                reject(.upstreamReset)
            }
            return
        }
        resends &+= 1
        retries &+= 1
        route.counters.retries.count(failure.wasRefused ? .refusedStream : .staleConnection)
        if failure.nothingWritten, case .http1 = failed, case .http1(let fresh) = port.makeConnection() {
            upstream = .http1(fresh)
            trace?.continueTry(worker.loop.now)
            fresh.begin(self, head.method)
            fresh.connect(timeout: pool.connectTimeout)
            let isChunked = head.framing == .chunked || head.framing == .close
            fresh.sendUnsent(&worker.unsent, isChunked: isChunked, isComplete: isRequestComplete)
        } else {
            guard begin(access, pool) else { return }
            sendSoFar()
        }
        client?.wake()
    }

    // MARK: Another try

    private func tryAgain(after failure: UpstreamFailure) -> Bool {
        guard let route, let rules = route.retries,
            let kind = RetryPolicy.Failure(failure, conditions: rules.policy.conditions)
        else { return false }
        return tryAgain(after: kind, wasWritten: !failure.nothingWritten, route, rules)
    }

    /// The try has taken too long. It goes on until it is known that there will be another one.
    func tryAgain(afterTimeout upstream: UpstreamSide?) -> Bool {
        guard let route, let rules = route.retries, tryAgain(after: .timeout, wasWritten: true, route, rules)
        else { return false }
        upstream?.abandon()
        return true
    }

    /// The endpoint has answered with a status that the route lists.
    ///
    /// - Returns: whether there will be another try; then the answer is nobody's.
    func tryAgain(afterAnswer answer: MessageHead, framing: BodyFraming) -> Bool {
        guard let route, let rules = route.retries, !rules.policy.statuses.isEmpty, let upstream, let pool,
            let status = retriedStatus(answer), rules.policy.statuses.contains(status)
        else { return false }
        if !EndpointOutcome(status: answer.status).countsAgainstEndpoint { note(.answered) }
        self.upstream = nil
        guard tryAgain(after: .status(status), wasWritten: true, route, rules) else {
            self.upstream = upstream
            return false
        }
        trace?.noteAnswer(answer.status, firstByte: worker.loop.now)
        traceTryEnd(.none, upstream)
        if case .length(let length) = framing, length > UInt64(DiscardedAnswer.limit) {
            upstream.abandon()
        } else {
            DiscardedAnswer(worker, upstream, pool, refusal: newRefusal(answer)).start()
        }
        return true
    }

    /// A call that consists of its status alone has the one that HTTP would have said.
    private func retriedStatus(_ answer: MessageHead) -> Int? {
        guard isGRPC, answer.status == 200 else { return answer.status }
        return answer.endsMessage ? answer.grpcStatus?.httpStatus : nil
    }

    private func tryAgain(
        after failure: RetryPolicy.Failure, wasWritten: Bool, _ route: RouteState, _ rules: RouteRetries
    ) -> Bool {
        let decision = rules.policy.decide(
            failure,
            of: RetryPolicy.Request(
                method: head.method,
                isInference: rules.policy.inference && isInference && sequence?.isSequenceFree == true,
                wasWritten: wasWritten, hasResponse: isHeadSent || firstByteAt != nil, isReplayable: isReplayable,
                tries: tries))
        switch decision {
        case .stop(.notListed): return false
        case .stop(let obstacle):
            route.counters.obstacles.count(RetryStop(obstacle))
            return false
        case .retry(let trigger):
            let now = worker.loop.now
            let end = now + RetryBackoff.wait(afterTries: tries, random: &worker.random)
            guard end < exchangeDeadline else {
                route.counters.obstacles.count(.noTimeLeft)
                return false
            }
            guard rules.budget.take(now: now) else {
                route.counters.obstacles.count(.overBudget)
                return false
            }
            retries &+= 1
            route.counters.retries.count(RetryReason(trigger))
            pause(until: end)
            return true
        }
    }

    /// The place is given back, for who waits may use it meanwhile.
    private func pause(until end: Instant) {
        givePlaceBack(isError: true)
        firstByteAt = nil
        phase = .pausing
        worker.loop.setDeadline(self, end)
    }

    /// The wait before the next try is over.
    func pauseEnded() {
        guard let pool else { return }
        phase = .deciding
        place(in: pool)
    }
}

extension RetryPolicy.Failure {
    /// - Parameter conditions: a connection that was not there in time counts as what is listed of the two that it is.
    init?(_ failure: UpstreamFailure, conditions: RetryPolicy.Conditions) {
        if failure.wasRefused {
            self = .refusedStream
            return
        }
        switch failure.cause {
        case .connectFailed, .tlsHandshake: self = .connectFailure
        case .connectTimeout: self = conditions.contains(.connectFailure) ? .connectFailure : .timeout
        case .upstreamReset, .upstreamProtocol: self = .reset
        default: return nil
        }
    }
}

extension RetryReason {
    init(_ trigger: RetryTrigger) {
        self =
            switch trigger {
            case .connectFailure: .connectFailure
            case .refusedStream: .refusedStream
            case .reset: .reset
            case .timeout: .timeout
            case .status: .status
            }
    }
}

extension RetryStop {
    init(_ obstacle: RetryObstacle) {
        self =
            switch obstacle {
            case .notListed, .notSafe: .notSafe
            case .responseStarted: .responseStarted
            case .notReplayable: .notReplayable
            case .noAttemptsLeft: .noAttemptsLeft
            case .noTimeLeft: .noTimeLeft
            case .overBudget: .overBudget
            }
    }
}
