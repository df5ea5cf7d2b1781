package import Base
import Configuration
import EventLoop
import HTTP
package import Telemetry
package import Traffic

/// Requests that wait for a backend to be started, or for a model to be loaded.
extension Worker {
    /// Where requests of this loop are held for the backend.
    func holdQueue(of load: BackendLoad) -> HoldQueue {
        let key = ObjectIdentifier(load)
        if let queue = holdQueues[key] { return queue }
        let queue = HoldQueue(worker: self, load: load)
        holdQueues[key] = queue
        return queue
    }

    // MARK: For the control plane, on the loop only

    /// The backend takes requests, or more models than before: those that are held look anew.
    package func releaseHeld(_ load: BackendLoad) {
        guard let queue = holdQueues[ObjectIdentifier(load)] else { return }
        if load.hold.isOpen { queue.failure = nil }
        serveHeld(queue)
    }

    /// The backend does not take requests for the time being: those in its queue are held, and those
    /// that wait for a model wait for it to be started.
    package func holdQueued(_ load: BackendLoad) {
        if let held = holdQueues[ObjectIdentifier(load)] {
            for exchange in exchanges(of: held) where exchange.held?.reason == .loading {
                exchange.leaveHold()
                exchange.hold(.starting)
            }
        }
        guard let queue = queue(of: load) else { return }
        for lane in [queue.urgent, queue.normal, queue.choosyUrgent, queue.choosyNormal] {
            var next = lane.first
            while let exchange = next {
                next = exchange.queueNext
                guard let pool = exchange.pool, exchange.reasonToHold(in: pool, exchange.wish.presence) != nil else {
                    continue
                }
                exchange.leaveQueue()
                exchange.hold(.starting)
            }
        }
    }

    /// The backend could not be started: those that wait for it are told why, and so are those that come, until it is tried
    /// again.
    ///
    /// - Parameters:
    ///   - message: for people to read.
    ///   - retryAt: when it is tried again; `nil` for never.
    package func failHeld(_ load: BackendLoad, cause: Cause, message: String, retryAt: Instant?) {
        let queue = holdQueue(of: load)
        let failure = HoldFailure(cause: cause, message: message, retryAt: retryAt)
        queue.failure = failure
        for exchange in exchanges(of: queue) where exchange.phase == .holding && exchange.held?.reason == .starting {
            exchange.fail(failure)
        }
    }

    /// What was said of a failed start holds no longer: it is tried again.
    package func forgetFailure(_ load: BackendLoad) { holdQueues[ObjectIdentifier(load)]?.failure = nil }

    private func exchanges(of queue: HoldQueue) -> [Exchange] {
        var all: [Exchange] = []
        var next = queue.first
        while let exchange = next {
            all.append(exchange)
            next = queue.next(after: exchange)
        }
        return all
    }

    // MARK: Letting go

    /// Those whose turn it is go on, as many as the endpoint is trusted with.
    func serveHeld(_ queue: HoldQueue) {
        // One that goes on may end at once, and lead here again.
        guard !queue.isServing else { return }
        queue.isServing = true
        defer { queue.isServing = false }
        // Nobody may be waiting in the backend's own queue, which would have forgotten it.
        self.queue(of: queue.load)?.hasAskedForConnection = false
        var next = queue.first
        var looks = 0
        while let exchange = next, let pool = exchange.pool {
            next = queue.next(after: exchange)
            switch exchange.reasonToHold(in: pool, exchange.wish.presence) {
            case .starting: if exchange.held?.reason == .starting { return }
            case .loading: break
            case nil:
                guard queue.load.hold.admit() else { return }
                if exchange.goOn() { continue }
                // Without a place for it there is one for those behind it at most if it can use only certain endpoints.
                looks += 1
                guard exchange.isChoosy, looks < Self.lookLimit else { return }
            }
        }
    }

    /// One that was let go makes room for others, on whichever loop they are.
    func serveHeldLater(_ load: BackendLoad) {
        guard load.hold.requests.current > 0 else { return }
        for sibling in siblings where load.hold.holds(sibling.index) {
            sibling.loop.post { sibling.releaseHeld(load) }
        }
    }

    // MARK: Reload

    /// Requests that are held go where the backend is under the new configuration; all else of theirs is as it was.
    func followHeld(_ old: LoopConfiguration?, _ new: LoopConfiguration) {
        for queue in holdQueues.values {
            for exchange in exchanges(of: queue) {
                if let old, old.snapshot.hash == new.snapshot.hash { exchange.follow(old, new) }
                exchange.follow(new.backends.first { $0.load === queue.load })
            }
        }
    }
}
