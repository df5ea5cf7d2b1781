package import Base

/// What the names of endpoints stand for, and when each is to be looked up again.
///
/// A name server that does not answer must not empty a backend, nor one name that hangs delay the others: look-ups that
/// take long move to a lane of their own, and their names stay there until one is prompt again.
package struct NameTable<Address: Hashable & Sendable>: Sendable {
    /// What a look-up came to.
    package enum Answer: Sendable, Equatable {
        /// In an order of the caller's that does not depend on the name server's.
        case found([Address])
        /// There is no such name, or it has no address.
        case none
        /// No answer, in the resolver's words; asking again may help.
        case unavailable(String)
    }

    /// What is worth telling about a look-up.
    package enum Event: Sendable, Equatable {
        case changed(from: [Address], to: [Address])
        /// It has no address, or no answer; told once until it recovers. `keeps`: the last good answer stays in force.
        case failing(String, keeps: Bool)
        case recovered
    }

    /// From the end of one look-up to the next, 10 % more or less: what a rolling update of endpoints may go unnoticed.
    package static var interval: Nanoseconds { .seconds(5) }
    /// Look-ups at the same time, those aside that take long.
    package static var promptLookups: Int { 8 }
    /// A look-up that has taken so long is out of the way of others. A name server at work answers within milliseconds.
    package static var slowAfter: Nanoseconds { .seconds(1) }
    /// Of names whose last look-up was slow, at the same time.
    package static var slowLookups: Int { 16 }
    /// All together: each occupies a thread.
    package static var mostLookups: Int { 64 }

    private struct Entry: Sendable {
        var addresses: [Address] = []
        var dueAt: Instant
        var answeredAt: Instant?
        var isSlow = false
        var problem: String?
    }

    private var entries: [String: Entry] = [:]
    /// Look-ups under way and when they began, those of names that are no longer used included.
    private var running: [String: Instant] = [:]

    package init() {}

    // MARK: Names

    /// The names wanted from now on. New ones are due at once, others are forgotten.
    package mutating func use(_ names: Set<String>, now: Instant) {
        entries = entries.filter { names.contains($0.key) }
        for name in names where entries[name] == nil { entries[name] = Entry(dueAt: now) }
    }

    /// Has every name looked up as soon as possible.
    package mutating func refresh(now: Instant) {
        for name in entries.keys { entries[name]?.dueAt = now }
    }

    /// What a name stands for; empty where that is nothing, or not known yet.
    package func addresses(of name: String) -> [Address] { entries[name]?.addresses ?? [] }

    /// Whether some name has not been answered since `time`, or ever. Those known to be slow are not waited for.
    package func awaitsAnswers(since time: Instant?) -> Bool {
        entries.values.contains { entry in
            guard let answeredAt = entry.answeredAt else { return true }
            guard let time, !entry.isSlow else { return false }
            return answeredAt < time
        }
    }

    // MARK: Look-ups

    /// The names to look up now; each is under way until `finish`.
    package mutating func start(now: Instant) -> [String] {
        var started: [String] = []
        for (name, entry) in due(now) where hasRoom(isSlow: entry.isSlow, now) {
            running[name] = now
            started.append(name)
        }
        return started
    }

    /// When `start` may have something to do, if no look-up ends before.
    package func nextStart(now: Instant) -> Instant {
        var next = Instant.never
        for (name, entry) in entries where running[name] == nil {
            if entry.dueAt > now || hasRoom(isSlow: entry.isSlow, now) {
                next = min(next, entry.dueAt)
            } else if !entry.isSlow && running.count < Self.mostLookups {
                // Room comes as a look-up turns out to be slow.
                for (other, begun) in running where isPrompt(other, begun, now) {
                    next = min(next, begun + Self.slowAfter)
                }
            }
        }
        return next
    }

    /// A look-up has ended.
    package mutating func finish(
        _ name: String, _ answer: Answer, now: Instant, random: inout RandomSource
    ) -> [Event] {
        guard let begun = running.removeValue(forKey: name), var entry = entries[name] else { return [] }
        defer { entries[name] = entry }
        entry.answeredAt = now
        entry.isSlow = now.since(begun) >= Self.slowAfter
        let spread = Self.interval.count / 5
        // A name that was to be refreshed while this look-up was under way is looked up once more, at once.
        entry.dueAt =
            entry.dueAt > begun
            ? now : now + Nanoseconds(Self.interval.count - spread / 2 + random.next() % spread)
        let before = entry.addresses
        let problem: String?
        switch answer {
        case .found(let addresses):
            entry.addresses = addresses
            problem = nil
        case .none:
            entry.addresses = []
            problem = "no such name, or no address"
        case .unavailable(let reason): problem = reason
        }
        var events: [Event] = []
        if entry.addresses != before { events.append(.changed(from: before, to: entry.addresses)) }
        if let problem, entry.problem == nil {
            events.append(.failing(problem, keeps: !entry.addresses.isEmpty))
        } else if problem == nil && entry.problem != nil {
            events.append(.recovered)
        }
        entry.problem = problem
        return events
    }

    /// Longest due first.
    private func due(_ now: Instant) -> [(name: String, entry: Entry)] {
        entries.filter { $0.value.dueAt <= now && running[$0.key] == nil }
            .map { (name: $0.key, entry: $0.value) }
            .sorted { ($0.entry.dueAt, $0.name) < ($1.entry.dueAt, $1.name) }
    }

    private func hasRoom(isSlow: Bool, _ now: Instant) -> Bool {
        guard running.count < Self.mostLookups else { return false }
        let prompt = running.count { isPrompt($0.key, $0.value, now) }
        return isSlow ? running.count - prompt < Self.slowLookups : prompt < Self.promptLookups
    }

    private func isPrompt(_ name: String, _ begun: Instant, _ now: Instant) -> Bool {
        entries[name]?.isSlow != true && now.since(begun) < Self.slowAfter
    }
}
