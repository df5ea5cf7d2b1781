import Configuration
import Traffic

/// Exchanges of one loop that wait for a place at a backend: those of high priority first, and first come first served
/// within a priority. Those that can use only certain endpoints wait beside the others. Intrusive, so that one who leaves
/// is taken out at once.
package final class WaitQueue {
    struct Lane {
        fileprivate(set) var first: Exchange?
        private(set) var last: Exchange?

        mutating func append(_ exchange: Exchange) {
            exchange.queuePrevious = last
            if let last { last.queueNext = exchange } else { first = exchange }
            last = exchange
        }

        mutating func insert(_ exchange: Exchange, before place: Exchange) {
            exchange.queueNext = place
            exchange.queuePrevious = place.queuePrevious
            if let previous = place.queuePrevious { previous.queueNext = exchange } else { first = exchange }
            place.queuePrevious = exchange
        }

        mutating func remove(_ exchange: Exchange) {
            if let previous = exchange.queuePrevious {
                previous.queueNext = exchange.queueNext
            } else {
                first = exchange.queueNext
            }
            if let next = exchange.queueNext {
                next.queuePrevious = exchange.queuePrevious
            } else {
                last = exchange.queuePrevious
            }
            exchange.queueNext = nil
            exchange.queuePrevious = nil
        }
    }

    private(set) var urgent = Lane()
    private(set) var normal = Lane()
    private(set) var choosyUrgent = Lane()
    private(set) var choosyNormal = Lane()
    /// Exchanges are being taken from it right now.
    var isServing = false
    /// Other loops have been asked to close an idle connection, and none has been freed since.
    var hasAskedForConnection = false
    /// Of the newest configuration: how much a backend can take is a fact about now, also for requests that have waited
    /// since before a reload.
    var limits: Backend.Limits
    /// Kept alive, for the queue is found by its identity.
    private let load: BackendLoad

    init(_ load: BackendLoad, limits: Backend.Limits) {
        self.load = load
        self.limits = limits
    }

    /// Of those that can use every endpoint.
    var first: Exchange? { urgent.first ?? normal.first }
    var hasChoosy: Bool { choosyUrgent.first != nil || choosyNormal.first != nil }
    var isEmpty: Bool { first == nil && !hasChoosy }

    /// Of those that cannot use every endpoint.
    func next(after exchange: Exchange) -> Exchange? {
        exchange.queueNext ?? (exchange.isUrgent ? choosyNormal.first : nil)
    }

    func append(_ exchange: Exchange) {
        switch (exchange.isChoosy, exchange.isUrgent) {
        case (false, true): urgent.append(exchange)
        case (false, false): normal.append(exchange)
        case (true, true): choosyUrgent.append(exchange)
        case (true, false): choosyNormal.append(exchange)
        }
    }

    func remove(_ exchange: Exchange) {
        switch (exchange.isChoosy, exchange.isUrgent) {
        case (false, true): urgent.remove(exchange)
        case (false, false): normal.remove(exchange)
        case (true, true): choosyUrgent.remove(exchange)
        case (true, false): choosyNormal.remove(exchange)
        }
    }
}
