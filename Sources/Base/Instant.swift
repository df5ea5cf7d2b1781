import Glibc

/// A point on the monotonic clock, in nanoseconds since an arbitrary start.
///
/// Decisions take it as an argument, so that tests can move time by hand.
@frozen public struct Instant: Comparable, Hashable, Sendable {
    public var nanoseconds: UInt64

    @inlinable public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Later than every real point: "no deadline".
    @inlinable public static var never: Instant { Instant(nanoseconds: .max) }

    /// The clock's current reading.
    package static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    @inlinable public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Saturates at `never`.
    @inlinable public static func + (instant: Instant, span: Nanoseconds) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.count)
        return overflow ? .never : Instant(nanoseconds: sum)
    }

    /// Time since `earlier`; zero where that lies ahead.
    @inlinable public func since(_ earlier: Instant) -> Nanoseconds {
        Nanoseconds(nanoseconds > earlier.nanoseconds ? nanoseconds &- earlier.nanoseconds : 0)
    }
}

/// A length of time in whole nanoseconds, up to 584 years.
@frozen public struct Nanoseconds: Comparable, Hashable, Sendable {
    public var count: UInt64

    @inlinable public init(_ count: UInt64) { self.count = count }

    /// Negative durations count as zero; what does not fit counts as the longest.
    package init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else {
            self.init(0)
            return
        }
        let (whole, isTooLong) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        self.init(isTooLong || overflow ? .max : sum)
    }

    @inlinable public static func milliseconds(_ count: UInt64) -> Nanoseconds { Nanoseconds(count &* 1_000_000) }
    @inlinable public static func seconds(_ count: UInt64) -> Nanoseconds { Nanoseconds(count &* 1_000_000_000) }
    @inlinable public static func < (left: Nanoseconds, right: Nanoseconds) -> Bool { left.count < right.count }
}

/// The wall clock, in seconds since 1970-01-01T00:00:00Z.
package func wallClockSeconds() -> Double { Double(wallClockNanoseconds()) / 1e9 }

/// The wall clock, in nanoseconds since 1970-01-01T00:00:00Z.
package func wallClockNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}
