import Base
import Configuration
import EventLoop
import HTTP
import Inference
import Synchronization
import Telemetry
import Traffic

/// Choosing a backend, waiting for a place, and sending.
extension Exchange {
    func dispatch() {
        guard let route else { return }
        if route.policies?.fansOut == true {
            gather()
            return
        }
        guard let index = chooseEntry(route) else {
            reject(.noEndpoint)
            return
        }
        entry = index
        guard rewritePath(route) else {
            reject(.badRequest, "the path cannot be rewritten")
            return
        }
        let pool = route.entries[index].pool
        if isGRPC && !pool.carriesGRPC {
            reject(.notImplemented, "this backend speaks no gRPC")
            return
        }
        guard canTakeParameters() else { return }
        self.pool = pool
        route.retries?.budget.countRequest(now: worker.loop.now)
        beginModel(pool)
        beginSequence(pool)
        if sequence?.answer == .refused {
            refuseSequence()
            return
        }
        guard knowsEnough(pool) else {
            beginInspection()
            return
        }
        place(in: pool)
    }

    /// Models come back by themselves, and nobody else looks then.
    private static let lookAgainInterval = Nanoseconds.milliseconds(250)

    /// Takes a place at one of the endpoints, or waits for one.
    func place(in pool: BackendPool) {
        let wish = wish
        if let reason = reasonToHold(in: pool, wish.presence) {
            hold(reason)
            return
        }
        if comesLate(to: pool) {
            hold(.starting, isLate: true)
            return
        }
        if isModelMissing(wish.presence) {
            rejectMissingModel(in: pool)
            return
        }
        queuedAt = worker.loop.now
        isChoosy = isChoosy(wish, pool)
        if isChoosy { awaited = pool.awaited(wish) }
        if worker.mayPass(self, pool), let lease = pool.acquire(wish) {
            launch(lease)
            return
        }
        guard pool.canServe(wish) else {
            reject(.noEndpoint)
            return
        }
        guard pool.load.queued.take(limit: pool.queue.limits.queue) else {
            reject(.queueFull)
            return
        }
        phase = .waiting
        armWaiting(pool)
        worker.enqueue(self, pool)
    }

    /// It has come to wait for certain endpoints only.
    func becomeChoosy(_ wish: BackendPool.Wish, _ pool: BackendPool) {
        isChoosy = true
        awaited = pool.awaited(wish)
        armWaiting(pool)
    }

    private func queueDeadline(_ pool: BackendPool) -> Instant { min(queuedAt + pool.queueTimeout, callDeadline) }

    private func armWaiting(_ pool: BackendPool) {
        var deadline = queueDeadline(pool)
        if isChoosy, worker.hasOutages { deadline = min(deadline, worker.loop.now + Self.lookAgainInterval) }
        worker.loop.setDeadline(self, deadline)
    }

    /// Which endpoints can be used may have changed while it waits.
    func lookAgain() {
        guard phase == .waiting, let pool else { return }
        let wish = wish
        if let lease = pool.acquire(wish) {
            worker.dequeue(self, pool)
            launch(lease)
            return
        }
        let other = pool.awaited(wish)
        if other !== awaited {
            other?.load.waiting.add(1, ordering: .sequentiallyConsistent)
            awaited?.load.waiting.give()
            awaited = other
        }
        armWaiting(pool)
    }

    private func waitedTooLong(_ now: Instant) {
        guard let pool, queueDeadline(pool) <= now else {
            lookAgain()
            return
        }
        leaveQueue()
        reject(callDeadline <= now ? .exchangeTimeout : .queueTimeout)
    }

    /// A place is there.
    func launch(_ lease: BackendPool.Lease) {
        guard let pool else { return }
        let now = worker.loop.now
        let waited = now.since(queuedAt)
        queued = Nanoseconds(queued.count &+ waited.count)
        lease.endpoint.counters.queue.record(nanoseconds: waited.count &+ (held?.time.count ?? 0))
        held?.time = Nanoseconds(0)
        if !isUse, pool.isStartedOnDemand {
            isUse = true
            pool.load.hold.useBegan()
        }
        trace?.addWait(from: queuedAt, to: now)
        phase = .sending
        endpoint = lease.endpoint
        ticket = lease.ticket
        modelLoad = lease.model
        // Time in a queue does not count against the exchange, also not before a later try.
        let isFirst = tries == 0
        dispatchedAt = isFirst ? now : dispatchedAt.map { $0 + waited }
        triedAt = now
        lastActivity = now
        tries &+= 1
        resends = 0
        if route?.retries != nil { tried.insert(lease.index) }
        if worker.hasOutages, let model = modelKey {
            worker.outages.begin(model, at: lease.endpoint.identity, now: now)
        }
        // In this order: a mirror must not take what the lease stands for.
        guard begin(lease.access, pool) else { return }
        if isFirst { startMirrors() }
        sendSoFar()
        if pool.isStartedOnDemand { waitForConnection(lease.access) }
        armDeadline()
        client?.wake()
    }

    /// Sends the head.
    func begin(_ access: BackendPool.Access, _ pool: BackendPool) -> Bool {
        guard let route, let entry else { return false }
        beginRewriting()
        traceTry(access)
        withRequest(edits: route.entries[entry].changes?.requestEdits) {
            upstream = UpstreamSide.begin(access, for: self, pool, $0)
        }
        if upstream == nil { reject(.overloaded) }
        return upstream != nil
    }

