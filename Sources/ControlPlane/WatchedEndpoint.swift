import Base
import Configuration
import ControlClient
import DataPlane
import EventLoop
import Telemetry
import Traffic

/// One backend as the health monitor knows it.
final class WatchedBackend {
    private(set) var configuration = Backend(name: "")
    private(set) var load = BackendLoad()
    private(set) var endpoints: [WatchedEndpoint] = []
    var detection = OutlierDetection<SocketAddress>()
    /// `nil` where its endpoints are not asked.
    var settings: ActiveHealth.Settings? { configuration.health.map(ActiveHealth.Settings.init) }

    func update(
        _ resolved: ResolvedBackend, now: Instant, random: inout RandomSource
    ) -> [OutlierDetection<SocketAddress>.Change] {
        let isAskedDifferently = !configuration.isAsked(like: resolved.backend)
        configuration = resolved.backend
        load = resolved.load
        let known = endpoints
        endpoints = resolved.endpoints.map { endpoint in
            let watched =
                known.first { $0.health === endpoint.health } ?? WatchedEndpoint(endpoint)
            watched.resolved = endpoint
            if isAskedDifferently { watched.stopProbe(now) }
            watched.update(settings, now: now, random: &random)
            return watched
        }
        for old in known where !endpoints.contains(where: { $0 === old }) { old.stopProbe(now) }
        return detection.update(
            settings: OutlierDetection.Settings(resolved.backend.outlierDetection),
            endpoints: endpoints.map { ($0.resolved.address, $0.health) }, now: now)
    }

    /// An endpoint, as the log calls it.
    func text(of endpoint: SocketAddress) -> String { "endpoint \(endpoint) of backend \(configuration.name)" }

    /// What runs there from now on is another process than before.
    func forget(now: Instant, random: inout RandomSource) {
        for endpoint in endpoints {
            endpoint.stopProbe(now)
            endpoint.check = nil
            endpoint.lastResult = nil
            endpoint.health.setUnhealthy(false, now: now)
            endpoint.update(settings, now: now, random: &random)
        }
        detection.forgetAll(now: now)
    }

    func stop() { for endpoint in endpoints { endpoint.stopProbe(.now()) } }
}

/// One endpoint as the health monitor knows it.
final class WatchedEndpoint {
    var resolved: ResolvedEndpoint
    var check: ActiveHealth?
    var probe: EndpointProbe?
    var lastResult: HealthProbeResult?
    var checks = OutcomeCounts<HealthCheckOutcome>()
    var ejections: UInt64 = 0
    /// On the wall clock, in seconds; `nil` if there was no change.
    var checkChanged: Double?
    var standingChanged: Double?
    var drainChanged: Double?
    var health: EndpointHealth { resolved.health }

    init(_ resolved: ResolvedEndpoint) { self.resolved = resolved }

    func update(_ settings: ActiveHealth.Settings?, now: Instant, random: inout RandomSource) {
        guard let settings else {
            stopProbe(now)
            check = nil
            lastResult = nil
            checkChanged = nil
            // Nobody asks any more, so what was answered last does not count for ever.
            health.setUnhealthy(false, now: now)
            return
        }
        if check == nil {
            check = ActiveHealth(settings: settings, now: now, random: &random)
        } else {
            check?.update(settings: settings, now: now, random: &random)
        }
    }

    /// The answer to a question that nobody asks any more does not count: the next one is asked at once.
    func stopProbe(_ now: Instant) {
        guard let probe else { return }
        probe.cancel()
        self.probe = nil
        check?.ask(at: now)
    }
}

extension Backend {
    /// Whether probes to this backend ask the same question in the same way.
    fileprivate func isAsked(like other: Backend) -> Bool {
        health?.path == other.health?.path && health?.grpc == other.health?.grpc
            && health?.timeout == other.health?.timeout && server == other.server && tls == other.tls
            && `protocol` == other.protocol
    }
}

extension ActiveHealth.Settings {
    init(_ configuration: Backend.HealthCheck) {
        self.init()
        interval = Nanoseconds(configuration.interval)
        timeout = Nanoseconds(configuration.timeout)
        unhealthyThreshold = configuration.unhealthyThreshold
        healthyThreshold = configuration.healthyThreshold
    }
}

extension OutlierDetection.Settings {
    init(_ configuration: Backend.OutlierDetection) {
        self.init()
        consecutiveErrors = configuration.consecutiveErrors
        baseEjectionTime = Nanoseconds(configuration.baseEjectionTime)
        maxEjectionPercent = configuration.maxEjectionPercent
    }
}
