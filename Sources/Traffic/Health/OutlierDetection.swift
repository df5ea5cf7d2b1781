package import Base

/// Decides, for the endpoints of one backend, which are left alone because requests to them fail, and for how long.
///
/// Runs on the control queue: loops count errors in `EndpointHealth` and post a report when there are too many in a
/// row.
///
///     serving ── too many errors, and the percentage allows it ──> ejected
///     ejected ── its time is over, or an active check passes again ──> probing
///     probing ── the one request let through is answered ──> serving, with slow start
///     probing ── it fails ──> ejected, for longer
///
/// Ejection ends by a request and never by a check alone: a server that is stuck in a model still answers its health
/// path.
package struct OutlierDetection<Key: Hashable & Sendable>: Sendable {
    package struct Settings: Sendable, Equatable {
        /// 0...`EndpointHealth.maxThreshold`; 0 turns detection off.
        package var consecutiveErrors = 5
        /// 0 turns detection off: an ejection of no time would be none.
        package var baseEjectionTime = Nanoseconds.seconds(30)
        /// 0...100 percent of the endpoints; 0 turns detection off. One may be ejected whatever it says, if another is
        /// left.
        package var maxEjectionPercent = 50.0

        package init() {}

        var isOn: Bool { consecutiveErrors > 0 && maxEjectionPercent > 0 && baseEjectionTime.count > 0 }
    }

    /// As far as ejection grows, or `baseEjectionTime` where that is more: after five minutes one failed request each
    /// time is a small price for noticing a repair. Envoy's `max_ejection_time`.
    package static var maxEjectionTime: Nanoseconds { .seconds(300) }

    /// After so long another request is let through beside one on trial that has not ended: it may be one whose client takes
    /// its time, and there is no telling.
    package static var trialPatience: Nanoseconds { .seconds(1) }

    /// What an operator sees.
    package struct Status: Sendable, Equatable {
        package var standing = EndpointHealth.Standing.serving
        /// Why it was ejected last; `nil` if it never was.
        package var reason: EndpointOutcome?
        /// Of the last change of standing; `nil` if there was none.
        package var changed: Instant?
        /// When an ejected endpoint is probed; `nil` otherwise.
        package var until: Instant?
        /// In a row: less one for each `baseEjectionTime` of good service. Multiplies the next ejection's time.
        package var ejections = 0
    }

    package struct Change: Sendable, Equatable {
        package var endpoint: Key
        package var status: Status
    }

    private struct Member {
        var key: Key
        var health: EndpointHealth
        var status = Status()
        /// When to begin probing, or to let another probe through.
        var deadline = Instant.never

        var isOut: Bool { status.standing != .serving }
    }

    package private(set) var settings: Settings
    /// In the order of the configuration, so that equal input gives equal decisions.
    private var members: [Member] = []

    package init(settings: Settings = Settings()) { self.settings = settings }

    package func status(of key: Key) -> Status? { index(of: key).map { members[$0].status } }

    /// How many are ejected or probing.
    package var outCount: Int { members.count { $0.isOut } }

    /// How many may be.
    package var maxOut: Int {
        guard settings.isOn else { return 0 }
        return max(1, Int(Double(members.count) * settings.maxEjectionPercent / 100))
    }

    /// When `advance` has to be called; `never` while nothing is out.
    package var nextDeadline: Instant { members.reduce(.never) { min($0, $1.deadline) } }

    private func index(of key: Key) -> Int? { members.firstIndex { $0.key == key } }

    // MARK: - Members

    /// Takes over a new configuration or new addresses. Those that stay keep their standing and history; where fewer
    /// may be out than are, those that have least time left return.
    package mutating func update(
        settings: Settings, endpoints: [(key: Key, health: EndpointHealth)], now: Instant
    ) -> [Change] {
        self.settings = settings
        let known = Dictionary(members.map { ($0.key, $0) }) { first, _ in first }
        members = endpoints.map { key, health in
            // A record from elsewhere starts anew: its standing would not be what is written here.
            if let member = known[key], member.health === health { return member }
            return Member(key: key, health: health)
        }
        var changes: [Change] = []
        while outCount > maxOut {
            let first = members.indices.filter { members[$0].isOut }
                .min { (members[$0].status.until ?? now) < (members[$1].status.until ?? now) }
            guard let first else { break }
            changes.append(move(first, to: .serving, now))
        }
        return changes
    }

    // MARK: - Decisions

    /// A loop has something to report of an endpoint. To be called when the report is due.
    package mutating func judge(_ report: EndpointHealth.Report, of key: Key, now: Instant) -> Change? {
        guard let index = index(of: key), members[index].health.isCurrent(report) else { return nil }
        switch (report.finding, members[index].status.standing) {
        case (.tooManyErrors, .serving):
            let isRefuted = report.due > report.at && members[index].health.hasAnswered(since: report.at)
            guard settings.isOn, !isRefuted, outCount < maxOut, isAnotherLeft(than: index) else {
                members[index].health.endSuspension()
                return nil
            }
            return eject(index, report.outcome, now)
        case (.probeFailed, .probing): return eject(index, report.outcome, now)
        case (.probeSucceeded, .probing): return move(index, to: .serving, now)
        default: return nil
        }
    }

    /// The active check of an endpoint passes again after it had failed: it was probably restarted, so it is probed at
    /// once instead of at the end of its time.
    package mutating func checkPassedAgain(_ key: Key, now: Instant) -> Change? {
        guard let index = index(of: key), members[index].status.standing == .ejected else { return nil }
        return move(index, to: .probing, now)
    }

    /// What was there has been replaced: nothing is held against what comes.
    package mutating func forgetAll(now: Instant) {
        for index in members.indices {
            if members[index].isOut { _ = move(index, to: .serving, now) }
            members[index].status = Status()
            members[index].deadline = .never
        }
    }

    /// Begins probing where the time is over.
    package mutating func advance(now: Instant) -> [Change] {
        var changes: [Change] = []
        for index in members.indices where members[index].deadline <= now {
            if members[index].status.standing == .ejected {
                changes.append(move(index, to: .probing, now))
            } else {
                // A probe has no end of its own where no timeout is configured. It is not taken for failed, for
                // inference may take minutes, but it is not waited for alone.
                members[index].health.reopenProbe()
                members[index].deadline = now + Self.trialPatience
            }
        }
        return changes
    }

    private func isAnotherLeft(than index: Int) -> Bool {
        members.indices.contains { $0 != index && !members[$0].isOut && members[$0].health.isUsable }
    }

    // MARK: - Ejecting

    /// Ejections in a row that are counted. With the default settings the time has long stopped growing, and all are
    /// forgiven within 50 minutes.
    private static var maxCounted: Int { 100 }

    private mutating func eject(_ index: Int, _ reason: EndpointOutcome, _ now: Instant) -> Change {
        var ejections = members[index].status.ejections
        if !members[index].isOut, let changed = members[index].status.changed {
            let forgiven = now.since(changed).count / max(1, settings.baseEjectionTime.count)
            ejections -= min(ejections, Int(clamping: forgiven))
        }
        members[index].status.ejections = min(ejections + 1, Self.maxCounted)
        members[index].status.reason = reason
        return move(index, to: .ejected, now)
    }

    /// `baseEjectionTime` times the number of ejections in a row.
    private func ejectionTime(_ ejections: Int) -> Nanoseconds {
        let longest = max(Self.maxEjectionTime, settings.baseEjectionTime)
        let (time, overflow) = settings.baseEjectionTime.count.multipliedReportingOverflow(by: UInt64(ejections))
        return overflow ? longest : min(longest, Nanoseconds(time))
    }

    private mutating func move(_ index: Int, to standing: EndpointHealth.Standing, _ now: Instant) -> Change {
        let end = now + ejectionTime(members[index].status.ejections)
        members[index].deadline =
            switch standing {
            case .serving: .never
            case .ejected: end
            case .probing: now + Self.trialPatience
            }
        members[index].status.standing = standing
        members[index].status.changed = now
        members[index].status.until = standing == .ejected ? end : nil
        members[index].health.change(to: standing, now: now)
        return Change(endpoint: members[index].key, status: members[index].status)
    }
}
