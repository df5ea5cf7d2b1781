package import API
import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
import Glibc
import Synchronization
import Telemetry
import Traffic

extension ControlPlane {
    /// What runs now. `completion` runs on the control queue.
    package func status(completion: @escaping @Sendable (Status) -> Void) {
        queue.async { [self] in completion(currentStatus()) }
    }

    func currentStatus() -> Status {
        Status(
            version: sluiceVersion, processID: getpid(), startedAt: TimeText.seconds(startedAt),
            state: isStopping ? .stopping : isDraining ? .draining : .serving,
            readOnly: snapshot?.gateway.admin?.readOnly ?? false,
            configuration: .init(
                path: path, hash: snapshot?.hash ?? "", lastReload: lastReload.map(Status.Reload.init),
                lastRejected: lastRejected.map(Status.Reload.init)),
            loops: workers.count, memory: memoryStatus(), listeners: listenerStatus(), routes: routeStatus(),
            backends: backendStatus())
    }

    private func memoryStatus() -> Status.Memory {
        let state: Status.Memory.State =
            switch memory.level {
            case .normal, .watched: .normal
            case .tight: .tight
            case .shedding, .closed: .overloaded
            }
        return Status.Memory(bytes: memory.used, limitBytes: memory.limit, state: state)
    }

    private func listenerStatus() -> [Status.Listener] {
        listeners.current.map { listener, address in
            Status.Listener(
                name: listener.name, address: address.description, tls: listener.speaksTLS,
                connections: listener.connections.open.load(ordering: .relaxed))
        }
        .sorted { $0.name < $1.name }
    }

    /// Made once for each configuration: there may be ten thousand routes, and somebody who looks every second.
    private func routeStatus() -> [Status.Route] {
        if let describedRoutes { return describedRoutes }
        let routes = (snapshot?.gateway.routes ?? []).map(Status.Route.init)
        describedRoutes = routes
        return routes
    }

    private func backendStatus() -> [Status.Backend] {
        let now = Instant.now()
        return (snapshot?.backends ?? []).map { resolved in
            let backend = resolved.backend
            var status = Status.Backend(
                name: backend.name, server: backend.server.rawValue, balance: backend.balance.summary,
                inFlight: resolved.load.inFlight.load(ordering: .relaxed),
                queued: resolved.load.queued.load(ordering: .relaxed),
                endpoints: resolved.endpoints.map { endpoint in
                    let sum = modelSum(of: endpoint, now)
                    return Status.Endpoint(endpoint, health.view(of: endpoint.address, in: backend.name), sum)
                })
            if let expected = expectedTimes.ofBusiestModel(backend.name, now) {
                status.expectedModel = expected.model
                for (index, time) in expected.times.enumerated() { time?.fill(&status.endpoints[index]) }
            }
            status.activation = activations.status(of: backend.name)
            return status
        }
    }
}

extension Status.Reload {
    package init(_ report: ReloadReport) {
        self.init(
            outcome: report.outcome.name, time: TimeText.seconds(report.time), message: report.message,
            diagnostics: report.diagnostics)
    }
}

extension Status.Route {
    fileprivate init(_ route: Route) {
        let action: Action =
            switch route.action {
            case .forward: .forward
            case .redirect: .redirect
            case .respond: .respond
            }
        self.init(
            name: route.name, action: action, hosts: route.hosts, matches: route.match.map(\.summary),
            backends: (route.forward?.backends ?? []).map {
                Entry(as: $0.label, backend: $0.backend, weight: $0.weight, model: $0.model, version: $0.version)
            },
            mirrors: (route.forward?.mirrors ?? []).map { Mirror(backend: $0.backend, percent: $0.percent) },
            policies: route.policyKeys)
    }
}

extension Status.Endpoint {
    fileprivate init(_ endpoint: ResolvedEndpoint, _ view: EndpointView?, _ models: ModelSum?) {
        self.init(address: endpoint.address.description, weight: endpoint.weight, state: view?.state ?? .up)
        pod = endpoint.pod?.name
        inFlight = endpoint.load.inFlight.load(ordering: .relaxed)
        connections = endpoint.load.connections.load(ordering: .relaxed)
        reason = view?.reason
        detail = view?.detail
        changed = view?.changed.map(TimeText.seconds)
        consecutiveErrors = view?.consecutiveErrors ?? 0
        ejections = view?.ejections ?? 0
        queueMilliseconds = models?.queueMilliseconds
        pending = models?.pendingRequests
    }
}
