import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
import Logging
import TLS

/// Endpoints come and go as their names say, under the configuration that runs.
extension ControlPlane {
    /// How long the start waits for names: a backend that begins empty answers 503, and a lost packet is repeated after 5 s
    /// (resolv.conf(5)).
    static let startPatience = Nanoseconds.seconds(6)
    /// How long a reload waits for names it has not known before. Those that come later are applied then.
    static let reloadPatience = Nanoseconds.seconds(1)
    /// Answers that come close together are applied together.
    private static let gatherTime = DispatchTimeInterval.milliseconds(20)

    func namesChanged() {
        // Before the start and during a reload what is known then is applied with it.
        guard snapshot != nil, !areNamesScheduled else { return }
        areNamesScheduled = true
        queue.asyncAfter(deadline: .now() + Self.gatherTime) { [self] in
            areNamesScheduled = false
            followNames()
        }
    }

    private func followNames() {
        guard let snapshot else { return }
        let found = EndpointResolution.addresses(of: snapshot.gateway, names.addresses)
        guard found != addresses else { return }
        do throws(TLSConfigurationError) {
            let tls = try registry.prepareTLS(snapshot.gateway)
            run(snapshot.gateway, hash: snapshot.hash, found, tls: tls, log: logWriter)
        } catch {
            logger.error("changed addresses were not applied: \(error.message)")
        }
    }
}
