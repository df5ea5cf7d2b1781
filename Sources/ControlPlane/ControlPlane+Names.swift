import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
import Logging
import TLS

/// Endpoints come and go as their names and Services say, under the configuration that runs.
extension ControlPlane {
    /// How long the start waits for names and Services: a backend that begins empty answers 503, and a lost packet is repeated after 5 s
    /// (resolv.conf(5)).
    static let startPatience = Nanoseconds.seconds(6)
    /// How long a reload waits for those it has not known before. Those that come later are applied then.
    static let reloadPatience = Nanoseconds.seconds(1)
    /// Answers that come close together are applied together.
    private static let gatherTime = DispatchTimeInterval.milliseconds(20)

    /// Looks after what these configurations name, and nothing else.
    func follow(_ gateways: [Gateway]) {
        names.use(gateways.reduce(into: []) { $0.formUnion(EndpointResolution.names(of: $1)) })
        cluster.use(
            gateways.reduce(into: []) { $0.formUnion(EndpointResolution.services(of: $1)) },
            podsOf: gateways.reduce(into: []) { $0.formUnion($1.scaledNamespaces) })
    }

    /// Calls `done` on the control queue when everything that they name is known, or after `patience`.
    func settle(_ gateways: [Gateway], patience: Nanoseconds, refreshing: Bool, done: @escaping () -> Void) {
        follow(gateways)
        let end = Instant.now() + patience
        names.settle(patience: patience, refreshing: refreshing) { [self] in
            cluster.settle(patience: end.since(.now()), done: done)
        }
    }

    /// What is known now.
    func found(for gateway: Gateway) -> [BackendAddresses] {
        EndpointResolution.addresses(of: gateway, names.addresses, cluster.pods)
    }

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
        gpus.use(EndpointResolution.exporters(of: snapshot.gateway, names.addresses))
        let found = found(for: snapshot.gateway)
        guard found != addresses else { return }
        do throws(TLSConfigurationError) {
            let tls = try registry.prepareTLS(snapshot.gateway)
            run(snapshot.gateway, hash: snapshot.hash, found, tls: tls, log: logWriter)
        } catch {
            logger.error("changed addresses were not applied: \(error.message)")
        }
    }
}

extension Gateway {
    /// The namespaces whose pods somebody scales by what is served here: their labels have to be known.
    fileprivate var scaledNamespaces: Set<String> {
        guard let customMetrics else { return [] }
        var namespaces = Set(backends.flatMap(\.services).map(\.namespace))
        if backends.contains(where: { $0.endpoints.contains { $0.pod != nil } }) {
            namespaces.insert(customMetrics.namespace)
        }
        return namespaces
    }
}
