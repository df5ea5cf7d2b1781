import Configuration
import EventLoop
import Synchronization
import Traffic

/// Places at a backend are counted over all loops, queues are each loop's own: a freed place goes to the head of the local
/// queue, or wakes another loop that has one waiting.
extension Worker {
    func enqueue(_ exchange: Exchange, _ pool: BackendPool) {
        pool.queue.append(exchange)
        pool.load.waitingLoops.bitwiseOr(bit, ordering: .sequentiallyConsistent)
        // A place may have been freed between the try and the bit that asks for one.
        serve(pool.queue)
    }

    func dequeue(_ exchange: Exchange, _ pool: BackendPool) {
        pool.queue.remove(exchange)
        pool.load.queued.give()
        if pool.queue.isEmpty { pool.load.waitingLoops.bitwiseAnd(~bit, ordering: .sequentiallyConsistent) }
    }

    private var bit: UInt64 { 1 << UInt64(index) }

    /// A place, or a connection to use one with, has become free.
    func placeFreed(_ load: BackendLoad, _ queue: WaitQueue) {
        let waiting = load.waitingLoops.load(ordering: .sequentiallyConsistent)
        guard waiting != 0 else { return }
        let others = waiting & ~bit
        if !queue.isEmpty && (others == 0 || !queue.servedLast) {
            // Every other place goes to another loop while one waits there: no loop waits for longer than all together
            // serve twice its own share.
            queue.servedLast = true
            serve(queue)
            return
        }
        queue.servedLast = false
        guard others != 0 else { return }
        let after = others & ~((bit << 1) &- 1)
        let next = siblings[(after != 0 ? after : others).trailingZeroBitCount]
        next.loop.post { next.takeFreedPlace(load) }
    }

    /// Another loop has passed on a place. Whoever waited here may have left, but others may still wait elsewhere.
    private func takeFreedPlace(_ load: BackendLoad) {
        if let queue = queue(of: load), !queue.isEmpty {
            serve(queue)
            return
        }
        let waiting = load.waitingLoops.load(ordering: .sequentiallyConsistent) & ~bit
        guard waiting != 0 else { return }
        let next = siblings[waiting.trailingZeroBitCount]
        next.loop.post { next.takeFreedPlace(load) }
    }

    func connectionFreed(_ load: BackendLoad) {
        guard load.waitingLoops.load(ordering: .sequentiallyConsistent) != 0, let queue = queue(of: load) else {
            return
        }
        placeFreed(load, queue)
    }

    func serve(_ queue: WaitQueue) {
        // Taking a place may free another one, and lead here again.
        guard !queue.isServing else { return }
        queue.isServing = true
        defer { queue.isServing = false }
        queue.hasAskedForConnection = false
        while let exchange = queue.first, let pool = exchange.pool, let lease = pool.acquire(isGRPC: exchange.isGRPC) {
            dequeue(exchange, pool)
            exchange.launch(lease)
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
