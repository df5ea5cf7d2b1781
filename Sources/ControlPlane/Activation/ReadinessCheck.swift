import Base
import Configuration
import ControlClient
import DataPlane
import EventLoop
import Models

/// Whether one of a backend's endpoints takes requests, models included: asked while it starts, and once before it is started.
///
/// Unchecked: used on the control queue, which is the client's for answers too.
final class ReadinessCheck: @unchecked Sendable {
    enum Result: Equatable {
        case ready
        case notYet
        /// It will not become ready, and says why.
        case failed(String)
    }

    /// Pods of a Deployment that has just come back; more are not asked at a time.
    private static let mostEndpoints = 8
    /// For the list of models.
    private static let timeout = Duration.seconds(2)

    private let backend: Backend
    private let client: ControlClient
    private let completion: (Result) -> Void
    private var probes: [EndpointProbe] = []
    private var left = 0
    private var isDone = false

    /// - Parameter completion: called once on the client's queue, unless it is cancelled.
    init(
        _ endpoints: [ResolvedEndpoint], of backend: Backend, _ client: ControlClient,
        completion: @escaping (Result) -> Void
    ) {
        self.backend = backend
        self.client = client
        self.completion = completion
        let asked = endpoints.prefix(Self.mostEndpoints)
        left = asked.count
        probes = asked.map { endpoint in
            EndpointProbe(endpoint, of: backend, client) { [weak self] in self?.probed($0, endpoint) }
        }
    }

    func start() {
        guard !probes.isEmpty else {
            finish(.notYet)
            return
        }
        for probe in probes { probe.start() }
    }

    func cancel() {
        isDone = true
        for probe in probes { probe.cancel() }
    }

    private func finish(_ result: Result) {
        guard !isDone else { return }
        cancel()
        completion(result)
    }

    /// The first endpoint that takes requests is enough; one that says that it will not is heard when no other does.
    private func endpointDone(_ result: Result) {
        left -= 1
        if result == .ready || left == 0 { finish(result) }
    }

    private func probed(_ result: HealthProbeResult, _ endpoint: ResolvedEndpoint) {
        guard !isDone else { return }
        switch result {
        case .ready where backend.server == .triton, .notReady where backend.server == .triton:
            askForModels(endpoint, isReady: result == .ready)
        case .ready: endpointDone(.ready)
        case .notReady, .failed, .unsupported: endpointDone(.notYet)
        }
    }

    /// A server may take requests before its models do, and say that it is not ready because one of them never will be.
    private func askForModels(_ endpoint: ResolvedEndpoint, isReady: Bool) {
        let request = ControlClient.Request.repositoryIndex(of: endpoint, of: backend, timeout: Self.timeout)
        client.send(request) { [self] result in
            guard !isDone else { return }
            // A server that lists no models is believed as it is.
            guard case .success(let index) = result.read(from: request.address, RepositoryIndex.init) else {
                endpointDone(isReady ? .ready : .notYet)
                return
            }
            endpointDone(Self.judge(index.models, isReady: isReady))
        }
    }

    static func judge(_ models: [RepositoryIndex.Model], isReady: Bool) -> Result {
        if models.contains(where: { $0.state == "LOADING" }) { return .notYet }
        if isReady { return .ready }
        let failed = models.first { $0.state == "UNAVAILABLE" && $0.reason != nil && $0.reason != "unloaded" }
        guard let failed, let reason = failed.reason else { return .notYet }
        return .failed("model \(failed.name) failed to load: \(reason)")
    }
}
