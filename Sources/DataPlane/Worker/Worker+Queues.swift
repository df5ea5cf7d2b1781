import Configuration
import EventLoop
import Synchronization
package import Traffic

/// Places at a backend are counted over all loops, queues are each loop's own: a freed place goes to the loop whose turn it
/// is (`WaitingLoops`).
extension Worker {
    /// Waiters of which it is not plain whether they can use a place are looked at up to this number: they are few, such as
    /// those that are tried again, and to find out costs as much as choosing an endpoint.
    static let lookLimit = 32

    // MARK: Waiting

    func enqueue(_ exchange: Exchange, _ pool: BackendPool) {
        pool.queue.append(exchange)
        guard exchange.isChoosy else {
            let first = exchange.isUrgent ? pool.queue.urgent.first : pool.queue.normal.first
            let since = first === exchange ? exchange.queuedAt : nil
            if pool.load.waiting.join(index, isUrgent: exchange.isUrgent, since: since) { serve(pool.queue) }
            return
        }
        exchange.awaited?.load.waiting.add(1, ordering: .sequentiallyConsistent)
        pool.load.waiting.joinChoosy(index)
        // A place may have become free before it was known that somebody waits for it.
        _ = serveChoosy(pool.queue, at: exchange.awaited?.identity)
    }

    func dequeue(_ exchange: Exchange, _ pool: BackendPool) {
        pool.queue.remove(exchange)
        pool.load.queued.give()
        guard exchange.isChoosy else {
            headsChanged(pool.queue, pool.load)
            return
        }
        exchange.awaited?.load.waiting.give()
        exchange.awaited = nil
        if !pool.queue.hasChoosy { pool.load.waiting.leftChoosy(index) }
    }

    private func headsChanged(_ queue: WaitQueue, _ load: BackendLoad) {
        load.waiting.left(
            index, urgentSince: queue.urgent.first?.queuedAt, normalSince: queue.normal.first?.queuedAt)
    }

    /// Whether a request may take a place without standing behind others.
    func mayPass(_ exchange: Exchange, _ pool: BackendPool) -> Bool {
        guard exchange.isChoosy else { return pool.lets(pass: exchange.isUrgent) }
        guard pool.load.waiting.hasChoosy else { return true }
        return exchange.awaited.map { $0.load.waiting.current == 0 } ?? !pool.queue.hasChoosy
    }

    // MARK: Places

    /// A place, or a connection to use one with, has become free.
    ///
    /// - Parameter endpoint: where; `nil` for any of the backend's.
    func placeFreed(_ load: BackendLoad, at endpoint: EndpointPool?) {
        if load.waiting.isEmpty { return }
        switch load.waiting.next() {
        case .first(let next): give(load, to: next, wasOffered: false)
        case .choosy(let next): offer(load, at: endpoint?.identity, to: next, asked: 0)
        case nil: break
        }
    }

    /// - Parameter wasOffered: none of those that can use only certain endpoints wanted it.
    private func give(_ load: BackendLoad, to next: Int, wasOffered: Bool) {
        let sibling = siblings[next]
        // In a turn of its own where a place is just being taken: that may fail at once, and lead here again.
        if next == index, queue(of: load)?.isServing != true {
            takePlace(load, wasOffered: wasOffered)
        } else {
            sibling.loop.post { sibling.takePlace(load, wasOffered: wasOffered) }
        }
    }

    /// It is this loop's turn. What it cannot use, because who waited has left, goes on to others.
    private func takePlace(_ load: BackendLoad, wasOffered: Bool) {
        if let queue = queue(of: load), queue.first != nil {
            serve(queue)
            guard queue.first == nil else { return }
        }
        if let next = load.waiting.another(than: index) {
            give(load, to: next, wasOffered: wasOffered)
        } else if !wasOffered, let next = load.waiting.nextChoosy(notIn: 0) {
            offer(load, at: nil, to: next, asked: 0)
        }
    }

    private func offer(_ load: BackendLoad, at endpoint: ModelOutages.Endpoint?, to next: Int, asked: UInt64) {
        let sibling = siblings[next]
        if next == index, queue(of: load)?.isServing != true {
            takeOffer(load, at: endpoint, asked: asked)
        } else {
            sibling.loop.post { sibling.takeOffer(load, at: endpoint, asked: asked) }
        }
    }

