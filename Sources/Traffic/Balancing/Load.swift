package import Synchronization

/// How busy a backend is over all loops. Survives reloads; limits come from the configuration that asks.
package final class BackendLoad: Sendable {
    /// Requests dispatched and not finished.
    package let inFlight = Atomic<Int>(0)
    /// Open connections and ones being opened.
    package let connections = Atomic<Int>(0)
    /// Pooled connections that no request uses.
    package let idleConnections = Atomic<Int>(0)
    /// Requests waiting in the queues of all loops.
    package let queued = Atomic<Int>(0)
    /// The loops whose queues those are.
    package let waiting = WaitingLoops()
    /// Whether it runs, where it is started when needed, and who waits for that.
    package let hold = HoldGate()
    /// Requests that carried what `balance: hash` goes by, and those that did not.
    package let keysFound = Atomic<Int>(0)
    package let keysAbsent = Atomic<Int>(0)

    package init() {}
}

/// The same for one endpoint.
package final class EndpointLoad: Sendable {
    package let inFlight = Atomic<Int>(0)
    /// Requests in the queues of all loops that can use this endpoint alone.
    package let waiting = Atomic<Int>(0)
    package let connections = Atomic<Int>(0)
    /// Its requests by model, where that is counted.
    package let models = ModelLoads()

    package init() {}
}

extension Atomic where Value == Int {
    /// Counts one up unless that would pass `limit`.
    package func take(limit: Int?) -> Bool {
        guard let limit else {
            add(1, ordering: .sequentiallyConsistent)
            return true
        }
        // Not add and take back: somebody else would see the place taken in between, and be refused a free one.
        var seen = load(ordering: .relaxed)
        while seen < limit {
            let (exchanged, found) = weakCompareExchange(
                expected: seen, desired: seen + 1, ordering: .sequentiallyConsistent)
            if exchanged { return true }
            seen = found
        }
        return false
    }

    /// Counts one down. Ordered against `waiting`: whoever gives a place back afterwards sees who waits, or the one who
    /// waits sees the place.
    package func give() { subtract(1, ordering: .sequentiallyConsistent) }

    package var current: Int { load(ordering: .relaxed) }
}
