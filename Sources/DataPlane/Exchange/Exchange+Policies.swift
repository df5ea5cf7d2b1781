import Base
import Configuration
import Credentials
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// What a route asks of a request before anything is done with it, in the order in which docs/configuration.md has it:
/// addresses, CORS, credentials, rates, limits; then its action.
extension Exchange {
    func applyPolicies() {
        guard let route else { return }
        if let access = route.policies?.access, !access.admits(clientAddress) {
            reject(.forbidden)
            return
        }
        if let cors = route.policies?.cors, answerPreflight(cors) { return }
        if let limit = route.policies?.rateLimit, limit.comesBeforeCredentials, !isWithin(limit) { return }
        checkCredentials()
    }

    /// The client's, or the one that a trusted proxy named; `nil` where there is none.
    private var clientAddress: IPAddress? {
        if let forwardedClient { return IPAddress(text(forwardedClient.bytes)) }
        guard let (high, low) = client?.connection.address?.mapped else { return nil }
        return IPAddress(high: high, low: low)
    }

    // MARK: CORS

    /// Remembers what answers are to say.
    ///
    /// - Returns: whether it was a preflight, which has been answered.
    private func answerPreflight(_ cors: CORSPolicy) -> Bool {
        crossOrigin = cors.crossOrigin(head)
        isPreflight = cors.isPreflight(head, from: crossOrigin)
        guard isPreflight else { return false }
        answer(status: 204, cause: .none) {
            cors.addPreflightFields(for: crossOrigin, of: head, to: $0, scratch: &worker.valueScratch)
        }
        return true
    }

    // MARK: Rates

    private func isWithin(_ limit: RouteRateLimit) -> Bool {
        let key: UInt64?
        switch limit.key {
        case .route: key = nil
        case .clientAddress: key = clientAddress.map { limit.hash($0) }
        case .user: key = user.withUnsafeBytes { limit.hash($0) }
        case .header(let name): key = head.first(named: name).map { limit.hash(head.value($0)) }
        }
        guard case .refused(let wait) = limit.limiter.admit(keyHash: key, now: worker.loop.now) else { return true }
        retryAfter = wait
        reject(.rateLimited)
        return false
    }

    // MARK: Credentials

    private func checkCredentials() {
        guard let users = route?.users else {
            applyLimits()
            return
        }
        trace?.beginAuth(worker.loop.now)
        var found: HeadRange?
        for index in 0..<head.fieldCount where head.field(index).id == .authorization {
            if found != nil {
                deny(.malformed)
                return
            }
            found = head.field(index).value
        }
        guard let found else {
            deny(.missing)
            return
        }
        guard let credentials = BasicCredentials.decode(head.slice(found), into: worker.credentialScratch) else {
            deny(.malformed)
            return
        }
        let scratch = UnsafeRawBufferPointer(worker.credentialScratch)
        let name = UnsafeRawBufferPointer(rebasing: scratch[credentials.user])
        let password = UnsafeRawBufferPointer(rebasing: scratch[credentials.password])
        let (digest, isKnown) = users._withUnsafeGuaranteedRef {
            $0.withUser(name) { user, isKnown in
                (worker.credentialDigest(user: name, hash: user.hashBytes, password: password), isKnown)
            }
        }
        user.append(contentsOf: name)
        switch worker.verdicts.verdict(digest) {
        case .some(let isRight): admit(isRight && isKnown)
        case .none:
            phase = .verifying
            let hash = users._withUnsafeGuaranteedRef { $0.withUser(name) { user, _ in user.hash } }
            let job = Verification(
                digest: digest, user: Array(name), password: Array(password), hash: hash, client: Array(clientText))
            worker.verify(job, for: self, isKnown: isKnown)
        }
    }

    /// The password has been looked at.
    func verified(_ verdict: Bool?, isKnown: Bool) {
        guard phase == .verifying else { return }
        phase = .deciding
        guard let verdict else {
            count(.overloaded)
            user.removeAll(keepingCapacity: true)
            reject(.authOverloaded)
            return
        }
        admit(verdict && isKnown)
        client?.wake()
    }

    private func admit(_ isRight: Bool) {
        guard isRight else {
            deny(.refused)
            return
        }
        if let allowed = route?.policies?.allowedUsers, !allowed.contains(user) {
            count(.forbidden)
            reject(.forbidden)
            return
        }
        count(.granted)
        applyLimits()
    }

    private func count(_ outcome: AuthOutcome) {
        route?.counters.auth.count(outcome)
        trace?.endAuth(outcome, worker.loop.now)
    }

    private func deny(_ outcome: AuthOutcome) {
        count(outcome)
        user.removeAll(keepingCapacity: true)
        reject(.unauthorized)
    }

    // MARK: Limits

    private func applyLimits() {
        guard let route else { return }
        if let limit = route.policies?.rateLimit, !limit.comesBeforeCredentials, !isWithin(limit) { return }
        if let limit = route.maxBodySize {
            if isGRPC {
                if let refusal = limitMessages(to: limit) {
                    refuse(refusal)
                    return
                }
            } else if case .length(let length) = head.framing, length > limit {
                reject(.bodyTooLarge)
                return
            }
        }
        act(route)
    }

    // MARK: The action

    private func act(_ route: RouteState) {
        switch route.action {
        case .respond(let response): answer(response)
        case .redirect(let target): answer(target, route)
        case .forward: if let fault = route.policies?.fault { inject(fault) } else { dispatch() }
        }
    }

    private func answer(_ response: Route.FixedResponse) {
        var body = response.body
        answer(status: response.status, cause: .none, body: body.withUTF8 { Array($0) }) { answer in
            for header in response.headers {
                var (name, value) = (header.name, header.value)
                name.withUTF8 { name in
                    value.withUTF8 { answer.add(UnsafeRawBufferPointer(name), UnsafeRawBufferPointer($0)) }
                }
            }
        }
    }

    private func answer(_ target: RedirectTarget, _ route: RouteState) {
        guard let received = self.target else { return }
        let whole = head.slice(HeadRange(Int(received.path.end), Int(head.target.end)))
        let request = RedirectTarget.Request(
            isSecure: isSecure, host: head.slice(host), path: path, query: whole, matched: matchedPath(route))
        var location = ByteBuffer()
        guard target.write(request, into: &location) else {
            reject(.badRequest, "the path cannot be rewritten")
            return
        }
        answer(status: target.code, cause: .none) { $0.add("Location", location.bytes) }
    }

    // MARK: Faults

    private func inject(_ fault: Route.Fault) {
        guard let delay = fault.delay, worker.random.chance(percent: delay.percent) else {
            abort(fault)
            return
        }
        phase = .delaying
        worker.loop.setDeadline(self, min(worker.loop.now + Nanoseconds(delay.duration), callDeadline))
        client?.wake()
    }

    /// The delay that the route makes is over.
    func delayEnded(_ now: Instant) {
        guard callDeadline > now else {
            reject(.exchangeTimeout)
            return
        }
        phase = .deciding
        if let fault = route?.policies?.fault { abort(fault) }
        client?.wake()
    }

    private func abort(_ fault: Route.Fault) {
        guard let abort = fault.abort, worker.random.chance(percent: abort.percent) else {
            dispatch()
            return
        }
        switch abort.answer {
        case .status(let status): reject(.fault, status: status)
        case .grpcStatus(let code):
            let code = GRPCStatus(rawValue: UInt8(clamping: code)) ?? .unknown
            reject(.fault, status: code.httpStatus, grpcStatus: code)
        }
    }
}
