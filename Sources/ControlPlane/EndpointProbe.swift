import Base
import Configuration
import ControlClient
import DataPlane
import EventLoop
import TLS

/// One look at one endpoint: over HTTP, over gRPC, or both, one after the other.
///
/// Unchecked: used on the control queue only, which is the client's for answers too.
final class EndpointProbe: @unchecked Sendable {
    private let probes: [HealthProbe]
    /// A server that does not know `grpc.health.v1` may be ready nevertheless.
    private let excusesUnknownService: Bool
    private let client: ControlClient
    private let completion: (HealthProbeResult) -> Void
    private var call: ControlClient.Call?
    private var isCancelled = false

    /// - Parameter completion: called once on the client's queue, unless it is cancelled.
    init(
        _ endpoint: ResolvedEndpoint, of backend: Backend, _ client: ControlClient,
        completion: @escaping (HealthProbeResult) -> Void
    ) {
        self.client = client
        self.completion = completion
        let health = backend.health ?? Backend.HealthCheck()
        excusesUnknownService = health.grpc == nil
        let tls = backend.tls(at: endpoint)
        func probe(_ check: HealthProbe.Check, at address: SocketAddress) -> HealthProbe {
            var probe = HealthProbe(
                check, at: ControlClient.Address(address), tls: tls, protocol: backend.protocol, timeout: health.timeout
            )
            probe.reusesConnection = backend.keepsCallConnections
            return probe
        }
        let asksGRPCOnly = health.grpc == true && endpoint.grpcAddress == nil
        var probes = [
            probe(
                .preset(for: backend.server, path: health.path, grpc: asksGRPCOnly), at: endpoint.address)
        ]
        if let address = endpoint.grpcAddress, health.grpc != false {
            probes.append(probe(.grpc(service: ""), at: address))
        }
        self.probes = probes
    }

    func start() { ask(0) }

    private func ask(_ index: Int) {
        call = probes[index].run(with: client) { [self] result in
            guard !isCancelled else { return }
            var result = result
            if excusesUnknownService, case .unsupported = result { result = .ready }
            guard result == .ready, index + 1 < probes.count else {
                completion(result)
                return
            }
            ask(index + 1)
        }
    }

    func cancel() {
        isCancelled = true
        call?.cancel()
    }
}
