import Base
import EventLoop
import Telemetry
import Traffic

/// Why a request is kept that could not be served now.
package enum HoldReason: Sendable {
    /// No endpoint of the backend runs.
    case starting
    /// The model is on its way.
    case loading
}

/// What clients are told while a backend cannot be started.
struct HoldFailure {
    var cause: Cause
    /// For people to read.
    var message: String
    /// When it is tried again; `nil` where nobody will.
    var retryAt: Instant?
}

/// Requests of one loop that are held for one backend: those of high priority first, and first come first served within a
/// priority.
final class HoldQueue: Timed {
    private let worker: Worker
    /// Kept alive, for the queue is found by its identity.
    let load: BackendLoad
    private(set) var urgent = WaitQueue.Lane()
    private(set) var normal = WaitQueue.Lane()
    /// Requests are being let go right now.
    var isServing = false
    var failure: HoldFailure?
    private(set) var count = 0

    init(worker: Worker, load: BackendLoad) {
        self.worker = worker
        self.load = load
    }

    var isEmpty: Bool { count == 0 }
    var first: Exchange? { urgent.first ?? normal.first }

    func next(after exchange: Exchange) -> Exchange? {
        exchange.queueNext ?? (exchange.isUrgent ? normal.first : nil)
    }

    /// Puts it where its turn is, which is the end unless it was held before.
    func insert(_ exchange: Exchange) {
        if exchange.isUrgent { urgent.insert(exchange) } else { normal.insert(exchange) }
        count += 1
        if count == 1 {
            load.hold.joined(worker.index)
            worker.loop.setDeadline(self, worker.loop.now + Self.interval)
        }
    }

    func remove(_ exchange: Exchange) {
        if exchange.isUrgent { urgent.remove(exchange) } else { normal.remove(exchange) }
        count -= 1
        if count == 0 {
            load.hold.left(worker.index)
            worker.loop.removeDeadline(self)
        }
    }

    /// How often requests are looked at that nothing else moves.
    private static let interval = Nanoseconds.milliseconds(250)

    override func expired(now: Instant) {
        if load.hold.isOpen { load.hold.widen() }
        worker.serveHeld(self)
        if !isEmpty { worker.loop.setDeadline(self, now + Self.interval) }
    }
}

extension WaitQueue.Lane {
    /// By `heldSince`. Most are the last, and the others were let go a moment ago and belong near the front.
    fileprivate mutating func insert(_ exchange: Exchange) {
        guard let last, last.heldSince > exchange.heldSince else {
            append(exchange)
            return
        }
        var place = first
        while let other = place, other.heldSince <= exchange.heldSince { place = other.queueNext }
        guard let place else {
            append(exchange)
            return
        }
        insert(exchange, before: place)
    }
}
