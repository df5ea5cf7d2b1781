import Base
import Configuration
import ControlClient
package import DataPlane
import Dispatch
import EventLoop
import Logging
package import Models
import Synchronization
import Telemetry
import Traffic

/// Asks the model servers, off the loops and all the time, which models they have and how those do: how long requests wait in
/// their queues, how many, and how long they take.
///
/// An endpoint is asked one thing at a time, and what it takes its time for keeps only itself waiting. What is found out is told
/// to the loops where it matters there, and can be read by anybody.
///
/// Unchecked: it belongs to a queue of its own, for what a server says may take a while to read; `known` is for all threads.
package final class ModelMonitor: @unchecked Sendable {
    /// What one endpoint says of its models, beside what this gateway has to do with it.
    package struct Reading: Sendable {
        package var backend: String
        package var endpoint: ResolvedEndpoint
        package var reading: EndpointReading
        /// Requests of this gateway that are dispatched to it and not finished.
        package var inFlight: Int
        /// Requests that wait in this gateway for a place at an endpoint of the backend.
        package var queued: Int
    }

    /// What is known of one endpoint.
    struct View: Sendable {
        var reading: EndpointReading?
        var index: [RepositoryIndex.Model]?
        var outcomes = OutcomeCounts<ModelReadingOutcome>()
        /// For so long the numbers count.
        var maxAge: Nanoseconds

        /// `nil` where they are too old to mean anything.
        func current(_ now: Instant) -> EndpointReading? {
            reading.flatMap { now.since($0.readAt) <= maxAge ? $0 : nil }
        }
    }

    /// Questions under way at once, over all endpoints. Descriptors, and for statistics some megabytes each at worst.
    private static let concurrency = 64
    /// What is due within this time is done at once, so that a thousand endpoints do not mean thousands of timers.
    private static let gatherTime = Nanoseconds.milliseconds(10)
    /// Between two looks that somebody has asked for.
    private static let minLookSpan = Nanoseconds.milliseconds(500)
    /// Numbers older than three readings mean nothing; after one lost answer they still do.
    private static let minAge = Nanoseconds.seconds(5)

    private let queue = DispatchQueue(label: "sluice.models", qos: .utility)
    private let logger: Logger
    private let deliver: ([EndpointModels], BackendLoad) -> Void
    private var random = RandomSource(seed: Machine.seed())
    private var client: ControlClient?
    private var backends: [String: WatchedModels] = [:]
    private var open = 0
    /// When `advance` is due next.
    private var armed = Instant.never
    private let known = Mutex<[ObjectIdentifier: View]>([:])

    /// - Parameter deliver: tells every loop what the endpoints of a backend have; called on the monitor's queue.
    init(logger: Logger, deliver: @escaping ([EndpointModels], BackendLoad) -> Void) {
        self.logger = logger
        self.deliver = deliver
    }

    /// Takes over a configuration. Endpoints that stay keep what is known of them.
    func update(_ snapshot: Snapshot) {
        queue.async { [self] in
            let now = Instant.now()
            var next: [String: WatchedModels] = [:]
            for resolved in snapshot.backends {
                let backend = backends[resolved.backend.name] ?? WatchedModels()
                backend.update(resolved, now: now, random: &random)
                next[resolved.backend.name] = backend
            }
            for (name, backend) in backends where next[name] == nil { backend.stop() }
            backends = next
            let inUse = Set(next.values.flatMap(\.endpoints).map { ObjectIdentifier($0.resolved.health) })
            known.withLock { known in known = known.filter { inUse.contains($0.key) } }
            advance(now)
        }
    }

    // MARK: What is known

    /// Of an endpoint; `nil` where nothing is. Safe from any thread.
    func view(of endpoint: ResolvedEndpoint) -> View? {
        known.withLock { $0[ObjectIdentifier(endpoint.health)] }
    }

    /// Has a backend's endpoints asked for their models now, however short ago they were; at most twice a second.
    func look(at name: String) {
        queue.async { [self] in
            let now = Instant.now()
            guard let backend = backends[name] else { return }
            // One that comes too soon after the last waits its time.
            if backend.lookDue == nil { backend.lookDue = max(now, backend.lookedAt + Self.minLookSpan) }
            advance(now)
        }
    }

    // MARK: Questions

    private func advance(_ now: Instant) {
        let soon = now + Self.gatherTime
        for backend in backends.values {
            for endpoint in backend.endpoints where endpoint.question.map({ $0.deadline <= now }) ?? false {
                endpoint.question?.deadline = .never
                endpoint.question?.call.cancel()
            }
            if backend.lookDue.map({ $0 <= soon }) ?? false { backend.look(now) }
            if backend.publishDue <= soon { publish(backend, now) }
        }
        begin(soon, now)
        arm(now)
    }

    /// Those that have waited longest go first.
    private func begin(_ soon: Instant, _ now: Instant) {
        guard open < Self.concurrency else { return }
        let due = backends.values.filter(\.isRunning).flatMap { backend in
            backend.endpoints.compactMap { endpoint -> (at: Instant, WatchedModels, ModelEndpoint)? in
                let at = endpoint.nextDue
                return at <= soon ? (at, backend, endpoint) : nil
            }
        }
        for (_, backend, endpoint) in due.sorted(by: { $0.at < $1.at }).prefix(Self.concurrency - open) {
            guard let question = endpoint.due(soon) else { continue }
            ask(question, endpoint, of: backend, now)
        }
    }

    /// Walks over all endpoints, a hundred times a second at most.
    private func arm(_ now: Instant) {
        let isFull = open >= Self.concurrency
        var next = Instant.never
        for backend in backends.values {
            next = min(next, backend.publishDue, backend.lookDue ?? .never)
            for endpoint in backend.endpoints {
                // Those whose turn has not come are looked at when an answer comes.
                next = min(
                    next, endpoint.question?.deadline ?? (isFull || !backend.isRunning ? .never : endpoint.nextDue))
            }
        }
        arm(at: max(next, now + Self.gatherTime), now)
    }

    private func arm(at due: Instant, _ now: Instant) {
        // An earlier call is on its way already, and will see to the rest.
        guard due < armed else { return }
        armed = due
        let wait = due.since(now)
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: wait.count))) { [weak self] in
            guard let self, armed == due else { return }
            armed = .never
            advance(.now())
        }
    }

    private func ask(_ kind: ModelQuestion, _ endpoint: ModelEndpoint, of backend: WatchedModels, _ now: Instant) {
        if client == nil { client = ControlClient(label: "sluice.models.client", answers: queue) }
        guard let client else {
            // There is no descriptor for it just now, which says nothing about the endpoint.
            endpoint.postpone(kind, now: now, random: &random)
            return
        }
        endpoint.beginReading()
        let target = Weakly(endpoint)
        let request = kind.request(endpoint.resolved, of: endpoint.backend) { target.value?.read($0) }
        let address = request.address
        open += 1
        let owner = Weakly(backend)
        let call = client.send(request) { [weak self] result in
            guard let self else { return }
            open -= 1
            if let endpoint = target.value, let backend = owner.value {
                finish(kind, address, result, endpoint, of: backend)
            }
            let now = Instant.now()
            arm(at: now + Self.gatherTime, now)
        }
        // Only metrics have no time limit of their own.
        endpoint.question = (now, call, now + Nanoseconds(ModelQuestion.timeout) + Self.gatherTime)
    }

    private func finish(
        _ kind: ModelQuestion, _ address: ControlClient.Address,
        _ result: Result<ControlClient.Response, ControlClient.Failure>, _ endpoint: ModelEndpoint,
        of backend: WatchedModels
    ) {
        let now = Instant.now()
        let begun = endpoint.question?.begun ?? now
        endpoint.question = nil
        guard !endpoint.isStopped else { return }
        if kind == .list {
            let list = result.read(from: address, RepositoryIndex.init)
            endpoint.takeList(list, begun: begun, now: now, random: &random)
        } else {
            let page = endpoint.page(kind, of: result, address)
            switch endpoint.take(page, from: kind, now: now, random: &random) {
            case .info(let text): logger.info("\(text)")
            case .warning(let text): logger.warning("\(text)")
            case nil: break
            }
        }
        remember(endpoint)
        backend.note(endpoint, now)
    }

    private func remember(_ endpoint: ModelEndpoint) {
        let age = Nanoseconds(endpoint.numbers.interval.count * 3)
        let view = View(
            reading: endpoint.reading, index: endpoint.index?.models, outcomes: endpoint.outcomes,
            maxAge: max(Self.minAge, age))
        known.withLock { $0[ObjectIdentifier(endpoint.resolved.health)] = view }
    }

    private func publish(_ backend: WatchedModels, _ now: Instant) {
        deliver(backend.publish(now), backend.load)
    }
}

/// What a closure of another thread holds on to without keeping it, and uses on the monitor's queue only.
private final class Weakly<Value: AnyObject>: @unchecked Sendable {
    weak var value: Value?

    init(_ value: Value) { self.value = value }
}
