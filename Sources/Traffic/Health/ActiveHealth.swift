package import Base

/// One endpoint's active check: when to probe it, and what the results come to.
///
/// Until the first result the endpoint is used: a gateway that has just started, or been given a new endpoint, would
/// refuse what it could serve. The first probe goes out at once and its result counts whatever the thresholds, so a
/// newcomer that still loads its models is out after a moment.
///
/// "Not ready" counts like a failure and is no faster: Triton says it for a moment of the whole server whenever one of
/// its models is loaded anew.
package struct ActiveHealth: Sendable {
    package struct Settings: Sendable, Equatable {
        /// From the beginning of a probe to that of the next.
        package var interval = Nanoseconds.seconds(2)
        /// Of one probe.
        package var timeout = Nanoseconds.seconds(1)
        /// Failures in a row, at least 1.
        package var unhealthyThreshold = 2
        /// Successes in a row, at least 1.
        package var healthyThreshold = 1

        package init() {}
    }

    package enum ProbeResult: Sendable, Equatable {
        case ok
        /// The server answers, and says that it is not ready.
        case notReady
        /// With a phrase for the operator, such as "connection refused".
        case failed(String)
    }

    package enum State: Sendable, Equatable {
        case unknown, healthy
        case unhealthy(reason: ProbeResult)

        package var isUsable: Bool {
            if case .unhealthy = self { return false }
            return true
        }
    }

    /// Intervals are up to this much shorter or longer, so that gateways and endpoints do not fall into step.
    package static var jitterPercent: UInt64 { 10 }

    package private(set) var settings: Settings
    package private(set) var state = State.unknown
    /// When `state` last became usable or unusable, or was first known.
    package private(set) var changed: Instant?
    /// The last result, which may differ from the state until there are enough like it.
    package private(set) var lastResult: ProbeResult?
    /// When to begin the next probe; `never` while one is under way.
    package private(set) var nextProbe: Instant
    /// When the probe under way has failed for lack of an answer; `never` without one.
    package private(set) var probeDeadline = Instant.never

    private var started: Instant?
    /// Results in a row that speak against the state.
    private var contrary = 0

    /// Hundreds of endpoints that come together are asked one after the other, and the last one still soon.
    package static var longestStart: Nanoseconds { .seconds(1) }

    /// The first probe is due at once, spread over the tenth of an interval, but no longer than `longestStart`.
    package init(settings: Settings = Settings(), now: Instant, random: inout RandomSource) {
        self.settings = settings
        nextProbe = now + Self.draw(below: min(Self.longestStart, Self.jitter(of: settings.interval)), &random)
    }

    /// A reload: the state stays, and a shorter interval begins at once.
    package mutating func update(settings: Settings, now: Instant, random: inout RandomSource) {
        guard settings != self.settings else { return }
        self.settings = settings
        if started == nil { nextProbe = min(nextProbe, now + jittered(&random)) }
    }

    /// A probe starts.
    package mutating func begin(now: Instant) {
        started = now
        nextProbe = .never
        probeDeadline = now + settings.timeout
    }

    /// No probe is under way any more, or none could be begun, and nothing was learnt: the next one is due at `time`.
    package mutating func ask(at time: Instant) {
        started = nil
        probeDeadline = .never
        nextProbe = time
    }

    /// It has come to an end.
    ///
    /// - Returns: true if the endpoint has become usable or unusable by it, or is known for the first time.
    package mutating func finish(_ result: ProbeResult, now: Instant, random: inout RandomSource) -> Bool {
        nextProbe = max(now, (started ?? now) + jittered(&random))
        started = nil
        probeDeadline = .never
        lastResult = result
        let isGood = result == .ok
        switch state {
        case .unknown: break
        case .healthy where isGood: contrary = 0
        case .unhealthy where !isGood:
            contrary = 0
            state = .unhealthy(reason: result)
        case .healthy, .unhealthy: contrary += 1
        }
        let needed = isGood ? settings.healthyThreshold : settings.unhealthyThreshold
        guard state == .unknown || contrary >= max(1, needed) else { return false }
        state = isGood ? .healthy : .unhealthy(reason: result)
        changed = now
        contrary = 0
        return true
    }

    private static func jitter(of interval: Nanoseconds) -> Nanoseconds {
        Nanoseconds(interval.count / 100 * jitterPercent)
    }

    private func jittered(_ random: inout RandomSource) -> Nanoseconds {
        let jitter = Self.jitter(of: settings.interval)
        return Nanoseconds(
            settings.interval.count - jitter.count + Self.draw(below: Nanoseconds(jitter.count * 2), &random).count)
    }

    private static func draw(below bound: Nanoseconds, _ random: inout RandomSource) -> Nanoseconds {
        bound.count == 0 ? bound : Nanoseconds(random.next() % bound.count)
    }
}
