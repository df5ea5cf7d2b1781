package import Base

/// How long to wait before a request is sent again: exponential, and anything between nothing and that ("full jitter").
///
/// Requests that failed together because an endpoint went away would come back together after equal waits; drawn over
/// the whole span they arrive evenly. See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
package enum RetryBackoff {
    /// The longest wait before the second try. Envoy's default: far above a round trip, far below what a person
    /// notices.
    package static var base: Nanoseconds { .milliseconds(25) }
    /// Ten times that: nobody holds a client's request for long only to be polite.
    package static var cap: Nanoseconds { .milliseconds(250) }

    /// The longest wait after so many tries: base, twice, four times, up to the cap.
    ///
    /// - Parameter tries: so far, at least 1.
    package static func longest(afterTries tries: Int) -> Nanoseconds {
        // More doublings than this pass the cap many times over, and would in the end pass the type.
        let doublings = UInt64(clamping: min(max(tries, 1) - 1, 16))
        return min(cap, Nanoseconds(base.count << doublings))
    }

    package static func wait(afterTries tries: Int, random: inout RandomSource) -> Nanoseconds {
        Nanoseconds(random.next() % (longest(afterTries: tries).count + 1))
    }
}
