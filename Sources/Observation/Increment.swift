import Telemetry

/// What passed one place between two samples.
struct Increment {
    var requests: UInt64 = 0
    var errors: UInt64 = 0
    var duration = Distribution()
    var queue = Distribution()

    init() {}

    /// - Parameter before: the counters at the sample before; `nil` where there were none.
    init(_ now: FlowCounters, since before: FlowCounters?) {
        // Counters that have gone back have begun again from 0, as those of a route do that was away for a while.
        self =
            before.flatMap { Increment(from: $0, to: now) } ?? Increment(from: FlowCounters(), to: now) ?? Increment()
    }

    private init?(from before: FlowCounters, to now: FlowCounters) {
        guard now.requests >= before.requests, now.errors >= before.errors,
            let duration = Distribution(now.duration, since: before.duration),
            let queue = Distribution(now.queue, since: before.queue)
        else { return nil }
        requests = now.requests - before.requests
        errors = now.errors - before.errors
        self.duration = duration
        self.queue = queue
    }

    var isEmpty: Bool { requests == 0 && errors == 0 && duration.count == 0 && queue.count == 0 }

    mutating func add(_ other: Increment) {
        requests &+= other.requests
        errors &+= other.errors
        duration.add(other.duration)
        queue.add(other.queue)
    }
}