    /// Sends the rest of the request as far as it has come.
    func sendSoFar() {
        sendKept()
        if isRequestComplete { endToEndpoint(trailers: nil) }
        upstream?.checkBacklog()
    }

    private func startMirrors() {
        guard let route, !route.mirrors.isEmpty, !head.asksForWebSocket else { return }
        // One draw for all, so that two mirrors of one share get the same requests.
        let draw = Double(worker.random.next() >> 11) * 0x1p-53 * 100
        for state in route.mirrors where draw < state.mirror.percent {
            var start = MirrorCopy.Start.ended(.dropped)
            let copyTrace = traceCopy()
            withRequest(edits: state.requestEdits, mirror: state) {
                start = MirrorCopy.start(state, worker: worker, $0, isGRPC: isGRPC, trace: copyTrace)
            }
            switch start {
            case .ended(let outcome):
                lostMirrors.append(MirrorNote(place: state.place, backend: state.backend, outcome: outcome))
            case .begun(let copy):
                kept.forEachRun { copy.sendBody($0) }
                if isRequestComplete { copy.sendEnd(trailers: nil) }
                mirrors.append(copy)
            }
        }
    }

    // MARK: Deadlines

    /// When the exchange is over, whatever happens until then.
    var exchangeDeadline: Instant {
        guard let timeout = route?.timeout, let dispatchedAt else { return callDeadline }
        return min(callDeadline, dispatchedAt + timeout)
    }

    /// The earliest of what limits the exchange now.
    func armDeadline() {
        guard let route, dispatchedAt != nil, phase != .finished else { return }
        var deadline = exchangeDeadline
        if let idle = route.idleTimeout { deadline = min(deadline, lastActivity + idle) }
        if let end = firstByteDeadline { deadline = min(deadline, end) }
        if let end = tryDeadline { deadline = min(deadline, end) }
        worker.loop.setDeadline(self, deadline)
    }

    /// Since when it is the endpoint's turn: the end of the request, or its dispatch if it had to wait, or when the endpoint
    /// ceased to take the request. `nil` while the client is still sending.
    private var endpointsTurn: Instant? {
        if let requestEndedAt { return max(requestEndedAt, triedAt) }
        return upstream?.isFull == true ? lastActivity : nil
    }

    private var firstByteDeadline: Instant? {
        guard let limit = pool?.firstByteTimeout, firstByteAt == nil else { return nil }
        return endpointsTurn.map { $0 + limit }
    }

    /// It has become the endpoint's turn, for which there may be a limit.
    func armFirstByte() {
        if firstByteAt == nil, pool?.firstByteTimeout != nil || route?.retries?.policy.perTryTimeout != nil {
            armDeadline()
        }
    }

    /// What has begun to be answered is not tried again. Counted like the time to the first byte: how long the client takes
    /// for its request is not the endpoint's doing.
    private var tryDeadline: Instant? {
        guard phase == .sending, firstByteAt == nil, let rules = route?.retries, let turn = endpointsTurn else {
            return nil
        }
        let (end, isTry) = rules.policy.deadline(start: turn, exchange: exchangeDeadline)
        return isTry ? end : nil
    }

    func handleExpiry(_ now: Instant) {
        switch phase {
        case .waiting: waitedTooLong(now)
        case .holding: heldTooLong(now)
        case .inspecting: reject(callDeadline <= now ? .exchangeTimeout : .headerTimeout)
        case .delaying: delayEnded(now)
        case .gathering: reject(callDeadline <= now ? .exchangeTimeout : .idleTimeout)
        case .pausing: if exchangeDeadline <= now { reject(.exchangeTimeout) } else { pauseEnded() }
        case .sending, .responding: expiredUnderWay(now)
        case .reading, .deciding, .verifying, .fanningOut, .finished: break
        }
    }

    private func expiredUnderWay(_ now: Instant) {
        guard let route else { return }
        if exchangeDeadline <= now {
            if hadWholeTimeout(now) { note(.timeout) }
            end(.exchangeTimeout)
        } else if let deadline = tryDeadline, deadline <= now {
            tryExpired(.tryTimeout)
        } else if let deadline = firstByteDeadline, deadline <= now {
            tryExpired(.firstByteTimeout)
        } else if let idle = route.idleTimeout, lastActivity + idle <= now {
            if hasProgressed() {
                lastActivity = now
                armDeadline()
                return
            }
            if waitsForEndpoint { note(.timeout) }
            end(.idleTimeout)
        } else {
            armDeadline()
        }
    }

    /// Whether the endpoint had the request for as good as all of the time that the operator has given, and has not begun
    /// to answer. A client that takes its time for the request, or a deadline of its own, must not look like that.
    private func hadWholeTimeout(_ now: Instant) -> Bool {
        guard phase == .sending, firstByteAt == nil, callDeadline > now, let requestEndedAt,
            let timeout = route?.timeout
        else { return false }
        return now.since(max(requestEndedAt, triedAt)).count >= timeout.count / 10 * 9
    }

    private func tryExpired(_ cause: Cause) {
        note(.timeout)
        let late = upstream
        upstream = nil
        if tryAgain(afterTimeout: late) {
            traceTryEnd(cause, late)
            return
        }
        upstream = late
        reject(cause)
    }

    private func end(_ cause: Cause) {
        if isHeadSent { cut(cause) } else { reject(cause) }
    }

    func leaveQueue() {
        guard phase == .waiting, let pool else { return }
        worker.dequeue(self, pool)
        worker.loop.setDeadline(self, .never)
        phase = .deciding
        trace?.addWait(from: queuedAt, to: worker.loop.now)
    }
}
