import API
import Base
import Configuration
import ControlClient
import DataPlane
import Dispatch
import EventLoop
import Logging
import Telemetry
import Traffic

/// The backends that are started on demand.
///
/// Unchecked: it belongs to the control queue.
final class Activations: @unchecked Sendable {
    private let queue: DispatchQueue
    private let logger: Logger
    private let workers: [Worker]
    private let health: HealthMonitor
    private let models: ModelMonitor
    private let directory: String
    private var backends: [String: ActivatedBackend] = [:]
    /// Not named by the configuration any more, and not ended yet.
    private var leaving: [ActivatedBackend] = []
    private var inherited: [Inherited] = []
    private var isInheriting = false
    private var client: ControlClient?
    private var cluster: KubernetesAPI?
    private var predecessor: ProcessWatch?

    /// What a process that was there before has started.
    struct Inherited {
        var backend: String
        var isReady: Bool
        var process: Int32
        var watch: Int32
        var output: Int32
    }

    /// - Parameter path: of the configuration.
    init(
        queue: DispatchQueue, logger: Logger, workers: [Worker], health: HealthMonitor, models: ModelMonitor,
        path: String
    ) {
        self.queue = queue
        self.logger = logger
        self.workers = workers
        self.health = health
        self.models = models
        directory = ControlPlane.directory(of: path)
    }

    private func surroundings() -> ActivatedBackend.Surroundings {
        ActivatedBackend.Surroundings(
            queue: queue, logger: logger, workers: workers, directory: directory,
            client: { [unowned self] in
                if client == nil { client = ControlClient(label: "sluice.activation", answers: queue) }
                return client
            },
            cluster: { [unowned self] in
                if cluster == nil { cluster = KubernetesAPI(queue: queue) }
                return cluster
            },
            endpointsChanged: { [unowned self] name, areThere in
                health.setPaused(!areThere, name)
                if areThere { models.look(at: name) }
            })
    }

    // MARK: Configuration

    /// Before the loops get it: what is new in it sleeps from the first request on.
    func prepare(_ next: Snapshot) {
        for resolved in next.backends {
            guard let activation = resolved.backend.activation, backends[resolved.backend.name] == nil else { continue }
            let backend = ActivatedBackend(resolved, activation, surroundings())
            backends[backend.name] = backend
            backend.begin()
            if let index = inherited.firstIndex(where: { $0.backend == backend.name }) {
                backend.adopt(inherited.remove(at: index))
            }
        }
    }

    /// The loops have it.
    func update(_ snapshot: Snapshot) {
        var named: Set<String> = []
        for resolved in snapshot.backends {
            guard let activation = resolved.backend.activation else { continue }
            named.insert(resolved.backend.name)
            backends[resolved.backend.name]?.update(resolved, activation)
        }
        leaving.removeAll { $0.hasEnded }
        for (name, backend) in backends where !named.contains(name) {
            backends[name] = nil
            backend.retire()
            leaving.append(backend)
        }
    }

    // MARK: Events

    /// A request waits for the backend.
    func wake(_ name: String) { backends[name]?.demand() }

    // MARK: The end

    private static let pollInterval = DispatchTimeInterval.milliseconds(20)

    /// Ends the processes that were started here, and calls back on the control queue when none is left.
    func stop(_ done: @escaping @Sendable () -> Void) {
        // What another process has not let go of yet is still its own.
        if isInheriting { handedOver() }
        leaving += backends.values
        backends = [:]
        for backend in leaving { backend.stop() }
        waitForEnds(done)
    }

    private func waitForEnds(_ done: @escaping @Sendable () -> Void) {
        if leaving.allSatisfy({ !$0.hasProcess }) {
            done()
        } else {
            queue.asyncAfter(deadline: .now() + Self.pollInterval) { [self] in waitForEnds(done) }
        }
    }

    // MARK: Takeover, the older process

    /// What runs, and goes on under another process.
    func beginHandover() -> [Inherited] {
        for backend in backends.values { backend.freeze() }
        return backends.values.compactMap(\.handle)
    }

    func abandonHandover() { for backend in backends.values { backend.thaw() } }

    func handedOver() { for backend in backends.values { backend.follow() } }

    // MARK: Takeover, the newer process

    /// Before the first configuration.
    func inherit(_ processes: [Inherited]) {
        inherited = processes
        isInheriting = true
    }

    /// The other process has let go.
    ///
    /// - Parameter process: which still has requests there.
    func released(by process: Int32) {
        isInheriting = false
        for backend in backends.values { backend.resume() }
        for one in inherited {
            logger.warning(
                "process \(one.process) of backend \(one.backend), which the configuration does not start, is ended")
            let orphan = SupervisedProcess(backend: one.backend, queue: queue, logger: logger) { _ in }
            orphan.adopt(one.process, watch: one.watch, output: one.output)
            orphan.resume()
            orphan.end(after: ActivationMachine.killGrace)
        }
        inherited = []
        predecessor = ProcessWatch(process, queue: queue) { [self] in
            predecessor = nil
            for backend in backends.values { backend.predecessorEnded() }
        }
        if predecessor == nil { for backend in backends.values { backend.predecessorEnded() } }
    }

    // MARK: What is known

    func status(of name: String) -> Status.Activation? { backends[name]?.status }

    func outcomes(of name: String) -> OutcomeCounts<ActivationOutcome>? { backends[name]?.outcomes }
}
