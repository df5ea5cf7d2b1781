import Base
import Configuration
import ControlClient
import DataPlane
import Dispatch
import EventLoop
import Logging
import Telemetry
import Traffic

/// Watches the endpoints: asks those of backends with `health`, and judges what the loops report of requests that failed.
///
/// Unchecked: it belongs to the control queue. What it decides is written into each endpoint's `EndpointHealth`, where the
/// loops read it.
final class HealthMonitor: @unchecked Sendable {
    private let queue: DispatchQueue
    private let logger: Logger
    /// An endpoint of the backend has become usable or unusable. Who waits there may have a place now, also in the second
    /// case: with so few that are usable, all may be used.
    private let changed: (BackendLoad, EndpointHealth) -> Void
    private var random = RandomSource(seed: Machine.seed())
    private var backends: [String: WatchedBackend] = [:]
    /// Backends that do not run at present, as is known: nobody asks them, and nothing is held against them.
    private var paused: Set<String> = []
    /// Made when the first backend is to be asked; a gateway without `health` has no such thread.
    private var client: ControlClient?
    /// When `advance` is due next.
    private var armed = Instant.never

    init(queue: DispatchQueue, logger: Logger, changed: @escaping (BackendLoad, EndpointHealth) -> Void) {
        self.queue = queue
        self.logger = logger
        self.changed = changed
    }

    // MARK: Configuration

    /// Takes over a configuration. Endpoints that stay keep what is known of them.
    func update(_ snapshot: Snapshot) {
        let now = Instant.now()
        var next: [String: WatchedBackend] = [:]
        for resolved in snapshot.backends {
            let backend = backends[resolved.backend.name] ?? WatchedBackend()
            let changes = backend.update(resolved, now: now, random: &random)
            next[resolved.backend.name] = backend
            for change in changes { announce(change, of: backend, now) }
        }
        paused.formIntersection(next.keys)
        for (name, backend) in backends where next[name] == nil { backend.stop() }
        backends = next
        advance(now)
    }

    // MARK: Events

    func judge(_ report: HealthReport) {
        let now = Instant.now()
        if paused.contains(report.backend) { return }
        if report.finding.due > now {
            let wait = Int(clamping: report.finding.due.since(now).count)
            queue.asyncAfter(deadline: .now() + .nanoseconds(wait)) { [weak self] in self?.judge(report) }
            return
        }
        guard let backend = backends[report.backend],
            let change = backend.detection.judge(report.finding, of: report.address, now: now)
        else { return }
        announce(change, of: backend, now)
        arm(now)
    }

    /// Begins or ends leaving a backend alone. Both times what was known of its endpoints is forgotten.
    func setPaused(_ isPaused: Bool, _ name: String) {
        if isPaused { paused.insert(name) } else { paused.remove(name) }
        let now = Instant.now()
        backends[name]?.forget(now: now, random: &random)
        advance(now)
    }

    /// Begins what is due: checks, and requests on trial.
    private func advance(_ now: Instant) {
        for (name, backend) in backends where !paused.contains(name) {
            for change in backend.detection.advance(now: now) { announce(change, of: backend, now) }
            for endpoint in backend.endpoints where endpoint.check?.nextProbe ?? .never <= now {
                probe(endpoint, of: backend, now)
            }
        }
        arm(now)
    }