    /// Whoever waits here for just this place gets it; if nobody does, it is offered to the next loop, and in the end given
    /// to those that take any.
    private func takeOffer(_ load: BackendLoad, at endpoint: ModelOutages.Endpoint?, asked: UInt64) {
        if let queue = queue(of: load), serveChoosy(queue, at: endpoint) { return }
        let asked = asked | 1 << UInt64(index)
        if let next = load.waiting.nextChoosy(notIn: asked) {
            offer(load, at: endpoint, to: next, asked: asked)
        } else if let next = load.waiting.nextFirst() {
            give(load, to: next, wasOffered: true)
        }
    }

    /// More can be done at the backend than before, for a reason that is not one freed place.
    package func serveLater(_ load: BackendLoad) {
        loop.post { [self] in
            guard let queue = queue(of: load) else { return }
            serve(queue)
            serveAllChoosy(queue)
        }
    }

    func connectionFreed(_ load: BackendLoad) {
        placeFreed(load, at: nil)
        serveHeldLater(load)
    }

    // MARK: Serving

    /// Those that can use every endpoint, for as long as there are places.
    func serve(_ queue: WaitQueue) {
        // Taking a place may free another one, and lead here again.
        guard !queue.isServing else { return }
        queue.isServing = true
        defer { queue.isServing = false }
        queue.hasAskedForConnection = false
        while let exchange = queue.first, let pool = exchange.pool {
            let wish = exchange.wish
            if let lease = pool.acquire(wish) {
                dequeue(exchange, pool)
                exchange.launch(lease)
            } else if exchange.isChoosy(wish, pool) {
                // An endpoint has lost the model meanwhile: the others need not stand behind this one any more.
                queue.remove(exchange)
                headsChanged(queue, pool.load)
                exchange.becomeChoosy(wish, pool)
                queue.append(exchange)
                exchange.awaited?.load.waiting.add(1, ordering: .sequentiallyConsistent)
                pool.load.waiting.joinChoosy(index)
            } else {
                return
            }
        }
    }

    /// The first that can use a place, of those that cannot use every one.
    ///
    /// - Parameter endpoint: where the place is; `nil` where it may be anywhere.
    private func serveChoosy(_ queue: WaitQueue, at endpoint: ModelOutages.Endpoint?) -> Bool {
        guard !queue.isServing else { return false }
        queue.isServing = true
        defer { queue.isServing = false }
        queue.hasAskedForConnection = false
        // Those that name an endpoint are not hidden by many that do not.
        var looks = (named: 0, others: 0)
        var next = queue.choosyUrgent.first ?? queue.choosyNormal.first
        while let exchange = next, let pool = exchange.pool {
            next = queue.next(after: exchange)
            if let awaited = exchange.awaited {
                // Who waits for another endpoint, or one without room, is passed over at no cost.
                if endpoint.map({ $0 != awaited.identity }) ?? !pool.hasRoom(at: awaited) { continue }
            }
            if exchange.awaited == nil, looks.others == Self.lookLimit { continue }
            guard let lease = pool.acquire(exchange.wish) else {
                if exchange.awaited == nil { looks.others += 1 } else { looks.named += 1 }
                if looks.named == Self.lookLimit { return false }
                continue
            }
            dequeue(exchange, pool)
            exchange.launch(lease)
            return true
        }
        return false
    }

    /// All of them, and each looks anew which endpoint it waits for.
    private func serveAllChoosy(_ queue: WaitQueue) {
        var waiting: [(exchange: Exchange, serial: UInt64)] = []
        var next = queue.choosyUrgent.first ?? queue.choosyNormal.first
        while let exchange = next {
            waiting.append((exchange, exchange.serial))
            next = queue.next(after: exchange)
        }
        for (exchange, serial) in waiting where exchange.serial == serial && exchange.phase == .waiting {
            exchange.lookAgain()
        }
    }

    /// All connections the backend may have are taken; one that idles on another loop could be closed instead.
    func askForConnection(_ load: BackendLoad) {
        guard load.idleConnections.current > 0 else { return }
        for sibling in siblings where sibling !== self {
            sibling.loop.post { sibling.closeIdleConnection(of: load) }
        }
    }

    /// Nobody needs them: the backend is to be stopped.
    package func closeIdleConnections(of load: BackendLoad) {
        guard let configuration else { return }
        for pool in configuration.endpoints.values where pool.backendLoad === load {
            while pool.closeOldestIdle() {}
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
