import API

@testable import Terminal

/// States to be shown.
enum Gateways {
    /// Seconds since 1970 of 2026-11-22T01:02:03Z.
    static let now = 1_795_309_323.0

    static func status(routes: [Status.Route], backends: [Status.Backend]) -> Status {
        Status(
            version: "0.1.0", processID: 4711, startedAt: "2026-11-21T22:50:03Z", state: .serving, readOnly: false,
            configuration: .init(
                path: "/etc/sluice/sluice.yaml", hash: "3f2a91b0",
                lastReload: .init(outcome: "applied", time: "2026-11-22T01:00:00Z", message: "", diagnostics: []),
                lastRejected: nil),
            loops: 2, memory: .init(bytes: 43_000_000, limitBytes: 1 << 30, state: .normal),
            listeners: [.init(name: "public", address: "0.0.0.0:8080", tls: false, connections: 0)], routes: routes,
            backends: backends)
    }

    static func route(_ name: String, _ entries: [(String, Int)], mirrors: [Status.Route.Mirror] = []) -> Status.Route {
        Status.Route(
            name: name, action: .forward, hosts: [], matches: [],
            backends: entries.map { .init(as: $0.0, backend: $0.0, weight: $0.1) }, mirrors: mirrors, policies: [])
    }

    static func backend(_ name: String, _ endpoints: [Status.Endpoint]) -> Status.Backend {
        Status.Backend(
            name: name, server: "triton", balance: "leastRequest", inFlight: 0, queued: 0, endpoints: endpoints)
    }

    static func flow(_ rate: Double, errors: Double = 0, p50: Double? = nil, p99: Double? = nil, queue: Double? = nil)
        -> Flow
    {
        var flow = Flow()
        (flow.rate, flow.errors, flow.p50, flow.p99, flow.queue) = (rate, errors, p50, p99, queue)
        return flow
    }

    /// A canary that fails now and then, an endpoint that is down, a mirror that drops, a reload that was rejected.
    static func busy() -> LiveState {
        var down = Status.Endpoint(address: "10.0.0.9:8000", weight: 1, state: .unhealthy)
        (down.reason, down.detail) = ("connect_failed", "10.0.0.9:8000 does not accept connections: connection refused")
        var redirect = route("old", [])
        redirect.action = .redirect
        var status = status(
            routes: [
                route("infer", [("stable", 80), ("canary", 20)], mirrors: [.init(backend: "shadow", percent: 12.5)]),
                route("gold", [("stable", 1)]), redirect,
            ],
            backends: [
                backend(
                    "stable",
                    [
                        .init(address: "10.0.0.7:8000", weight: 1, state: .up),
                        .init(address: "10.0.0.8:8000", weight: 3, state: .up),
                    ]),
                backend("canary", [down]),
                backend("shadow", [.init(address: "10.0.1.7:8000", weight: 1, state: .draining)]),
            ])
        status.configuration.lastReload = .init(
            outcome: "rejected", time: "2026-11-22T01:01:30Z", message: "the configuration is invalid", diagnostics: [])
        status.configuration.lastRejected = .init(
            outcome: "rejected", time: "2026-11-22T01:01:30Z", message: "the configuration is invalid",
            diagnostics: (1...5).map { "sluice.yaml:\($0):3: error: unknown key 'wieght', write 'weight'" })
        var state = LiveState(status)
        for rate in [100.0, 400, 900, 1234] { state.apply(event(status, rate), isWhole: rate == 100) }
        return state
    }

    private static func event(_ status: Status, _ rate: Double) -> Event {
        var event = Event(sequence: 1, time: "2026-11-22T01:02:03Z")
        event.status = status
        var traffic = TrafficReport()
        traffic.listeners = [.init(name: "public", connections: 48, http2Connections: 8, flow: flow(rate))]
        traffic.routes = [
            .init(
                name: "infer", flow: flow(rate, errors: rate / 200, p50: 0.0034, p99: 0.012, queue: 0.000_2),
                listeners: [:]),
            .init(name: "", flow: flow(2, errors: 2), listeners: [:]),
        ]
        traffic.entries = [
            .init(route: "infer", as: "stable", flow: flow(rate * 0.9, p50: 0.003, p99: 0.01)),
            .init(route: "infer", as: "canary", flow: flow(rate * 0.1, errors: rate / 200, p50: 0.02, p99: 1.5)),
        ]
        traffic.mirrors = [.init(route: "infer", backend: "shadow", rate: 120, outcomes: ["ok": 117, "dropped": 3])]
        traffic.backends = [.init(name: "stable", inFlight: 12, queued: 4)]
        traffic.endpoints = [
            .init(
                backend: "stable", address: "10.0.0.7:8000", inFlight: 3, connections: 16,
                flow: flow(rate / 4, p50: 0.003)),
            .init(backend: "stable", address: "10.0.0.8:8000", inFlight: 9, connections: 40, flow: flow(rate * 0.65)),
        ]
        event.traffic = traffic
        event.errors = [
            RequestRecord(
                time: "2026-11-22T01:02:02Z", client: "10.1.1.1", method: "POST", path: "/v2/models/m/infer",
                route: "infer",
                backend: "canary", endpoint: "10.0.0.9:8000", status: 502, cause: "connect_failed", grpcStatus: nil,
                requestId: "r-\(Int(rate))", traceId: "4bf92f3577b34da6a3ce929d0e0e4736", traced: true, queue: 0,
                duration: 0.1)
        ]
        return event
    }
}
