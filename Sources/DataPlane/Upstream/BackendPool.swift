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

    /// Whether gRPC can be spoken to one of the endpoints.
    var carriesGRPC: Bool { endpoints.contains { $0.port(isGRPC: true) != nil } }

    /// A place at an endpoint and a connection to use it with.
    struct Lease {
        var endpoint: EndpointPool
        var port: UpstreamPort
        /// `nil` stands for the right to open a new one.
        var connection: UpstreamSide.Connection?
    }

    /// Takes a place within all limits, or nothing.
    func acquire(isGRPC: Bool) -> Lease? {
        guard load.inFlight.take(limit: queue.limits.inFlight) else { return nil }
        if let lease = acquireEndpoint(isGRPC) { return lease }
        load.inFlight.give()
        return nil
    }

    private func acquireEndpoint(_ isGRPC: Bool) -> Lease? {
        let limit = queue.limits.perEndpointInFlight
        let choice = balance.pick(
            random: &worker.random, load: { endpoints[$0].load.inFlight.current },
            hasRoom: { index in
                if isGRPC && endpoints[index].port(isGRPC: true) == nil { return false }
                return limit.map { endpoints[index].load.inFlight.current < $0 } ?? true
            })
        guard let choice else { return nil }
        let endpoint = endpoints[choice]
        guard let port = endpoint.port(isGRPC: isGRPC), endpoint.load.inFlight.take(limit: limit) else { return nil }
        if let lease = lease(endpoint, port) { return lease }
        endpoint.load.inFlight.give()
        return nil
    }

    /// A connection for a place that is held already.
    func lease(_ endpoint: EndpointPool, _ port: UpstreamPort) -> Lease? {
        if let connection = port.take() { return Lease(endpoint: endpoint, port: port, connection: connection) }
        return reserveConnection() ? Lease(endpoint: endpoint, port: port, connection: nil) : nil
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
