import Configuration
import EventLoop
import Synchronization
package import Traffic

/// Places at a backend are counted over all loops, queues are each loop's own: a freed place goes to the loop whose turn it
/// is (`WaitingLoops`).
extension Worker {
    func enqueue(_ exchange: Exchange, _ pool: BackendPool) {
        pool.queue.append(exchange)
        let isFirst = pool.load.waiting.join(index, isUrgent: exchange.isUrgent)
        if isFirst || pool.queue.isChoosy { serve(pool.queue) }
    }

    func dequeue(_ exchange: Exchange, _ pool: BackendPool) {
        pool.queue.remove(exchange)
        pool.load.queued.give()
        pool.load.waiting.left(index, hasUrgent: pool.queue.hasUrgent, hasAny: !pool.queue.isEmpty)
    }

    /// Whether a request may take a place without standing behind others.
    func mayPass(_ exchange: Exchange, _ pool: BackendPool) -> Bool {
        pool.queue.isChoosy ? pool.queue.isEmpty : pool.load.waiting.lets(pass: exchange.isUrgent)
    }

    /// A place, or a connection to use one with, has become free.
    func placeFreed(_ load: BackendLoad, _ queue: WaitQueue) {
        if load.waiting.isEmpty { return }
        if queue.isChoosy {
            // Nobody knows which loop has one that waits for just this place.
            serve(queue)
            for sibling in siblings where sibling !== self { sibling.serveLater(load) }
            return
        }
        guard let next = load.waiting.next() else { return }
        if next == index {
            serve(queue)
        } else {
            let sibling = siblings[next]
            sibling.loop.post { sibling.takeFreedPlace(load) }
        }
    }

    /// It is this loop's turn. What it cannot use, because who waited has left, goes on to others.
    private func takeFreedPlace(_ load: BackendLoad) {
        if let queue = queue(of: load), !queue.isEmpty {
            serve(queue)
            guard queue.isEmpty else { return }
        }
        guard let next = load.waiting.another(than: index) else { return }
        let sibling = siblings[next]
        sibling.loop.post { sibling.takeFreedPlace(load) }
    }

    /// More can be done at the backend than before, for a reason that is not one freed place.
    package func serveLater(_ load: BackendLoad) {
        loop.post { [self] in if let queue = queue(of: load) { serve(queue) } }
    }

    func connectionFreed(_ load: BackendLoad) {
        guard !load.waiting.isEmpty, let queue = queue(of: load) else { return }
        placeFreed(load, queue)
    }

    func serve(_ queue: WaitQueue) {
        // Taking a place may free another one, and lead here again.
        guard !queue.isServing else { return }
        queue.isServing = true
        defer { queue.isServing = false }
        queue.hasAskedForConnection = false
        var passed = 0
        var next = queue.first
        while let exchange = next, let pool = exchange.pool {
            if let lease = pool.acquire(exchange.wish) {
                dequeue(exchange, pool)
                exchange.launch(lease)
                // What has begun may have changed who waits.
                passed = 0
                next = queue.first
            } else if exchange.isChoosy, !pool.isFull, passed < WaitQueue.passLimit {
                passed += 1
                next = queue.next(after: exchange)
            } else {
                return
            }
        }
    }

    /// All connections the backend may have are taken; one that idles on another loop could be closed instead.
    func askForConnection(_ load: BackendLoad) {
        guard load.idleConnections.current > 0 else { return }
        for sibling in siblings where sibling !== self {
            sibling.loop.post { sibling.closeIdleConnection(of: load) }
        }
    }

    private func closeIdleConnection(of load: BackendLoad) {
        guard let configuration else { return }
        for pool in configuration.endpoints.values where pool.backendLoad === load {
            if pool.closeOldestIdle() { return }
        }
    }

    /// A mirror holds more than it may: the copies that lag go, the one that has stood still longest first.
    func relieve(_ state: MirrorState) {
        dropLagging(state.copies, of: state.load, limit: state.mirror.maxBufferedBytes)
        guard state.load.bufferedBytes.current > state.mirror.maxBufferedBytes else { return }
        // What lags belongs to other loops.
        let load = state.load
        for sibling in siblings where sibling !== self {
            sibling.loop.post { sibling.relieve(load) }
        }
    }

    private func relieve(_ load: MirrorLoad) {
        for route in configuration?.routes ?? [] {
            for mirror in route.mirrors where mirror.load === load {
                dropLagging(mirror.copies, of: load, limit: mirror.mirror.maxBufferedBytes)
            }
        }
    }

    private func dropLagging(_ copies: MirrorCopies, of load: MirrorLoad, limit: Int) {
        for copy in copies.list { copy.count() }
        while load.bufferedBytes.current > limit {
            var slowest: MirrorCopy?
            for copy in copies.list where copy.heldBytes > 0 {
                if let present = slowest, present.lastProgress <= copy.lastProgress { continue }
                slowest = copy
            }
            guard let slowest else { return }
            slowest.drop()
        }
    }
}
