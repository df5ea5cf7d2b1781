import API
import Base
import Configuration
import ControlClient
import DataPlane
import Dispatch
import EventLoop
import Glibc
import Logging
import Synchronization
import Telemetry
import Traffic

/// A backend that is started on demand: does what its `ActivationMachine` says, and tells it what comes of it.
///
/// Unchecked: it belongs to the control queue.
final class ActivatedBackend: @unchecked Sendable {
    /// What it needs of the control plane.
    struct Surroundings {
        var queue: DispatchQueue
        var logger: Logger
        var workers: [Worker]
        /// Where programs are started: the directory of the configuration.
        var directory: String
        var client: () -> ControlClient?
        var cluster: () -> KubernetesAPI?
        /// The endpoints are there, or are not, whatever was known of them.
        var endpointsChanged: (_ backend: String, _ areThere: Bool) -> Void
    }

    /// From one look at what there is to the next. While it starts requests wait, and loading a model takes seconds.
    private static let startingInterval = Nanoseconds.milliseconds(250)
    /// While it ends nobody may use it, and what is under way ends soon.
    private static let drainingInterval = Nanoseconds.milliseconds(50)
    /// Whether it is used. `idleAfter` is seconds at least.
    private static let runningInterval = Nanoseconds.milliseconds(250)

    let name: String
    private(set) var resolved: ResolvedBackend
    private(set) var activation: Backend.Activation
    /// What runs was started by this, whatever the configuration names by now, and is stopped by it.
    var means: Backend.Activation.Means
    let surroundings: Surroundings
    var machine: ActivationMachine
    var process: SupervisedProcess?
    var check: ReadinessCheck?
    var usage: UsageCheck?
    /// Every loop knows that nothing is to be sent there, since the last `close`.
    var areLoopsTold = false
    var closings = 0
    /// When `advance` is due next.
    var armed = Instant.never
    /// Another process may take over at this moment, so nothing is started or stopped.
    var isFrozen = false
    var deferred: [ActivationMachine.Action] = []

    var outcomes = OutcomeCounts<ActivationOutcome>()
    var changed = wallClockSeconds()
    var lastExit: String?
    var runs = 0

    var load: BackendLoad { resolved.load }

    init(_ resolved: ResolvedBackend, _ activation: Backend.Activation, _ surroundings: Surroundings) {
        name = resolved.backend.name
        self.resolved = resolved
        self.activation = activation
        means = activation.means
        self.surroundings = surroundings
        machine = ActivationMachine(Self.settings(activation, of: resolved.backend), now: .now())
        if case .exec = activation.means { process = makeProcess() }
    }

    static func settings(_ activation: Backend.Activation, of backend: Backend) -> ActivationMachine.Settings {
        var settings = ActivationMachine.Settings()
        settings.idleAfter = activation.idleAfter.map { Nanoseconds($0) }
        settings.startTimeout = Nanoseconds(activation.hold.timeout)
        if case .kubernetes = activation.means {
            settings.ownsWhatRuns = true
            settings.confirmsIdle = backend.server == .triton
        }
        return settings
    }

    func makeProcess() -> SupervisedProcess {
        SupervisedProcess(backend: name, queue: surroundings.queue, logger: surroundings.logger) {
            [weak self] in self?.ended($0)
        }
    }

    // MARK: Configuration

    /// Before the loops get the configuration: requests wait from the first one on.
    func begin() {
        load.hold.set(.closed)
        load.hold.heard()
        tellLoops { [load] in $0.forgetFailure(load) }
        surroundings.endpointsChanged(name, false)
        // Nobody else scales it down again if it runs and no request comes.
        if machine.settings.ownsWhatRuns { perform(machine.begin(now: .now())) }
    }

    /// The same backend under another configuration, or with other endpoints.
    func update(_ next: ResolvedBackend, _ nextActivation: Backend.Activation) {
        let hasMoved = next.backend.endpoints.map(\.address) != resolved.backend.endpoints.map(\.address)
        let before = activation.means
        resolved = next
        machine.settings = Self.settings(nextActivation, of: next.backend)
        activation = nextActivation
        let isOther = before != activation.means
        switch (before, activation.means) {
        case (.exec, .exec):
            if isOther || hasMoved { perform(machine.replace(atOnce: hasMoved, now: .now())) }
        default: if isOther { perform(machine.replace(atOnce: true, now: .now())) }
        }
        advance()
    }

    /// The configuration does not name it any more, or does not have it started.
    func retire() {
        // What runs in a cluster is somebody else's to stop from now on.
        if case .kubernetes = means { machine.follow(now: .now()) }
        perform(machine.end(drains: true, now: .now()))
        load.hold.set(.open)
        tellLoops { [load] in $0.failHeld(load, cause: .noEndpoint, message: Cause.noEndpoint.message, retryAt: nil) }
        surroundings.endpointsChanged(name, true)
        advance()
    }

    /// The gateway ends.
    func stop() {
        guard process != nil else { return }
        perform(machine.end(drains: false, now: .now()))
        advance()
    }

    /// Nothing of it is left to wait for.
    var hasEnded: Bool { machine.hasEnded && process?.id == nil }

    /// One that was handed over is another's to end.
    var hasProcess: Bool { process?.isOwn == true }

    // MARK: Events

    func demand() {
        perform(machine.demand(now: .now()))
    }

    func ended(_ reason: String) {
        lastExit = reason
        surroundings.logger.info("backend \(name): the process has ended: \(reason)")
        perform(machine.exited(reason, now: .now()))
    }

    /// Looks at what has become of it, and what is due.
    func advance() {
        let now = Instant.now()
        perform(machine.advance(now: now))
        switch machine.state {
        case .starting: if check == nil { ask() }
        case .running, .draining:
            let use = load.hold.use
            let waiting = load.queued.current + load.hold.requests.current
            perform(machine.observe(use, waiting: waiting, now: now))
            if machine.state == .draining, areLoopsTold, use.underWay == 0, load.inFlight.current == 0 {
                perform(machine.drained(now: now))
            }
        case .asleep, .looking, .stopping, .failed: break
        }
        arm()
    }

    func arm() {
        let now = Instant.now()
        var next = machine.nextDeadline
        switch machine.state {
        case .starting: next = min(next, now + Self.startingInterval)
        case .draining: next = min(next, now + Self.drainingInterval)
        case .running: if machine.isOwn { next = min(next, now + Self.runningInterval) }
        case .asleep, .looking, .stopping, .failed: break
        }
        // An earlier call is on its way already, and will see to the rest.
        guard next < armed else { return }
        armed = next
        surroundings.queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: next.since(now).count))) {
            [weak self, next] in
            guard let self, armed == next else { return }
            armed = .never
            advance()
        }
    }

    // MARK: Questions

    func ask() {
        guard let client = surroundings.client() else { return }
        let check = ReadinessCheck(resolved.endpoints, of: resolved.backend, client) { [weak self] result in
            guard let self else { return }
            self.check = nil
            answered(result)
        }
        self.check = check
        check.start()
    }

    func answered(_ result: ReadinessCheck.Result) {
        let now = Instant.now()
        switch machine.state {
        case .looking: perform(machine.looked(isThere: result == .ready, now: now))
        case .starting:
            switch result {
            case .ready: perform(machine.ready(now: now))
            case .notYet: break
            case .failed(let reason): perform(machine.couldNotStart(reason, isThere: true, now: now))
            }
        case .asleep, .running, .draining, .stopping, .failed: break
        }
    }
}