    private func arm(_ now: Instant) {
        let next = backends.reduce(Instant.never) { earliest, named in
            let (name, backend) = named
            if paused.contains(name) { return earliest }
            let checks = backend.endpoints.compactMap { $0.check?.nextProbe }
            return checks.reduce(min(earliest, backend.detection.nextDeadline), min)
        }
        // An earlier call is on its way already, and will see to the rest.
        guard next < armed else { return }
        armed = next
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: next.since(now).count))) { [weak self] in
            guard let self, armed == next else { return }
            armed = .never
            advance(.now())
        }
    }

    // MARK: Checks

    private func probe(_ endpoint: WatchedEndpoint, of backend: WatchedBackend, _ now: Instant) {
        guard let settings = backend.settings else { return }
        guard let client = controlClient() else {
            // There is no descriptor for it just now, which says nothing about the endpoint.
            endpoint.check?.ask(at: now + settings.interval)
            return
        }
        endpoint.check?.begin(now: now)
        let probe = EndpointProbe(endpoint.resolved, of: backend.configuration, client) {
            [weak self, weak endpoint, weak backend] result in
            guard let self, let endpoint, let backend else { return }
            endpoint.probe = nil
            finish(result, endpoint, of: backend)
            arm(.now())
        }
        endpoint.probe = probe
        probe.start()
    }

    private func controlClient() -> ControlClient? {
        if client == nil { client = ControlClient(label: "sluice.health", answers: queue) }
        return client
    }

    private func finish(_ result: HealthProbeResult, _ endpoint: WatchedEndpoint, of backend: WatchedBackend) {
        let now = Instant.now()
        let (outcome, verdict): (HealthCheckOutcome, ActiveHealth.ProbeResult) =
            switch result {
            case .ready: (.ok, .ok)
            case .notReady: (.notReady, .notReady)
            case .failed(let reason), .unsupported(let reason): (.failed, .failed(reason))
            }
        endpoint.checks.count(outcome)
        endpoint.lastResult = result
        let wasKnown = endpoint.check?.state != .unknown
        guard endpoint.check?.finish(verdict, now: now, random: &random) == true else { return }
        let isUsable = endpoint.check?.state.isUsable ?? true
        // The first good answer only confirms what was assumed.
        if wasKnown || !isUsable { endpoint.checkChanged = wallClockSeconds() }
        endpoint.health.setUnhealthy(!isUsable, now: now)
        let place = backend.text(of: endpoint.resolved.address)
        if isUsable {
            if wasKnown { logger.info("\(place) passes its health check again") }
            if let change = backend.detection.checkPassedAgain(endpoint.resolved.address, now: now) {
                announce(change, of: backend, now)
            }
        } else {
            logger.warning("\(place) fails its health check: \(result.reason)")
        }
        changed(backend.load, endpoint.health)
    }

    // MARK: Changes

    private func announce(
        _ change: OutlierDetection<SocketAddress>.Change, of backend: WatchedBackend, _ now: Instant
    ) {
        let place = backend.text(of: change.endpoint)
        let endpoint = backend.endpoints.first { $0.resolved.address == change.endpoint }
        endpoint?.standingChanged = wallClockSeconds()
        switch change.status.standing {
        case .ejected:
            let reason = change.status.reason.map { "\($0.name)" } ?? "errors"
            let seconds = (change.status.until ?? now).since(now).count / 1_000_000_000
            endpoint?.ejections += 1
            logger.warning("\(place) is left alone for \(seconds) s after failures, the last one: \(reason)")
        case .probing: logger.info("\(place) gets a request on trial")
        case .serving: logger.info("\(place) is used again")
        }
        if let endpoint { changed(backend.load, endpoint.health) }
    }

    // MARK: Drain

    /// Stops or begins sending new requests to an endpoint; what runs there goes on.
    ///
    /// - Returns: false for an endpoint that is not there.
    func setDraining(_ draining: Bool, _ address: String, of name: String) -> Bool {
        guard let backend = backends[name],
            let endpoint = backend.endpoints.first(where: { $0.resolved.address.description == address })
        else { return false }
        guard endpoint.health.isDraining != draining else { return true }
        endpoint.health.setDraining(draining, now: .now())
        endpoint.drainChanged = wallClockSeconds()
        let place = backend.text(of: endpoint.resolved.address)
        logger.info("\(place) \(draining ? "is drained: it gets no new requests" : "is used again")")
        changed(backend.load, endpoint.health)
        return true
    }

    // MARK: What is known

    /// - Returns: `nil` for an endpoint that is not watched.
    func view(of address: SocketAddress, in backend: String) -> EndpointView? {
        guard let watched = backends[backend],
            let endpoint = watched.endpoints.first(where: { $0.resolved.address == address })
        else { return nil }
        return EndpointView(endpoint, watched.detection.status(of: address))
    }
}

extension HealthProbeResult {
    /// A sentence; empty where nothing is wrong.
    var reason: String {
        switch self {
        case .ready: ""
        case .notReady(let reason), .failed(let reason), .unsupported(let reason): reason
        }
    }
}
