import API
import Base
package import ConfigFiles
package import Configuration
package import DataPlane
package import Dispatch
package import EventLoop
import Glibc
package import Logging
import Synchronization
import TLS
import Telemetry
import Traffic

/// Everything that is not about a single request: loads and replaces configurations, opens and closes listeners, collects
/// what the loops count, and ends the process in order.
///
/// Unchecked: its state belongs to `queue`; what other threads call posts there.
package final class ControlPlane: @unchecked Sendable {
    package let queue = DispatchQueue(label: "sluice.control")
    package let logger: Logger
    package let path: String
    let workers: [Worker]
    let listeners: Listeners
    package let source: SocketSource
    let service: ServiceManager?
    package let verifier: Verifier
    let memory: MemoryGuardian
    let traces = TraceExporter()
    var registry = Registry()
    let health: HealthMonitor
    let modelMonitor: ModelMonitor
    let expectedTimes = ExpectedTimes()
    /// Of the endpoints' names.
    private(set) lazy var names = NameLookups(queue: queue, logger: logger) { [unowned self] in namesChanged() }
    /// What the dashboard shows.
    private(set) lazy var live = LiveFeed(self)
    let models = ModelCatalog()
    /// Starts and stops backends.
    let activations: Activations
    /// What is known of the cluster that the gateway runs in.
    private(set) lazy var cluster = ClusterWatch(queue: queue, logger: logger) { [unowned self] in namesChanged() }
    /// How busy the processors of pods are.
    private(set) lazy var gpus = GPUMonitor(logger: logger)
    /// Of what autoscalers have asked.
    let scaleOutcomes = Mutex(OutcomeCounts<ScaleOutcome>())
    /// By backend, as the loops know them.
    var addresses: [BackendAddresses] = []
    var areNamesScheduled = false
    var logWriter: LogWriter?
    var droppedByOldWriters: UInt64 = 0
    var snapshot: Snapshot? { didSet { describedRoutes = nil } }
    var reloads = OutcomeCounts<ReloadOutcome>()
    var lastReload: ReloadReport?
    var lastRejected: ReloadReport?
    /// What the status says of the routes of `snapshot`, once somebody has asked.
    var describedRoutes: [Status.Route]?
    /// Bytes of the last metrics page: the next one will be about as long.
    var metricsBytes = 0
    var steering = Steering()
    var watcher: FileWatcher?
    var isReloadScheduled = false
    var waitingReloads: [PendingReload] = []
    var isReloading = false
    var isDraining = false { didSet { updateReadiness() } }
    /// Set from any thread by the first signal to end, or when another process has taken over.
    let stopRequested = Atomic<Bool>(false)
    let isSignalled = Atomic<Bool>(false)
    var isStopping: Bool { stopRequested.load(ordering: .acquiring) }
    /// Read by probes, which must not wait for a reload.
    let readiness = Atomic<Bool>(false)
    let startedAt = wallClockSeconds()
    let descriptors: Int

    /// Binds the addresses of admin and metrics; what it returns takes them into use, or gives them up.
    package var prepareAdmin: (Gateway) -> Result<(_ commit: Bool) -> Void, ListenFailure> = { _ in .success({ _ in }) }
    /// Ends the admin listeners, which stop last; says when nothing is accepted there any more.
    package var stopAdmin: (_ keepsFiles: Bool, _ done: @escaping @Sendable () -> Void) -> Void = { $1() }
    package var adminSockets: () -> [Address: ListeningSocket] = { [:] }

    private(set) lazy var takeover = TakeoverServer(queue: queue, gateway: handover)
    /// A newer process has been given the sockets and does not accept yet: nothing may change meanwhile.
    var isHandingOver = false
    /// The files of Unix sockets go with this process; false while another one has the same sockets.
    var isFileOwner = true
    /// No connection is accepted any more.
    var isClosed = false
    private var predecessor: Predecessor?

    /// - Returns: `nil` where the kernel gives no descriptors for the loops.
    package init?(path: String, loops: Int?, logger: Logger, passed: PassedSockets, service: ServiceManager?) {
        self.path = path
        self.logger = logger
        self.service = service
        source = SocketSource(passed: passed)
        descriptors = Machine.raiseDescriptorLimit()
        let cores = Machine.cores
        verifier = Verifier(threads: cores / 2)
        var workers: [Worker] = []
        // 64: the waiting loops of a backend are the bits of one word.
        let count = min(loops ?? cores, 64)
        let overload = Overload(loops: count)
        let budget = DescriptorBudget(descriptors: descriptors, loops: count)
        for index in 0..<count {
            guard let loop = Loop(label: "sluice.loop.\(index)") else { return nil }
            workers.append(
                Worker(
                    loop: loop, index: index, verifier: verifier, overload: overload, budget: budget,
                    seed: Machine.seed()))
        }
        let all = workers
        let health = HealthMonitor(queue: queue, logger: logger) { load, health in
            for worker in all {
                worker.loop.post { worker.forgetOutages(health) }
                worker.serveLater(load)
            }
        }
        for worker in workers {
            worker.siblings = workers
            worker.spanSink = traces.sink
            worker.reportHealth = { [queue] report in queue.async { health.judge(report) } }
        }
        let models = ModelMonitor(logger: logger) { [queue, expectedTimes] models, load in
            for worker in all { worker.loop.post { worker.learn(models, of: load) } }
            queue.async { expectedTimes.learn(models, of: load) }
        }
        let everybody = FanOutCaller { models.look(at: $0) }
        let activations = Activations(
            queue: queue, logger: logger, workers: workers, health: health, models: models, path: path)
        modelMonitor = models
        for worker in workers {
            worker.lookAtModels = { models.look(at: $0) }
            worker.askEverybody = { everybody.send($0, completion: $1) }
            worker.wakeBackend = { [queue] name in queue.async { activations.wake(name) } }
        }
        self.activations = activations
        self.health = health
        self.workers = workers
        memory = MemoryGuardian(workers: workers, overload: overload, logger: logger)
        listeners = Listeners(workers: workers, descriptors: descriptors, source: source)
    }

    /// Loads the first configuration and starts serving. Not on the control queue.
    ///
    /// - Parameter predecessor: the running gateway that is to end, if there is one.
    /// - Returns: what is in the way, or nothing once clients can connect.
    package func start(_ outcome: ConfigurationLoader.Outcome, after predecessor: Predecessor? = nil) -> String? {
        guard let gateway = outcome.gateway else { return "the configuration is invalid" }
        for worker in workers { worker.loop.start() }
        let named = DispatchSemaphore(value: 0)
        queue.async { [self] in
            settle([gateway], patience: Self.startPatience, refreshing: false) { named.signal() }
        }
        // The control queue is free meanwhile, for a signal to end.
        named.wait()
        return queue.sync {
            if let predecessor { inherit(predecessor) }
            self.predecessor = predecessor
            let result = apply(gateway, hash: outcome.hash)
            self.predecessor = nil
            lastReload = ReloadReport(
                outcome: .applied, time: now, message: "loaded at start",
                diagnostics: outcome.diagnostics.map(\.description))
            guard result == nil else { return result }
            steering.adopt(outcome)
            watch(outcome.watched)
            rotateTickets()
            // Who is told to end before it has taken over leaves everything to the other process.
            guard !isStopping else { return nil }
            live.start()
            if let predecessor { release(predecessor) }
            takeover.activate()
            announce(gateway)
            return nil
        }
    }

    /// Session tickets are sealed with keys that do not live long.
    private func rotateTickets() {
        let wait = listeners.rotateTickets().since(.now())
        let time = DispatchTime.now() + .nanoseconds(Int(clamping: wait.count))
        queue.asyncAfter(deadline: time) { [weak self] in self?.rotateTickets() }
    }

    private func announce(_ gateway: Gateway) {
        let addresses = listeners.current.map(\.address.description).sorted().joined(separator: ", ")
        let admin = gateway.admin.map { ", admin on \($0.address)" } ?? ""
        let serves = "serves on \(addresses.isEmpty ? "no address" : addresses)\(admin)"
        logger.info(
            "sluice \(sluiceVersion) \(serves), loops: \(workers.count), configuration \(snapshot?.hash ?? "")")
        for name in source.unusedNames(gateway) {
            logger.warning("socket '\(name)' was passed, and nothing listens on systemd:\(name)")
        }
        service?.tell(.ready, .status(serves))
        service?.startWatchdog(workers)
    }

    private func updateReadiness() {
        readiness.store(snapshot != nil && !isDraining && !isStopping, ordering: .releasing)
    }

    var now: Double { wallClockSeconds() }

    // MARK: Configuration

    /// Loads the configuration again. `completion` runs on the control queue once every loop has changed over.
    package func reload(_ trigger: String, completion: @escaping @Sendable (ReloadReport) -> Void = { _ in }) {
        queue.async { [self] in
            // Asked for by hand, for example after a log rotation.
            reopenLog()
            reloadInTurn(PendingReload(trigger: trigger, loaded: nil, completion: completion))
        }
    }

    /// After the files were renamed: what comes now goes into new ones.
    package func reopenLogs() { queue.async { [self] in reopenLog() } }

    private func reopenLog() {
        logWriter?.reopen { [logger] in logger.warning("\($0); the old file is written on") }
    }

    /// One reload after the other: while names are looked up for one, the control queue is free for everything else.
    func reloadInTurn(_ reload: PendingReload) {
        waitingReloads.append(reload)
        if !isReloading { nextReload() }
    }

    private func nextReload() {
        var next: (PendingReload, ConfigurationLoader.Outcome)?
        while next == nil, !waitingReloads.isEmpty {
            let reload = waitingReloads.removeFirst()
            let outcome =
                if let edit = reload.edit { begin(edit) } else {
                    reload.loaded ?? ConfigurationLoader.load(path: path, for: .service)
                }
            next = outcome.map { (reload, $0) }
        }
        isReloading = next != nil
        guard let (reload, outcome) = next else { return }
        let isTold = tellReloading(reload, outcome)
        begin(reload, outcome) { [self] report in
            if isTold { tellReloaded(report) }
            reload.completion(report)
            nextReload()
        }
    }

    private func begin(
        _ reload: PendingReload, _ outcome: ConfigurationLoader.Outcome, done: @escaping (ReloadReport) -> Void
    ) {
        let texts = outcome.diagnostics.map(\.description)
        guard let gateway = outcome.gateway else {
            let worst = outcome.diagnostics.first { $0.severity == .error }?.description
            done(finish(.rejected, reload.trigger, worst ?? "the configuration cannot be read", texts))
            return
        }
        watch(outcome.watched)
        if outcome.hash == snapshot?.hash, !reload.isExplicit, let lastReload, lastReload.outcome != .rejected {
            done(lastReload)
            return
        }
        // The present configuration goes on meanwhile.
        let both = [snapshot?.gateway, gateway].compactMap { $0 }
        settle(both, patience: Self.reloadPatience, refreshing: reload.isExplicit) { [self] in
            let report = complete(reload, outcome, gateway, texts)
            if let snapshot { follow([snapshot.gateway]) }
            done(report)
        }
    }

    private func complete(
        _ reload: PendingReload, _ outcome: ConfigurationLoader.Outcome, _ gateway: Gateway, _ texts: [String]
    ) -> ReloadReport {
        let trigger = reload.trigger
        guard !isStopping else { return finish(.rejected, trigger, "the gateway is stopping", texts) }
        guard !isHandingOver else { return finish(.rejected, trigger, "another process is taking over", texts) }
        let hasMoved = found(for: gateway) != addresses
        if outcome.hash == snapshot?.hash, !hasMoved {
            return finish(.unchanged, trigger, "nothing has changed", texts)
        }
        if let problem = apply(gateway, hash: outcome.hash) { return finish(.rejected, trigger, problem, texts) }
        steering.adopt(outcome)
        if let loops = gateway.loops, loops != workers.count {
            logger.warning("loops: \(loops) takes effect at the next start; \(workers.count) run now")
        }
        return finish(.applied, trigger, "the new configuration runs", texts)
    }

    private func finish(
        _ outcome: ReloadOutcome, _ trigger: String, _ message: String, _ diagnostics: [String]
    ) -> ReloadReport {
        reloads.count(outcome)
        let report = ReloadReport(outcome: outcome, time: now, message: message, diagnostics: diagnostics)
        lastReload = report
        if outcome == .rejected { lastRejected = report }
        switch outcome {
        case .rejected:
            logger.error("configuration rejected (\(trigger)), the old one still runs: \(message)")
            for line in diagnostics.dropFirst() { logger.error("\(line)") }
        case .applied:
            logger.info("configuration \(snapshot?.hash ?? "") runs (\(trigger))")
            for line in diagnostics { logger.warning("\(line)") }
        case .unchanged: logger.info("configuration unchanged (\(trigger))")
        }
        return report
    }

    /// Everything or nothing: binds and opens first, then changes over.
    private func apply(_ gateway: Gateway, hash: String) -> String? {
        let writer: LogWriter?
        let prepared: Listeners.Prepared
        do throws(LogWriter.OpenFailure) {
            writer = try makeWriter(gateway)
        } catch {
            return "\(error)"
        }
        do throws(ListenFailure) {
            prepared = try listeners.prepare(gateway.listeners)
        } catch {
            return "\(error)"
        }
        let secureBackends: [String: Registry.SecureBackend]
        do throws(TLSConfigurationError) {
            secureBackends = try registry.prepareTLS(gateway)
        } catch {
            prepared.abandon()
            return error.message
        }
        let commitAdmin: (Bool) -> Void
        switch prepareAdmin(gateway) {
        case .success(let commit): commitAdmin = commit
        case .failure(let failure):
            prepared.abandon()
            return "\(failure)"
        }
        let commitTakeover: (Bool) -> Void
        do throws(SocketFailure) {
            commitTakeover = try takeover.prepare(gateway.takeoverSocket, inherited: predecessor?.control)
        } catch {
            prepared.abandon()
            commitAdmin(false)
            return "cannot listen on \(gateway.takeoverSocket ?? "") for takeovers: \(error)"
        }
        let addresses = found(for: gateway)
        run(gateway, hash: hash, addresses, tls: secureBackends, log: writer)
        listeners.apply(gateway.listeners, prepared)
        // Whoever asks the new admin address is not told of a moment in which it was not ready.
        updateReadiness()
        commitAdmin(true)
        commitTakeover(true)
        return nil
    }

    /// Has every loop change over, and returns when all have.
    func run(
        _ gateway: Gateway, hash: String, _ addresses: [BackendAddresses], tls: [String: Registry.SecureBackend],
        log writer: LogWriter?
    ) {
        let next = registry.snapshot(gateway, hash: hash, addresses: addresses, tls: tls)
        if writer !== logWriter { droppedByOldWriters += logWriter?.dropped.load(ordering: .relaxed) ?? 0 }
        self.addresses = addresses
        snapshot = next
        logWriter = writer
        activations.prepare(next)
        let done = DispatchSemaphore(value: 0)
        let left = Countdown(workers.count) { done.signal() }
        for worker in workers {
            worker.loop.post {
                worker.apply(next, log: writer)
                left.countDown()
            }
        }
        traces.apply(gateway.tracing, pins: gateway.resolve, logger: logger)
        memory.apply(limit: gateway.memoryLimit, backends: next.backends.map(\.load))
        gpus.use(EndpointResolution.exporters(of: gateway, names.addresses))
        // The old tables are gone from every loop before anyone is told that the new ones are in force.
        done.wait()
        health.update(next)
        expectedTimes.update(next)
        modelMonitor.update(next)
        activations.update(next)
    }

    private func makeWriter(_ gateway: Gateway) throws(LogWriter.OpenFailure) -> LogWriter? {
        guard let settings = gateway.accessLog else { return nil }
        if let logWriter, logWriter.sink == settings.sink { return logWriter }
        return try LogWriter(settings.sink, loops: workers.count)
    }
}
