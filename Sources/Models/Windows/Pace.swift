package import Base

/// When to ask one server the same question again.
package struct Pace: Sendable {
    /// Of a server that does not answer, or answers nonsense: it may come back at any moment.
    package static let longestRest = Nanoseconds.seconds(10)
    /// Of a server that does not know the question: only a new start changes that.
    package static let refusedRest = Nanoseconds.seconds(60)
    /// The first time, so that a thousand servers are not asked at once all along.
    private static let spread = Nanoseconds.milliseconds(200)

    package private(set) var next: Instant
    package var interval: Nanoseconds
    /// In a row.
    package private(set) var failures = 0

    /// Asks for the first time a little later than now.
    package init(interval: Nanoseconds, now: Instant, random: inout RandomSource) {
        self.interval = interval
        next = now + Nanoseconds(UInt64(random.below(UInt32(Self.spread.count))))
    }

    package mutating func ask(at now: Instant) { next = min(next, now) }

    package mutating func succeed(now: Instant, random: inout RandomSource) {
        failures = 0
        next = now + Self.jittered(interval, &random)
    }

    /// Waits twice as long after each failure in a row.
    package mutating func fail(now: Instant, random: inout RandomSource) {
        failures += 1
        let longest = max(Self.longestRest, interval)
        let rest = interval.count << min(UInt64(failures), 16)
        next = now + Self.jittered(min(Nanoseconds(rest), longest), &random)
    }

    package mutating func refuse(now: Instant, random: inout RandomSource) {
        failures += 1
        next = now + Self.jittered(max(Self.refusedRest, interval), &random)
    }

    /// 10 % more or less.
    private static func jittered(_ span: Nanoseconds, _ random: inout RandomSource) -> Nanoseconds {
        Nanoseconds(span.count / 10 * 9 + span.count / 5 / 1024 * UInt64(random.below(1024)))
    }
}
