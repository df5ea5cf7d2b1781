package import Base
package import Configuration

/// The arithmetic of a token bucket whose whole state is one number, by the generic cell rate algorithm (ITU-T I.371,
/// annex A): the time at which it will be full again, if nothing more comes. A request moves that time on by what one
/// token takes, and has to wait if it would then lie further ahead than a whole bucket takes.
///
/// Of any span of time it admits no more than `burst`, and one more for each token that the span brings.
package struct TokenBucket: Sendable {
    /// A bucket that has never been used, and so is full.
    package static var full: UInt64 { 0 }

    /// Times are counted in 1/16 ns, so that even a million tokens a second come out to within 1/16000; or in more, where
    /// a bucket takes years to fill.
    private static let finestShift = 4
    /// Bits of the time that a bucket takes to fill: half of the range, the other half is for the clock.
    private static let fillBits = 61
    /// The latest clock reading told from later ones: nine years after the machine's start at the finest count.
    private static let latest: UInt64 = 1 << 62

    /// What one nanosecond counts, as a power of two.
    private let shift: Int
    /// For one token.
    private let interval: UInt64
    /// For all of them.
    private let capacity: UInt64

    package init(_ limit: Route.RateLimit) {
        let period = UInt128(max(1, Nanoseconds(limit.per).count))
        let requests = UInt128(max(1, limit.requests))
        let burst = UInt128(max(1, limit.burst))
        let fill = period * burst / requests
        shift = min(Self.finestShift, Self.fillBits - (128 - fill.leadingZeroBitCount))
        // To the nearest: a longer interval than one count is at least a thousand of them, for any rate a machine has.
        let scaled = shift >= 0 ? period << UInt128(shift) : period
        let divisor = shift >= 0 ? requests : requests << UInt128(-shift)
        interval = UInt64(clamping: max(1, (scaled + divisor / 2) / divisor))
        capacity = UInt64(clamping: UInt128(interval) * burst)
    }

    package enum Outcome: Equatable, Sendable {
        /// The bucket's new state.
        case admitted(UInt64)
        /// Until the next token is there.
        case refused(retryAfter: Nanoseconds)
    }

    /// What a request that comes `now` finds in a bucket.
    package func take(from bucket: UInt64, now: Instant) -> Outcome {
        let present = count(now)
        let next = max(bucket, present) &+ interval
        // No sum overflows: the clock takes up half of the range, a bucket's time an eighth, and no bucket is ahead of the
        // clock by more than its time.
        let bound = present &+ capacity
        if next <= bound { return .admitted(next) }
        return .refused(retryAfter: nanoseconds(next &- bound))
    }

    /// The state of a bucket that gets back a token it has given.
    package func returning(to bucket: UInt64) -> UInt64 { bucket > interval ? bucket &- interval : Self.full }

    private func count(_ now: Instant) -> UInt64 {
        let time = now.nanoseconds
        if shift < 0 { return time >> UInt64(-shift) }
        return time > Self.latest >> UInt64(shift) ? Self.latest : time << UInt64(shift)
    }

    /// Rounded up, so that who waits as long finds a token.
    private func nanoseconds(_ count: UInt64) -> Nanoseconds {
        if shift >= 0 { return Nanoseconds((count &+ (1 << UInt64(shift) &- 1)) >> UInt64(shift)) }
        let (product, overflow) = count.multipliedReportingOverflow(by: 1 << UInt64(-shift))
        return Nanoseconds(overflow ? .max : product)
    }
}
