package import Base
import Synchronization

/// Whether an endpoint may be used: one record for all loops, which the control queue writes and loops read for each
/// candidate with a single load. Survives reloads, like `EndpointLoad`.
///
/// Everything is in one word, so that what belongs together changes together:
///
///     bits  0-15   errors in a row since the last answer
///     bits 16-21   flags
///     bits 32-63   generation, counted up with every change of standing
///
/// A try carries the generation it began in. What began before an ejection says nothing about the time after it, and is
/// not counted any more.
package final class EndpointHealth: Sendable {
    private let word = Atomic<UInt64>(0)
    private let returned: Atomic<UInt64>
    /// When it last answered, to within `answerGrain`, and when an error was last counted that a request may have caused.
    private let lastAnswer = Atomic<UInt64>(0)
    private let lastError = Atomic<UInt64>(0)

    /// Loops note answers no more often than that, so that they do not contend for a word with each answer.
    private static var answerGrain: Nanoseconds { .milliseconds(10) }

    /// How long it is watched whether an endpoint answers others, before errors that requests may have caused are held
    /// against it: some answers' time for one that is busy, and little beside the time of an ejection.
    package static var doubt: Nanoseconds { .milliseconds(100) }

    /// Whether it has answered anybody since, to within `answerGrain`.
    package func hasAnswered(since instant: Instant) -> Bool {
        lastAnswer.load(ordering: .relaxed) > instant.nanoseconds
    }

    private static var errors: UInt64 { 0xFFFF }
    /// The active check failed.
    private static var unhealthy: UInt64 { 1 << 16 }
    /// Left alone for a while by outlier detection.
    private static var ejected: UInt64 { 1 << 17 }
    /// Back for one request at a time,
    private static var probing: UInt64 { 1 << 18 }
    /// and that one is under way.
    private static var probeTaken: UInt64 { 1 << 19 }
    /// An operator wants nothing new sent there.
    private static var draining: UInt64 { 1 << 20 }
    /// Too many errors have been reported, and are about to be judged.
    private static var suspended: UInt64 { 1 << 21 }
    /// Any of these, and the endpoint is passed over.
    private static var out: UInt64 { unhealthy | ejected | probeTaken | draining | suspended }
    private static var standings: UInt64 { ejected | probing | probeTaken | suspended }
    private static var generation: UInt64 { 1 << 32 }

    /// More errors than this in a row are not told apart; what `consecutiveErrors` may be at most.
    package static var maxThreshold: Int { 0xFFFF }

    /// - Parameter since: when the endpoint was added, if others were there before; `nil` for one there from the start,
    ///   which needs no slow start.
    package init(since: Instant? = nil) { returned = Atomic(since?.nanoseconds ?? 0) }

    /// Tells it from all others that are there.
    package var identity: Int { Int(bitPattern: ObjectIdentifier(self)) }

    /// Whether a request may go there now. One load, for each candidate of each request.
    package var isUsable: Bool { word.load(ordering: .relaxed) & Self.out == 0 }

    /// When it was added or last came back, from which slow start counts; the start of the clock if it was always
    /// there.
    package var usableSince: Instant { Instant(nanoseconds: returned.load(ordering: .relaxed)) }

    package var consecutiveErrors: Int { Int(word.load(ordering: .relaxed) & Self.errors) }

    /// Not usable for new requests at an operator's wish, or once more.
    package var isDraining: Bool { word.load(ordering: .relaxed) & Self.draining != 0 }

    package var isUnhealthy: Bool { word.load(ordering: .relaxed) & Self.unhealthy != 0 }

    // MARK: - Loops

    /// One try, from `begin` to `record`.
    package struct Ticket: Sendable, Equatable {
        fileprivate var generation: UInt32
        fileprivate var began: Instant
        /// The one request that decides whether an ejected endpoint comes back.
        package fileprivate(set) var isProbe: Bool
    }

    /// Call for the endpoint that was chosen. Writes only where the endpoint is probing.
    ///
    /// - Returns: `nil` if it has become unusable since it was looked at, perhaps because another loop took the probe:
    ///   choose another.
    package func begin(now: Instant) -> Ticket? {
        var seen = word.load(ordering: .relaxed)
        while seen & Self.out == 0 {
            guard seen & Self.probing != 0 else {
                return Ticket(generation: UInt32(seen >> 32), began: now, isProbe: false)
            }
            let (exchanged, found) = word.weakCompareExchange(
                expected: seen, desired: seen | Self.probeTaken, ordering: .relaxed)
            if exchanged { return Ticket(generation: UInt32(seen >> 32), began: now, isProbe: true) }
            seen = found
        }
        return nil
    }

    /// The same where so few are usable that all are used: what is ejected is tried as well, but proves nothing.
    package func beginInPanic(now: Instant) -> Ticket {
        begin(now: now)
            ?? Ticket(generation: UInt32(word.load(ordering: .relaxed) >> 32), began: now, isProbe: false)
    }

    /// Something the control queue has to judge.
    package struct Report: Sendable, Equatable {
        package enum Finding: Sendable, Equatable {
            case tooManyErrors, probeSucceeded, probeFailed
        }
        package var finding: Finding
        /// Of the last error.
        package var outcome: EndpointOutcome
        /// Requests may have caused it: it is to be judged only at this time, and only if the endpoint has answered nobody
        /// since `at`. `at` itself for what is judged at once.
        package var due: Instant
        package var at: Instant
        fileprivate var generation: UInt32
    }

    /// Whether an error says something about the endpoint, and not only about its request.
    ///
    /// Servers close the connection on requests that they cannot read, and clients choose requests. So what ends while the
    /// endpoint answers others does not count; and of requests that were under way together, and ended in a way that a
    /// request may cause, one does: else a handful of bad ones, sent at once, would take a healthy endpoint away.
    private func isEvidence(_ outcome: EndpointOutcome, _ ticket: Ticket, _ now: Instant) -> Bool {
        if hasAnswered(since: ticket.began) { return false }
        guard outcome.mayBeCausedByRequest else { return true }
        if lastError.load(ordering: .relaxed) > ticket.began.nanoseconds { return false }
        lastError.store(now.nanoseconds, ordering: .relaxed)
        return true
    }

    private func noteAnswer(_ now: Instant) {
        let known = Instant(nanoseconds: lastAnswer.load(ordering: .relaxed))
        if known + Self.answerGrain <= now { lastAnswer.store(now.nanoseconds, ordering: .relaxed) }
    }

    /// Call once the outcome is known: `answered` when the answer is complete, anything else as soon as it is seen. An
    /// answer writes nothing unless there were errors before it.
    ///
    /// - Parameters:
    ///   - ticket: reports the end of a probe once; what follows with the same ticket is not counted.
    ///   - threshold: `consecutiveErrors`, 0...`maxThreshold`; 0 counts nothing.
    ///   - suspends: leaves the endpoint alone from the moment there are too many errors, until they are judged.
    /// - Returns: what to post to the control queue; `nil` nearly always. After too many errors counting begins anew,
    ///   so an endpoint that could not be ejected is reported again in time.
    package func record(
        _ outcome: EndpointOutcome, of ticket: inout Ticket, threshold: Int, suspends: Bool = false, now: Instant
    ) -> Report? {
        if ticket.isProbe {
            ticket.isProbe = false
            return recordProbe(outcome, ticket.generation, now)
        }
        guard outcome != .neutral else { return nil }
        if outcome.countsAgainstEndpoint {
            guard threshold > 0, isEvidence(outcome, ticket, now) else { return nil }
        } else {
            noteAnswer(now)
        }
        var seen = word.load(ordering: .relaxed)
        while UInt32(seen >> 32) == ticket.generation, seen & Self.standings == 0 {
            var desired = seen & ~Self.errors
            var isTooMany = false
            if outcome.countsAgainstEndpoint {
                let errors = Int(seen & Self.errors) + 1
                isTooMany = errors >= min(threshold, Self.maxThreshold)
                if !isTooMany {
                    desired |= UInt64(errors)
                } else if suspends && !outcome.mayBeCausedByRequest {
                    desired |= Self.suspended
                }
            } else if desired == seen {
                return nil
            }
            let (exchanged, found) = word.weakCompareExchange(expected: seen, desired: desired, ordering: .relaxed)
            if exchanged {
                guard isTooMany else { return nil }
                let due = outcome.mayBeCausedByRequest ? now + Self.doubt : now
                return Report(
                    finding: .tooManyErrors, outcome: outcome, due: due, at: now, generation: ticket.generation)
            }
            seen = found
        }
        return nil
    }

    private func recordProbe(_ outcome: EndpointOutcome, _ generation: UInt32, _ now: Instant) -> Report? {
        if outcome == .neutral {
            // Nothing was learnt: the next request is the probe.
            update { UInt32($0 >> 32) == generation ? $0 & ~Self.probeTaken : $0 }
            return nil
        }
        if outcome.mayBeCausedByRequest, isFirstDoubt(generation) { return nil }
        return Report(
            finding: outcome.countsAgainstEndpoint ? .probeFailed : .probeSucceeded, outcome: outcome, due: now,
            at: now,
            generation: generation)
    }

    /// A probe that its own request may have failed is followed by a second one, which then counts.
    private func isFirstDoubt(_ generation: UInt32) -> Bool {
        var isFirst = false
        update { bits in
            isFirst = UInt32(bits >> 32) == generation && bits & Self.errors == 0
            return isFirst ? (bits | 1) & ~Self.probeTaken : bits
        }
        return isFirst
    }

    // MARK: - The control queue

    package enum Standing: UInt8, Sendable {
        case serving, ejected, probing
    }

    package var standing: Standing {
        let bits = word.load(ordering: .relaxed)
        if bits & Self.probing != 0 { return .probing }
        return bits & Self.ejected != 0 ? .ejected : .serving
    }

    /// Begins a new generation. Only `OutlierDetection` calls it.
    func change(to standing: Standing, now: Instant) {
        if standing == .serving { returned.store(now.nanoseconds, ordering: .relaxed) }
        update { bits in
            let flag: UInt64 =
                switch standing {
                case .serving: 0
                case .ejected: Self.ejected
                case .probing: Self.probing
                }
            return (bits & ~(Self.errors | Self.standings) | flag) &+ Self.generation
        }
    }

    /// The errors were judged, and are no reason to leave the endpoint alone.
    func endSuspension() { update { $0 & ~Self.suspended } }

    /// Lets another request through beside a probe that takes long; whichever ends first decides.
    func reopenProbe() { update { $0 & Self.probing != 0 ? $0 & ~Self.probeTaken : $0 } }

    /// Whether a report is about the present standing and not about one that has ended.
    func isCurrent(_ report: Report) -> Bool { UInt32(word.load(ordering: .relaxed) >> 32) == report.generation }

    /// The verdict of the active check.
    package func setUnhealthy(_ isUnhealthy: Bool, now: Instant) { set(Self.unhealthy, isUnhealthy, now) }

    package func setDraining(_ isDraining: Bool, now: Instant) { set(Self.draining, isDraining, now) }

    /// A return is a fresh start: errors are forgotten and slow start begins.
    private func set(_ flag: UInt64, _ isSet: Bool, _ now: Instant) {
        if isSet {
            update { $0 | flag }
        } else if word.load(ordering: .relaxed) & flag != 0 {
            returned.store(now.nanoseconds, ordering: .relaxed)
            update { $0 & ~(flag | Self.errors) }
        }
    }

    private func update(_ change: (UInt64) -> UInt64) {
        var seen = word.load(ordering: .relaxed)
        while true {
            let desired = change(seen)
            if desired == seen { return }
            let (exchanged, found) = word.weakCompareExchange(expected: seen, desired: desired, ordering: .relaxed)
            if exchanged { return }
            seen = found
        }
    }
}
