import Base
import Configuration
import DataPlane
import EventLoop
import Foundation
import Synchronization
import Telemetry
import Traffic

extension ControlPlane {
    /// What runs now, as JSON. `completion` runs on the control queue.
    package func status(completion: @escaping @Sendable ([UInt8]) -> Void) {
        queue.async { [self] in completion(Self.encode(currentStatus())) }
    }

    /// A reload's report as JSON.
    package static func json(_ report: ReloadReport) -> [UInt8] { encode(Status.Reload(report)) }

    private static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return Array("{}".utf8) }
        return Array(data) + [0x0A]
    }

    private func currentStatus() -> Status {
        Status(
            version: sluiceVersion, processID: getpid(), startedAt: Status.text(startedAt),
            state: isStopping ? "stopping" : isDraining ? "draining" : "serving",
            configuration: .init(
                path: path, hash: snapshot?.hash ?? "", lastReload: lastReload.map(Status.Reload.init)),
            loops: workers.count, memory: memoryStatus(), listeners: listenerStatus(), routes: routeStatus(),
            backends: backendStatus())
    }

    private func memoryStatus() -> Status.Memory {
        let state =
            switch memory.level {
            case .normal, .watched: "normal"
            case .tight: "tight"
            case .shedding, .closed: "overloaded"
            }
        return Status.Memory(bytes: memory.used, limitBytes: memory.limit, state: state)
    }

    private func listenerStatus() -> [Status.Listener] {
        listeners.current.map { listener, address in
            Status.Listener(
                name: listener.name, address: address.description,
                connections: listener.connections.open.load(ordering: .relaxed))
        }
        .sorted { $0.name < $1.name }
    }

    private func routeStatus() -> [Status.Route] {
        (snapshot?.gateway.routes ?? []).map { route in
            guard case .forward(let forward) = route.action else {
                return Status.Route(name: route.name, backends: [], mirrors: [])
            }
            return Status.Route(
                name: route.name,
                backends: forward.backends.map { .init(as: $0.label, backend: $0.backend, weight: $0.weight) },
                mirrors: forward.mirrors.map { .init(backend: $0.backend, percent: $0.percent) })
        }
    }

    private func backendStatus() -> [Status.Backend] {
        (snapshot?.backends ?? []).map { resolved in
            Status.Backend(
                name: resolved.backend.name, inFlight: resolved.load.inFlight.load(ordering: .relaxed),
                queued: resolved.load.queued.load(ordering: .relaxed),
                endpoints: resolved.endpoints.map { endpoint in
                    Status.Backend.Endpoint(endpoint, health.view(of: endpoint.address, in: resolved.backend.name))
                })
        }
    }
}

/// The answer of `/api/v1/status`.
private struct Status: Encodable {
    var version: String
    var processID: Int32
    var startedAt: String
    /// serving, draining or stopping
    var state: String
    var configuration: Configuration
    var loops: Int
    var memory: Memory
    var listeners: [Listener]
    var routes: [Route]
    var backends: [Backend]

    struct Configuration: Encodable {
        var path: String
        var hash: String
        var lastReload: Reload?
    }

    struct Reload: Encodable {
        var outcome: String
        var time: String
        var message: String
        var diagnostics: [String]

        init(_ report: ReloadReport) {
            outcome = report.outcome.name
            time = Status.text(report.time)
            message = report.message
            diagnostics = report.diagnostics
        }
    }

    struct Memory: Encodable {
        var bytes: Int
        /// Absent where there is none.
        var limitBytes: Int?
        /// normal, tight (mirrors are dropped) or overloaded (new requests are refused)
        var state: String
    }

    struct Listener: Encodable {
        var name: String
        var address: String
        var connections: Int
    }

    struct Route: Encodable {
        struct Entry: Encodable {
            var `as`: String
            var backend: String
            var weight: Int
        }

        struct Mirror: Encodable {
            var backend: String
            var percent: Double
        }

        var name: String
        var backends: [Entry]
        var mirrors: [Mirror]
    }

    struct Backend: Encodable {
        struct Endpoint: Encodable {
            var address: String
            var weight: Int
            var inFlight: Int
            var connections: Int
            /// up, unhealthy, ejected, probing or draining
            var state: String
            /// Why it is, or last was, not up.
            var reason: String?
            /// What its health check said.
            var detail: String?
            /// Of the last change of `state`.
            var changed: String?
            var consecutiveErrors: Int
            var ejections: UInt64

            init(_ endpoint: ResolvedEndpoint, _ view: EndpointView?) {
                address = endpoint.address.description
                weight = endpoint.weight
                inFlight = endpoint.load.inFlight.load(ordering: .relaxed)
                connections = endpoint.load.connections.load(ordering: .relaxed)
                state = (view?.state ?? .up).rawValue
                reason = view?.reason
                detail = view?.detail
                changed = view?.changed.map(Status.text)
                consecutiveErrors = view?.consecutiveErrors ?? 0
                ejections = view?.ejections ?? 0
            }
        }

        var name: String
        var inFlight: Int
        var queued: Int
        var endpoints: [Endpoint]
    }

    /// RFC 3339, UTC.
    static func text(_ time: Double) -> String { Date(timeIntervalSince1970: time).ISO8601Format() }
}
