import API
import ControlClient
import DataPlane
import EventLoop
import Telemetry
import Traffic

/// What status and metrics tell about an endpoint's health.
struct EndpointView {
    typealias State = Status.Endpoint.State

    var state: State
    /// Why it is, or last was, out: a word. `nil` if it never was.
    var reason: String?
    /// The same as a sentence, where there is one.
    var detail: String?
    /// Of the last change, on the wall clock in seconds; `nil` if there was none.
    var changed: Double?
    var consecutiveErrors: Int
    var ejections: UInt64
    /// `nil` where it is not asked.
    var checks: OutcomeCounts<HealthCheckOutcome>?

    init(_ endpoint: WatchedEndpoint, _ outlier: OutlierDetection<SocketAddress>.Status?) {
        let health = endpoint.health
        consecutiveErrors = health.consecutiveErrors
        ejections = endpoint.ejections
        checks = endpoint.check == nil ? nil : endpoint.checks
        let checkReason: String? =
            switch endpoint.check?.state {
            case .unhealthy(.notReady): HealthCheckOutcome.notReady.name
            case .unhealthy: HealthCheckOutcome.failed.name
            default: nil
            }
        let times = [endpoint.checkChanged, endpoint.standingChanged, endpoint.drainChanged].compactMap { $0 }
        changed = times.max()
        if health.isDraining {
            state = .draining
            reason = "draining"
        } else if health.isUnhealthy {
            state = .unhealthy
            reason = checkReason
            detail = endpoint.lastResult?.reason
        } else {
            state =
                switch health.standing {
                case .serving: .up
                case .ejected: .ejected
                case .probing: .probing
                }
            reason = outlier?.reason.map { "\($0.name)" }
        }
    }

    /// Whether requests are sent there.
    var isUp: Bool { state == .up }
}
