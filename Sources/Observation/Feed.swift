package import API

/// Makes the events of a stream: what has changed since the one before, or everything for somebody new.
package struct Feed: Sendable {
    private var sequence: UInt64 = 0
    private var status: Status?
    private var memory: Status.Memory?

    package init() {}

    /// What a second has brought. Empty sections stay away.
    package struct News: Sendable {
        package var traffic = TrafficReport()
        /// Oldest first.
        package var errors: [RequestRecord] = []
        package var slow: [RequestRecord] = []
        /// All that are remembered, where there is a new one.
        package var changes: [ChangeRecord]?

        package init() {}
    }

    /// The next event for those who have had all before.
    package mutating func delta(_ status: Status, _ news: News, time: String) -> Event {
        sequence += 1
        var event = Event(sequence: sequence, time: time)
        let still = status.still
        // How many failures in a row moves with every one of them, and is told with whatever else changes.
        let compared = still.withoutErrorCounts
        if compared != self.status { event.status = still }
        if status.memory != memory { event.memory = status.memory }
        (self.status, memory) = (compared, status.memory)
        if !news.traffic.isEmpty { event.traffic = news.traffic }
        if !news.errors.isEmpty { event.errors = news.errors }
        if !news.slow.isEmpty { event.slow = news.slow }
        event.changes = news.changes
        return event
    }

    /// Everything as it is with the last delta, for somebody who has had none.
    ///
    /// - Parameter all: with everything that is remembered, `traffic` whole.
    package func state(_ status: Status, _ all: News, time: String) -> Event {
        var event = Event(sequence: sequence, time: time)
        event.status = status.still
        event.memory = status.memory
        event.traffic = all.traffic
        event.errors = all.errors
        event.slow = all.slow
        event.changes = all.changes
        return event
    }
}

extension Status {
    /// Without the numbers that move, which are in `TrafficReport` and `Event.memory`.
    package var still: Status {
        var status = self
        status.memory.bytes = 0
        for index in status.listeners.indices { status.listeners[index].connections = 0 }
        for index in status.backends.indices {
            status.backends[index].inFlight = 0
            status.backends[index].queued = 0
            status.backends[index].activation?.held = 0
            status.backends[index].expectedModel = nil
            for endpoint in status.backends[index].endpoints.indices {
                status.backends[index].endpoints[endpoint].inFlight = 0
                status.backends[index].endpoints[endpoint].connections = 0
                status.backends[index].endpoints[endpoint].queueMilliseconds = nil
                status.backends[index].endpoints[endpoint].pending = nil
                status.backends[index].endpoints[endpoint].expectedMilliseconds = nil
                status.backends[index].endpoints[endpoint].expectedLikeOthers = nil
            }
        }
        return status
    }

    fileprivate var withoutErrorCounts: Status {
        var status = self
        for index in status.backends.indices {
            for endpoint in status.backends[index].endpoints.indices {
                status.backends[index].endpoints[endpoint].consecutiveErrors = 0
            }
        }
        return status
    }
}
