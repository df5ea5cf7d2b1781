/// What one loop records about requests through one place that is neither a route nor one of its entries: an endpoint, each
/// try of a request for itself, or a listener.
package struct FlowCounters: Sendable {
    package var requests: UInt64 = 0
    /// Those of them that were errors of the service, see `Outcome.isServiceError`; of tries, also those that were followed
    /// by another.
    package var errors: UInt64 = 0
    package var duration = DurationHistogram()
    /// Time waited for a place; of endpoints only.
    package var queue = DurationHistogram()

    package init() {}

    /// Records one request that has ended, after so many nanoseconds.
    package mutating func record(duration: UInt64, isError: Bool) {
        requests &+= 1
        if isError { errors &+= 1 }
        self.duration.record(nanoseconds: duration)
    }

    /// Adds what another loop recorded about the same place.
    package mutating func add(_ other: borrowing FlowCounters) {
        requests &+= other.requests
        errors &+= other.errors
        duration.add(other.duration)
        queue.add(other.queue)
    }
}
