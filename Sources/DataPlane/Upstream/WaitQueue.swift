import Configuration
import Traffic

/// Exchanges of one loop that wait for a place at a backend: those of high priority first, and first come first served
/// within a priority. Intrusive, so that one who leaves is taken out at once.
package final class WaitQueue {
    private struct Lane {
        var first: Exchange?
        var last: Exchange?
    }

    private var urgent = Lane()
    private var normal = Lane()
    /// Exchanges are being taken from it right now.
    var isServing = false
    /// Other loops have been asked to close an idle connection, and none has been freed since.
    var hasAskedForConnection = false
    /// Of the newest configuration: how much a backend can take is a fact about now, also for requests that have waited
    /// since before a reload.
    var limits: Backend.Limits
    /// A request may have to wait for a certain endpoint, so those behind it are not to wait for it as well.
    var isChoosy = false
    /// Kept alive, for the queue is found by its identity.
    private let load: BackendLoad

    /// Exchanges that are passed over for one that can be served: a look at each of them for each place that becomes free.
    static let passLimit = 32

    init(_ load: BackendLoad, limits: Backend.Limits) {
        self.load = load
        self.limits = limits
    }

    var isEmpty: Bool { urgent.first == nil && normal.first == nil }
    var hasUrgent: Bool { urgent.first != nil }
    var first: Exchange? { urgent.first ?? normal.first }

    func next(after exchange: Exchange) -> Exchange? {
        exchange.queueNext ?? (exchange.isUrgent ? normal.first : nil)
    }

    func append(_ exchange: Exchange) {
        if exchange.isUrgent { append(exchange, to: &urgent) } else { append(exchange, to: &normal) }
    }

    func remove(_ exchange: Exchange) {
        if exchange.isUrgent { remove(exchange, from: &urgent) } else { remove(exchange, from: &normal) }
    }

    private func append(_ exchange: Exchange, to lane: inout Lane) {
        exchange.queuePrevious = lane.last
        if let last = lane.last { last.queueNext = exchange } else { lane.first = exchange }
        lane.last = exchange
    }

    private func remove(_ exchange: Exchange, from lane: inout Lane) {
        if let previous = exchange.queuePrevious {
            previous.queueNext = exchange.queueNext
        } else {
            lane.first = exchange.queueNext
        }
        if let next = exchange.queueNext {
            next.queuePrevious = exchange.queuePrevious
        } else {
            lane.last = exchange.queuePrevious
        }
        exchange.queueNext = nil
        exchange.queuePrevious = nil
    }
}
