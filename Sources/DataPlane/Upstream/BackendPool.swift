import Base
package import Configuration
import EventLoop
import Synchronization
import Telemetry
import Traffic

/// A backend as one loop sees it under one configuration: its limits, and the endpoints and queue it shares with the
/// configurations before and after.
package final class BackendPool {
    package let backend: Backend
    let load: BackendLoad
    /// Parts of the load that each request asks, without counting references: all loops would count the same ones.
    private let hold: Unmanaged<HoldGate>
    private let waiting: Unmanaged<WaitingLoops>
    let endpoints: ContiguousArray<EndpointPool>
    /// What is asked of each endpoint for each request, in the same order.
    private let records: ContiguousArray<Record>
    let queue: WaitQueue
    private let balancer: Balancer
    /// What is known of the models at its endpoints.
    let board: ModelBoard
    /// Whether it is balanced by their queues.
    let isBalancedByQueue: Bool
    /// Errors in a row at which an endpoint is reported.
    let errorThreshold: Int
    private let worker: Worker

    let connectTimeout: Nanoseconds
    let idleTimeout: Nanoseconds
    let queueTimeout: Nanoseconds
    let firstByteTimeout: Nanoseconds?
    let holdLimits: HoldLimits
    /// Somebody starts it when requests come, and stops it when none do.
    let isStartedOnDemand: Bool

    /// Of requests that are held for the backend.
    struct HoldLimits {
        var requests: Int
        var bytes: Int
        var timeout: Nanoseconds

        /// A backend that nobody starts may still be loading a model: what waits for that is bounded as its queue is.
        init(_ backend: Backend) {
            let hold = backend.activation?.hold ?? Backend.Activation.Hold()
            bytes = Int(clamping: hold.bytes)
            if backend.activation != nil {
                requests = hold.requests
                timeout = Nanoseconds(hold.timeout)
            } else {
                requests = backend.limits.queue
                timeout = Nanoseconds(backend.limits.queueTimeout)
            }
        }
    }

    init(worker: Worker, resolved: ResolvedBackend, endpoints: ContiguousArray<EndpointPool>, queue: WaitQueue) {
        self.worker = worker
        backend = resolved.backend
        load = resolved.load
        hold = .passUnretained(load.hold)
        waiting = .passUnretained(load.waiting)
        self.endpoints = endpoints
        records = ContiguousArray(endpoints.map(Record.init))
        self.queue = queue
        balancer = Balancer(resolved, random: &worker.random)
        board = ModelBoard(weights: resolved.endpoints.map(\.weight), loads: resolved.endpoints.map(\.load))
        isBalancedByQueue = backend.balance == .leastQueue
        keySource = KeySource(backend.balance)
        allCarryGRPC = records.allSatisfy { $0.carriesGRPC }
        errorThreshold =
            backend.outlierDetection.maxEjectionPercent > 0 ? backend.outlierDetection.consecutiveErrors : 0
        connectTimeout = Nanoseconds(backend.timeouts.connect)
        idleTimeout = Nanoseconds(backend.timeouts.idle)
        queueTimeout = Nanoseconds(backend.limits.queueTimeout)
        holdLimits = HoldLimits(backend)
        isStartedOnDemand = backend.activation != nil
        firstByteTimeout = backend.timeouts.firstByte.map { Nanoseconds($0) }
        if let known = worker.models(of: load) { learn(known) }
    }

    /// What is known of the models of its endpoints, in any order.
    ///
    /// - Returns: whether requests may go to other endpoints than before.
    @discardableResult
    func learn(_ models: [EndpointModels]) -> Bool {
        let known = Dictionary(models.map { ($0.endpoint, $0) }, uniquingKeysWith: { $1 })
        return board.learn(endpoints.map { known[$0.identity] }, now: worker.loop.now)
    }

    /// Whether it matters which model a request is for.
    var asksForModel: Bool { board.isListed || (isBalancedByQueue && !board.isEmpty) }

    /// When its lists of models were last asked for anew.
    var lookedAt = Instant(nanoseconds: 0)

    /// Whether gRPC can be spoken to every endpoint.
    let allCarryGRPC: Bool
    /// What requests are balanced by, if that is something they carry.
    let keySource: KeySource?

    /// Nobody has stopped the backend, or stops it now.
    var isHoldOpen: Bool { hold._withUnsafeGuaranteedRef { $0.isOpen } }

    /// Whether a request may take a place before all that wait for one on any loop.
    func lets(pass isUrgent: Bool) -> Bool { waiting._withUnsafeGuaranteedRef { $0.lets(pass: isUrgent) } }

    // MARK: What could be used

    /// Whether an endpoint is healthy, not ejected, and not drained.
    var hasUsableEndpoint: Bool {
        // By index, because an iterator would count a reference to all of them.
        for index in records.indices where records[index].isUsable { return true }
        return false
    }

    /// Whether requests should come here: there is such an endpoint, or one can be had.
    var hasUsable: Bool { hasUsableEndpoint || canBeStarted }

    /// Whether an endpoint would be used if it had room: with so few usable ones that all are used, any.
    var canServe: Bool { hasUsable || canServe(Wish(isGRPC: false)) }

    /// It runs or would be started, as far as is known. If the last attempt has failed, others are better.
    private var canBeStarted: Bool { isStartedOnDemand && load.hold.state != .failed }

    /// Whether gRPC can be spoken to one of the endpoints.
    var carriesGRPC: Bool { records.contains { $0.carriesGRPC } }

    /// The same for a request, at an endpoint that it need not avoid.
    func canServe(_ wish: Wish, avoiding avoided: TriedEndpoints = TriedEndpoints()) -> Bool {
        balancer.canServe(tried: avoided, isUsable: { records[$0].isUsable }, isEligible: { takes(wish, $0) })
    }

    /// Whether the endpoint could serve the request if it were healthy.
    private func takes(_ wish: Wish, _ index: Int) -> Bool {
        records[index].takes(wish)
            && (!wish.goesByModel || board.mayHave(wish.model, at: index, now: worker.loop.now))
    }

    // MARK: Places

    /// What a request asks of an endpoint.
    struct Wish {
        var isGRPC: Bool
        /// Of the request, for `balance: hash`.
        var key: UInt64?
        /// Endpoints that had their try.
        var tried = TriedEndpoints()
        /// Endpoints that do not serve the request's model at present.
        var unready = TriedEndpoints()
        /// The request's model on the backend's board; `nil` where it has none, or nobody asks. Valid within a turn.
        var model: Int?
        /// Where that model is; `nil` where no endpoint has said what it has.
        var presence: ModelBoard.Presence?
        /// Only endpoints will do that may have that model.
        var goesByModel = false
    }

    /// A place at an endpoint and a connection to use it with.
    struct Lease {
        var endpoint: EndpointPool
        /// Of the endpoint in `endpoints`.
        var index: Int
        var access: Access
        /// To be recorded, whatever comes of it.
        var ticket: EndpointHealth.Ticket
        /// Where it counts for its model, too.
        var model: ModelLoad?
    }

    struct Access {
        var port: UpstreamPort
        /// `nil` stands for the right to open a new one.
        var connection: UpstreamSide.Connection?
    }

    /// Takes a place within all limits, or nothing.
    func acquire(_ wish: Wish) -> Lease? {
        guard !isStartedOnDemand || isHoldOpen else { return nil }
        guard load.inFlight.take(limit: queue.limits.inFlight) else { return nil }
        if let lease = acquireEndpoint(wish) { return lease }
        load.inFlight.give()
        return nil
    }

    /// The one endpoint that a request with a key goes to, whether or not that has room; `nil` for all other requests.
    func awaited(_ wish: Wish) -> EndpointPool? {
        guard wish.key != nil else { return nil }
        return pick(wish, avoided(wish), hasRoom: { _ in true }).map { endpoints[$0] }
    }

    private func pick(_ wish: Wish, _ avoided: TriedEndpoints, hasRoom: (Int) -> Bool) -> Int? {
        let now = worker.loop.now
        let isEstimated = isBalancedByQueue && wish.model.map { board.isEstimated($0, now: now) } == true
        return balancer.pick(
            now: now, random: &worker.random, key: wish.key, tried: avoided, load: { records[$0].inFlight },
            isEstimated: isEstimated, expectedTime: { board.expectedTime(wish.model ?? 0, at: $0, now: now) },
            isUsable: { records[$0].isUsable },
            isEligible: { takes(wish, $0) }, hasRoom: hasRoom, joined: { endpoints[$0].health.usableSince })
    }

    /// How often another endpoint is chosen because the first one was taken out at that moment: more often than once says
    /// that much changes just now, and the queue is there for that.
    private static let choices = 3

    private func acquireEndpoint(_ wish: Wish) -> Lease? {
        let limit = queue.limits.perEndpointInFlight
        let avoided = avoided(wish)
        for _ in 0..<Self.choices {
            let choice = pick(wish, avoided, hasRoom: { index in limit.map { records[index].inFlight < $0 } ?? true })
            guard let choice else { return nil }
            let endpoint = endpoints[choice]
            guard let port = endpoint.port(isGRPC: wish.isGRPC), records[choice].take(limit: limit) else { return nil }
            if var ticket = records[choice].begin(now: worker.loop.now) {
                if let access = access(port) {
                    let model = isBalancedByQueue ? wish.model.flatMap { board.load($0, at: choice) } : nil
                    model?.inFlight.add(1, ordering: .relaxed)
                    return Lease(endpoint: endpoint, index: choice, access: access, ticket: ticket, model: model)
                }
                worker.note(.neutral, of: &ticket, at: endpoint, self)
                endpoint.load.inFlight.give()
                return nil
            }
            endpoint.load.inFlight.give()
        }
        return nil
    }

    /// A retry goes elsewhere and a model's requests to where it is ready, as long as there is such a place.
    private func avoided(_ wish: Wish) -> TriedEndpoints {
        if wish.tried.isEmpty && wish.unready.isEmpty { return wish.tried }
        var avoided = wish.tried
        avoided.formUnion(wish.unready)
        if canServe(wish, avoiding: avoided) { return avoided }
        return canServe(wish, avoiding: wish.tried) ? wish.tried : TriedEndpoints()
    }

    func hasRoom(at endpoint: EndpointPool) -> Bool {
        queue.limits.perEndpointInFlight.map { endpoint.load.inFlight.current < $0 } ?? true
    }

    /// A connection for a place that is held already.
    func access(_ port: UpstreamPort) -> Access? {
        if let connection = port.take() { return Access(port: port, connection: connection) }
        return reserveConnection() ? Access(port: port, connection: nil) : nil
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
    func giveBack(_ endpoint: EndpointPool, _ model: ModelLoad? = nil) {
        model?.inFlight.subtract(1, ordering: .relaxed)
        // Where the backend as a whole was full, its places are as good at every other endpoint.
        let isAnywhere = queue.limits.connections != nil || load.inFlight.current >= queue.limits.inFlight
        endpoint.load.inFlight.give()
        load.inFlight.give()
        worker.placeFreed(load, at: isAnywhere ? nil : endpoint)
        if isStartedOnDemand { worker.serveHeldLater(load) }
    }
}

/// What requests need to know of an endpoint before they choose it, to be read without counting references.
private struct Record {
    // The pool's endpoints keep them alive.
    private let health: Unmanaged<EndpointHealth>
    private let load: Unmanaged<EndpointLoad>
    let carriesGRPC: Bool

    init(_ endpoint: EndpointPool) {
        health = .passUnretained(endpoint.health)
        load = .passUnretained(endpoint.load)
        carriesGRPC = endpoint.port(isGRPC: true) != nil
    }

    var isUsable: Bool { health._withUnsafeGuaranteedRef { $0.isUsable } }
    var inFlight: Int { load._withUnsafeGuaranteedRef { $0.inFlight.current } }

    /// Takes a place.
    func take(limit: Int?) -> Bool { load._withUnsafeGuaranteedRef { $0.inFlight.take(limit: limit) } }

    /// - Returns: `nil` if it has become unusable since it was looked at.
    func begin(now: Instant) -> EndpointHealth.Ticket? {
        health._withUnsafeGuaranteedRef { $0.isUsable ? $0.begin(now: now) : $0.beginInPanic(now: now) }
    }

    /// The same but for the model.
    func takes(_ wish: BackendPool.Wish) -> Bool {
        (!wish.isGRPC || carriesGRPC) && !health._withUnsafeGuaranteedRef { $0.isDraining }
    }
}
