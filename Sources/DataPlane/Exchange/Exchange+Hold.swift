import Base
import Configuration
import EventLoop
import HTTP
import Synchronization
import Telemetry
import Traffic

/// What an exchange has to do with being held; apart, because few are.
struct Held {
    var reason = HoldReason.starting
    /// Bytes of its body that are counted.
    var bytes = 0
    /// When it has waited long enough, whatever it waits for.
    var end = Instant.never
    /// It came when the backend ran already, and is held so that it does not pass those that came before.
    var isLate = false
    /// Let go, and not answered yet.
    var isPaced = false
    /// In a moment that nothing else happens in: it has had its turn.
    var hasTurn = false
    /// How long the present try was held.
    var time = Nanoseconds(0)

    /// It has found the backend asleep.
    var isCold: Bool { reason == .starting && !isLate }
}

/// Being kept until the backend runs, or the model is loaded.
extension Exchange {
    /// An attempt to start the backend that comes so soon after a failed one is waited for.
    private static let shortWait = Nanoseconds.seconds(2)

    /// What it would have to wait for, if it were sent now.
    ///
    /// - Parameter presence: of its model.
    func reasonToHold(in pool: BackendPool, _ presence: ModelBoard.Presence?) -> HoldReason? {
        if pool.isStartedOnDemand || !pool.isHoldOpen {
            guard pool.isHoldOpen && pool.hasUsableEndpoint else { return .starting }
        }
        return mustWaitForModel(in: pool, presence) ? .loading : nil
    }

    /// Whether it has to stay behind those that wait already for the backend to be started, not having had its turn.
    func comesLate(to pool: BackendPool) -> Bool {
        pool.isStartedOnDemand && held?.hasTurn != true && pool.load.hold.starting.current > 0
    }

    /// Keeps it until the backend runs or has its model. It is then looked at anew.
    ///
    /// - Parameter isLate: it is held for the sake of others only.
    func hold(_ reason: HoldReason, isLate: Bool = false) {
        guard let pool else { return }
        let now = worker.loop.now
        let queue = worker.holdQueue(of: pool.load)
        if reason == .starting, let failure = queue.failure, failure.retryAt.map({ now + Self.shortWait < $0 }) ?? true
        {
            fail(failure)
            return
        }
        let limits = pool.holdLimits
        let gate = pool.load.hold
        guard gate.requests.take(limit: limits.requests) else {
            reject(.queueFull)
            return
        }
        var held = self.held ?? Held(end: min(now + limits.timeout, callDeadline))
        if self.held == nil { heldSince = now }
        // Once it has found the backend asleep it is behind nobody any more.
        held.isLate = isLate && (self.held?.isLate ?? true)
        held.reason = reason
        held.bytes = kept.count &+ (client?.unreadBytes ?? 0)
        self.held = held
        gate.bytes.add(held.bytes, ordering: .relaxed)
        if held.isCold { gate.starting.add(1, ordering: .sequentiallyConsistent) }
        phase = .holding
        queuedAt = now
        queue.insert(self)
        worker.loop.setDeadline(self, held.end)
        guard gate.bytes.current <= limits.bytes else {
            reject(.queueFull)
            return
        }
        // What runs already need not be started; to ask would have it looked at, and the pace begin anew.
        if held.isCold, gate.want() { worker.wakeBackend(pool.backend.name) }
    }

    /// More of its body has come, which nobody takes while it is held.
    func bodyWaits(_ count: Int) {
        guard phase == .holding, let pool, held != nil else { return }
        held!.bytes &+= count
        pool.load.hold.bytes.add(count, ordering: .relaxed)
        if pool.load.hold.bytes.current > pool.holdLimits.bytes { reject(.queueFull) }
    }

    /// It is not held any more, whatever comes next.
    func leaveHold() {
        guard phase == .holding, let pool, held != nil else { return }
        let now = worker.loop.now
        worker.holdQueue(of: pool.load).remove(self)
        let gate = pool.load.hold
        gate.requests.give()
        gate.bytes.subtract(held!.bytes, ordering: .relaxed)
        if held!.isCold { gate.starting.give() }
        worker.loop.setDeadline(self, .never)
        phase = .deciding
        let waited = now.since(queuedAt)
        held!.time = Nanoseconds(held!.time.count &+ waited.count)
        queued = Nanoseconds(queued.count &+ waited.count)
        // As in a queue: it does not count against the exchange.
        dispatchedAt = dispatchedAt.map { $0 + waited }
        trace?.addWait(from: queuedAt, to: now)
    }

    /// It is its turn.
    ///
    /// - Returns: false where there is no place for it at present. Then it stays as long as there are any that found the
    ///   backend asleep: in the queue they would have less time than they have here, and perhaps no room.
    func goOn() -> Bool {
        guard let pool else { return true }
        if held?.reason == .starting, pool.isStartedOnDemand,
            held?.isLate == false || pool.load.hold.starting.current > 0
        {
            let wish = wish
            if !isModelMissing(wish.presence), pool.canServe(wish) {
                isChoosy = isChoosy(wish, pool)
                if isChoosy { awaited = pool.awaited(wish) }
                guard worker.mayPass(self, pool), let lease = pool.acquire(wish) else {
                    pool.load.hold.answered(isGood: false)
                    return false
                }
                leaveHold()
                held?.isPaced = true
                queuedAt = worker.loop.now
                launch(lease)
                return true
            }
        }
        leaveHold()
        held?.isPaced = true
        held?.hasTurn = true
        place(in: pool)
        held?.hasTurn = false
        // It may have been held again, or be waiting for a place, of which there are enough then.
        if phase == .holding || phase == .waiting { paceEnded(isGood: false) }
        return true
    }

    /// Tells the others that are held how it went.
    func paceEnded(isGood: Bool) {
        guard held?.isPaced == true, let pool else { return }
        held?.isPaced = false
        pool.load.hold.answered(isGood: isGood)
        worker.serveHeldLater(pool.load)
    }

    func heldTooLong(_ now: Instant) {
        leaveHold()
        if callDeadline > now, let pool, isModelMissing(wish.presence) {
            rejectMissingModel(in: pool)
            return
        }
        reject(callDeadline <= now ? .exchangeTimeout : .queueTimeout)
    }

    /// The endpoint was not there after all, and has not seen the request: it is held, where the backend is one that is
    /// started when needed.
    func holdAgain(_ failure: UpstreamFailure) -> Bool {
        guard [.connectFailed, .connectTimeout].contains(failure.cause), failure.nothingWritten, !isHeadSent,
            isReplayable, let pool,
            pool.isStartedOnDemand, held.map({ $0.end > worker.loop.now }) ?? true
        else { return false }
        givePlaceBack(isError: true)
        paceEnded(isGood: false)
        endpoint = nil
        phase = .deciding
        hold(.starting)
        return true
    }

    /// Takes no more of the body until it is certain that somebody is there for it: it can then still be held again.
    func waitForConnection(_ access: BackendPool.Access) {
        guard access.connection == nil, case .http1(let connection) = upstream else { return }
        connection.awaitsDrain = true
    }

    func fail(_ failure: HoldFailure) {
        if phase == .holding { leaveHold() }
        if let retryAt = failure.retryAt { retryAfter = max(retryAt.since(worker.loop.now), .seconds(1)) }
        reject(failure.cause, text: failure.message)
    }
}
