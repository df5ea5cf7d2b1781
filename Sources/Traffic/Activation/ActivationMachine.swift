package import Base

/// When a backend that is started on demand is started and stopped, without the doing:
///
///     asleep --demand--> looking --nobody there--> starting --ready--> running --idle--> draining --> stopping --> asleep
///                        looking --somebody there--> running           running --ends--> starting, or failed for a while
///                                                   starting --ends, says it cannot, takes too long--> failed --> asleep
///
/// Each event gives what is to be done, in order.
package struct ActivationMachine: Sendable {
    package enum State: Sendable, Equatable {
        case asleep
        /// Somebody else may run it: then there is nothing to start.
        case looking
        case starting
        case running
        /// Gets no new requests, and ends those it has.
        case draining
        case stopping
        /// Not tried again before this time.
        case failed(until: Instant)
    }

    package enum Action: Sendable, Equatable {
        /// Ask whether it answers; `looked` says so.
        case look
        case start
        /// Find out whether anybody else uses it; `foundIdle` says so.
        case confirmIdle
        /// Requests may go there.
        case open
        /// They wait.
        case close
        /// Those that wait are told why, and those that come until it is tried again.
        case fail(reason: String, until: Instant)
        /// What was told holds no longer.
        case forgetFailure
        case terminate
        case kill
        case count(Outcome)
    }

    /// What came of starting it, and of what ran.
    package enum Outcome: Sendable, Equatable { case started, failed, stopped, crashed }

    package struct Settings: Sendable, Equatable {
        /// `nil` means that it is never stopped for that.
        package var idleAfter: Nanoseconds?
        /// How long a start may take.
        package var startTimeout = Nanoseconds.seconds(300)
        /// What runs already is stopped as well when nobody uses it: it is this gateway's to scale.
        package var ownsWhatRuns = false
        /// Others may use it too, so idleness is asked about.
        package var confirmsIdle = false

        package init() {}
    }

    // MARK: Times

    /// Between a failure and the next attempt: doubled with each, as a server that cannot start will mostly not do so a second
    /// later, and one that crashes may.
    package static let firstBackoff = Nanoseconds.seconds(1)
    package static let longestBackoff = Nanoseconds.seconds(60)
    /// After so long a run the failures before it are forgotten, and a crash is repaired at once.
    package static let goodRun = Nanoseconds.seconds(10)
    /// A wait that is not worth telling anybody about: requests are kept over it.
    package static let shortWait = Nanoseconds.seconds(2)
    /// From SIGTERM to SIGKILL: Triton's own `--exit-timeout-secs` is 30 s, but nothing is in flight there any more.
    package static let killGrace = Nanoseconds.seconds(10)
    /// For requests that were on their way when it was decided to stop; there are few, for nobody had used it.
    package static let drainLimit = Nanoseconds.seconds(30)
    /// For the question whether somebody is there.
    package static let lookLimit = Nanoseconds.seconds(5)
    /// How long requests of a gateway that is being replaced wait for what only its successor can start.
    package static let successorPatience = Nanoseconds.seconds(10)

    // MARK: State

    package private(set) var state = State.asleep
    /// Since when.
    package private(set) var since: Instant
    /// Failures in a row.
    package private(set) var failures = 0
    /// What runs was started here, or taken over, and may be stopped.
    package private(set) var isOwn = false
    /// Requests wait for it, or will have to.
    private var hasDemand = false
    /// Its settings have changed: what runs is replaced as soon as nobody uses it.
    private var isStale = false
    /// It is not needed any more.
    private var isEnding = false
    /// Another process starts and stops it.
    private var isFollowing = false
    private var isKilled = false
    private var isAsked = false
    /// After stopping.
    private var failure: Instant?
    private var lastUse: Instant
    private var seen = HoldGate.Use(begun: 0, underWay: 0)
    package var settings: Settings
    /// A process that ran before this one may still use it.
    package var mayStop = true

    package init(_ settings: Settings, now: Instant) {
        self.settings = settings
        since = now
        lastUse = now
    }

    private mutating func enter(_ state: State, _ now: Instant) {
        self.state = state
        since = now
    }

    // MARK: Demand

    /// A request waits.
    package mutating func demand(now: Instant) -> [Action] {
        guard !isEnding else { return [] }
        hasDemand = true
        lastUse = now
        switch state {
        case .asleep:
            enter(.looking, now)
            return [.look]
        case .running where !isOwn || settings.ownsWhatRuns:
            // Who runs it may have stopped it.
            enter(.looking, now)
            return [.look]
        case .draining where !isStale:
            enter(.running, now)
            return [.open]
        case .looking, .starting, .running, .draining, .stopping, .failed: return []
        }
    }

    /// Looks without being asked by a request.
    package mutating func begin(now: Instant) -> [Action] {
        guard state == .asleep else { return [] }
        enter(.looking, now)
        return [.look]
    }

    package mutating func looked(isThere: Bool, now: Instant) -> [Action] {
        guard state == .looking else { return [] }
        if isThere {
            let wasOwn = isOwn
            enter(.running, now)
            isOwn = wasOwn || (settings.ownsWhatRuns && !isFollowing)
            hasDemand = false
            return [.open]
        }
        if isOwn && !settings.ownsWhatRuns {
            // What was taken over does not answer where it should. It may still come to that.
            enter(.starting, now)
            return []
        }
        isOwn = false
        if hasDemand { return [.close] + start(now) }
        enter(.asleep, now)
        return [.close]
    }

    // MARK: Starting

    private mutating func start(_ now: Instant) -> [Action] {
        enter(.starting, now)
        hasDemand = false
        isStale = false
        guard !isFollowing else { return [] }
        isOwn = true
        return [.start]
    }

    /// It takes requests.
    package mutating func ready(now: Instant) -> [Action] {
        guard state == .starting else { return [] }
        enter(.running, now)
        hasDemand = false
        lastUse = now
        return isFollowing ? [.open] : [.open, .count(.started)]
    }

    /// There is nothing to wait for.
    ///
    /// - Parameter isThere: something was started, and has to be stopped.
    package mutating func couldNotStart(_ reason: String, isThere: Bool, now: Instant) -> [Action] {
        guard state == .starting else { return [] }
        let until = fail(now)
        var actions: [Action] = [.fail(reason: reason, until: until)]
        if !isFollowing { actions.append(.count(.failed)) }
        if isThere && isOwn {
            failure = until
            return actions + terminate(now)
        }
        enter(.failed(until: until), now)
        return actions
    }

    private mutating func fail(_ now: Instant) -> Instant {
        failures += 1
        hasDemand = false
        return now + backoff
    }

    private var backoff: Nanoseconds {
        guard failures > 0 else { return Nanoseconds(0) }
        let doublings = UInt64(min(failures - 1, 6))
        return min(Self.longestBackoff, Nanoseconds(Self.firstBackoff.count << doublings))
    }

    // MARK: The end of what runs

    /// It has ended: the process, or the last pod.
    package mutating func exited(_ reason: String, now: Instant) -> [Action] {
        let wasOwn = isOwn
        isOwn = false
        isKilled = false
        switch state {
        case .starting:
            isOwn = wasOwn
            return couldNotStart(reason, isThere: false, now: now)
        case .running: return crashed(now)
        case .draining, .stopping:
            let outcome: [Action] = failure == nil ? [.count(.stopped)] : []
            if failure == nil { failures = 0 }
            if let until = failure {
                failure = nil
                enter(.failed(until: until), now)
                return outcome
            }
            guard hasDemand, !isEnding else {
                enter(.asleep, now)
                return outcome
            }
            return outcome + start(now)
        case .looking where wasOwn: return [.close, .count(.crashed)] + afterCrash(now, ranFor: Nanoseconds(0))
        case .asleep, .looking, .failed: return []
        }
    }

    private mutating func crashed(_ now: Instant) -> [Action] {
        [.close] + (isFollowing ? [] : [.count(.crashed)]) + afterCrash(now, ranFor: now.since(since))
    }

    /// Who is used is started again, at once if it has run for a while.
    private mutating func afterCrash(_ now: Instant, ranFor run: Nanoseconds) -> [Action] {
        let isUsed = hasDemand || settings.idleAfter.map { now.since(lastUse) < $0 } ?? true
        guard !isEnding else {
            enter(.asleep, now)
            return []
        }
        failures = run >= Self.goodRun ? 0 : failures + 1
        guard failures > 0 else {
            if isUsed { return start(now) }
            enter(.asleep, now)
            return []
        }
        let until = now + backoff
        hasDemand = isUsed
        enter(.failed(until: until), now)
        guard backoff > Self.shortWait else { return [] }
        return [.fail(reason: "the model server ends again and again", until: until)]
    }

    // MARK: Stopping

    private mutating func terminate(_ now: Instant) -> [Action] {
        enter(.stopping, now)
        isKilled = false
        return [.terminate]
    }

    private mutating func drain(_ now: Instant) -> [Action] {
        enter(.draining, now)
        hasDemand = false
        return [.close]
    }

    /// What loops have counted.
    ///
    /// - Parameter waiting: requests that wait for a place there.
    package mutating func observe(_ use: HoldGate.Use, waiting: Int, now: Instant) -> [Action] {
        let isUsed = use != seen || use.underWay > 0 || waiting > 0
        seen = use
        if isUsed { lastUse = now }
        guard state == .running, isOwn, mayStop, !isUsed, !isAsked else { return [] }
        if isStale { return drain(now) }
        guard let idleAfter = settings.idleAfter, now.since(max(lastUse, since)) >= idleAfter else { return [] }
        if settings.confirmsIdle {
            isAsked = true
            return [.confirmIdle]
        }
        return drain(now)
    }

    /// The answer to `confirmIdle`.
    package mutating func foundIdle(_ isIdle: Bool, now: Instant) -> [Action] {
        guard isAsked else { return [] }
        isAsked = false
        guard state == .running else { return [] }
        if !isIdle { lastUse = now }
        return isIdle && now.since(lastUse) >= settings.idleAfter ?? Nanoseconds(.max) ? drain(now) : []
    }

    /// While it drains: no loop has a request there, and none will send one.
    package mutating func drained(now: Instant) -> [Action] {
        guard state == .draining else { return [] }
        return terminate(now)
    }

    /// Its program, arguments or address have changed.
    ///
    /// - Parameter atOnce: what runs is of no use any more.
    package mutating func replace(atOnce: Bool, now: Instant) -> [Action] {
        switch state {
        case .starting where isOwn:
            hasDemand = true
            return terminate(now)
        case .running where isOwn, .draining where isOwn:
            isStale = true
            guard atOnce, state == .running else { return [] }
            let actions = drain(now)
            hasDemand = true
            return actions
        case .running:
            guard atOnce else { return [] }
            enter(.asleep, now)
            return [.close]
        case .failed(let until):
            // The change may be what it needs.
            enter(.failed(until: min(until, now)), now)
            return []
        case .asleep, .looking, .starting, .draining, .stopping: return []
        }
    }

    /// It is not needed any more, for good.
    ///
    /// - Parameter drains: requests may still be under way there.
    package mutating func end(drains: Bool, now: Instant) -> [Action] {
        isEnding = true
        hasDemand = false
        switch state {
        case .starting where isOwn: return terminate(now)
        case .running where isOwn: return drains ? drain(now) : terminate(now)
        case .looking where isOwn: return terminate(now)
        case .draining: return drains ? [] : terminate(now)
        case .stopping: return []
        case .asleep, .looking, .starting, .running, .failed:
            enter(.asleep, now)
            return []
        }
    }

    /// Nothing is left to be waited for after `end`.
    package var hasEnded: Bool { isEnding && state == .asleep }

    // MARK: Takeover

    /// A process that was started elsewhere is this one's from here on.
    package mutating func adopt(isReady: Bool, now: Instant) -> [Action] {
        isOwn = true
        lastUse = now
        enter(isReady ? .looking : .starting, now)
        return isReady ? [.look] : []
    }

    /// Another process goes on with it: nothing is started and stopped here any more.
    package mutating func follow(now: Instant) {
        isFollowing = true
        isOwn = false
        if case .draining = state { enter(.running, now) }
    }

    // MARK: Time

    private var startLimit: Nanoseconds {
        isFollowing ? min(settings.startTimeout, Self.successorPatience) : settings.startTimeout
    }

    /// When `advance` has to be called.
    package var nextDeadline: Instant {
        switch state {
        case .asleep, .running: .never
        case .looking: since + Self.lookLimit
        case .starting: since + startLimit
        case .draining: since + Self.drainLimit
        case .stopping: isKilled ? .never : since + Self.killGrace
        case .failed(let until): until
        }
    }

    package mutating func advance(now: Instant) -> [Action] {
        guard nextDeadline <= now else { return [] }
        switch state {
        case .asleep, .running: return []
        case .looking: return looked(isThere: false, now: now)
        case .starting:
            let seconds = max(1, startLimit.count / 1_000_000_000)
            let reason =
                isFollowing ? "the gateway is being replaced, ask again" : "it was not ready within \(seconds) s"
            return couldNotStart(reason, isThere: true, now: now)
        case .draining: return terminate(now)
        case .stopping:
            isKilled = true
            return [.kill]
        case .failed:
            if hasDemand { return [.forgetFailure] + start(now) }
            enter(.asleep, now)
            return [.forgetFailure]
        }
    }
}
