import Base
package import Configuration
import Telemetry
import Traffic

/// A backend as one loop sees it under one configuration: its limits, and the endpoints and queue it shares with the
/// configurations before and after.
package final class BackendPool {
    package let backend: Backend
    let load: BackendLoad
    let endpoints: ContiguousArray<EndpointPool>
    let queue: WaitQueue
    private let balance: LeastRequest
    private let worker: Worker

    let connectTimeout: Nanoseconds
    let idleTimeout: Nanoseconds
    let queueTimeout: Nanoseconds
    let firstByteTimeout: Nanoseconds?

    init(worker: Worker, resolved: ResolvedBackend, endpoints: ContiguousArray<EndpointPool>, queue: WaitQueue) {
        self.worker = worker
        backend = resolved.backend
        load = resolved.load
        self.endpoints = endpoints
        self.queue = queue
        balance = LeastRequest(weights: resolved.endpoints.map(\.weight))
        connectTimeout = Nanoseconds(backend.timeouts.connect)
        idleTimeout = Nanoseconds(backend.timeouts.idle)
        queueTimeout = Nanoseconds(backend.limits.queueTimeout)
        firstByteTimeout = backend.timeouts.firstByte.map { Nanoseconds($0) }
    }

    var isUsable: Bool { !endpoints.isEmpty }

    /// A place at an endpoint and a connection to use it with.
    struct Lease {
        var endpoint: EndpointPool
        /// `nil` stands for the right to open a new one.
        var pooled: UpstreamConnection?
    }

    /// Takes a place within all limits, or nothing.
    func acquire() -> Lease? {
        guard load.inFlight.take(limit: queue.limits.inFlight) else { return nil }
        if let lease = acquireEndpoint() { return lease }
        load.inFlight.give()
        return nil
    }

    private func acquireEndpoint() -> Lease? {
        let limit = queue.limits.perEndpointInFlight
        let choice = balance.pick(
            random: &worker.random, load: { endpoints[$0].load.inFlight.current },
            hasRoom: { index in limit.map { endpoints[index].load.inFlight.current < $0 } ?? true })
        guard let choice else { return nil }
        let endpoint = endpoints[choice]
        guard endpoint.load.inFlight.take(limit: limit) else { return nil }
        if let pooled = endpoint.takeIdle() { return Lease(endpoint: endpoint, pooled: pooled) }
        if reserveConnection() { return Lease(endpoint: endpoint, pooled: nil) }
        endpoint.load.inFlight.give()
        return nil
    }

    /// The right to open a connection; an idle one that is not needed makes room for it.
    func reserveConnection() -> Bool {
        if load.connections.take(limit: queue.limits.connections) { return true }
        for endpoint in endpoints where endpoint.takePlaceOfIdle() { return true }
        if !queue.hasAskedForConnection {
            queue.hasAskedForConnection = true
            worker.askForConnection(load)
        }
        return false
    }

    /// Gives back what `acquire` took.
    func giveBack(_ endpoint: EndpointPool) {
        endpoint.load.inFlight.give()
        load.inFlight.give()
        worker.placeFreed(load, queue)
    }
}

/// Exchanges of one loop that wait for a place at a backend, first come first served. Intrusive, so that one who leaves is
/// taken out at once.
package final class WaitQueue {
    private(set) var first: Exchange?
    private var last: Exchange?
    /// The last free place went to this queue although other loops had requests waiting.
    var servedLast = false
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

    var isEmpty: Bool { first == nil }

    func append(_ exchange: Exchange) {
        exchange.queuePrevious = last
        if let last { last.queueNext = exchange } else { first = exchange }
        last = exchange
    }

    func remove(_ exchange: Exchange) {
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
