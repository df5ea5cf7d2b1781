import API
import Terminal
import Testing

@Suite struct LiveStateTests {
    private static func delta(_ change: (inout Event) -> Void) -> Event {
        var event = Event(sequence: 2, time: "2026-11-22T01:02:04Z")
        change(&event)
        return event
    }

    private static func record(_ id: String) -> RequestRecord {
        RequestRecord(
            time: "", client: "", method: "", path: "", route: "", backend: "", endpoint: "", status: 500, cause: "",
            grpcStatus: nil, requestId: id, traceId: "", traced: false, queue: nil, duration: 0)
    }

    @Test func aDeltaChangesWhatItNames() {
        var state = Gateways.busy()
        let before = state
        state.apply(
            Self.delta { event in
                var traffic = TrafficReport()
                traffic.endpoints = [
                    .init(
                        backend: "stable", address: "10.0.0.8:8000", inFlight: 1, connections: 2, flow: Gateways.flow(5)
                    )
                ]
                traffic.entries = [.init(route: "infer", as: "canary", flow: Gateways.flow(7))]
                event.traffic = traffic
                event.memory = .init(bytes: 9, limitBytes: nil, state: .tight)
            }, isWhole: false)
        #expect(state.endpoints[.init("stable", "10.0.0.8:8000")]?.inFlight == 1)
        #expect(state.endpoints[.init("stable", "10.0.0.7:8000")] == before.endpoints[.init("stable", "10.0.0.7:8000")])
        #expect(state.entries[.init("infer", "canary")]?.flow.rate == 7)
        #expect(state.entries[.init("infer", "stable")] == before.entries[.init("infer", "stable")])
        #expect(state.routes == before.routes)
        #expect(state.mirrors == before.mirrors)
        #expect(state.backends == before.backends)
        #expect(state.listeners == before.listeners)
        #expect(state.status.memory.state == .tight)
        #expect(state.status.routes == before.status.routes)
        #expect(state.time == "2026-11-22T01:02:04Z")
    }

    @Test func namesOfTwoPartsDoNotMix() {
        var state = LiveState(
            Gateways.status(
                routes: [Gateways.route("a", [("b/c", 1)]), Gateways.route("a/b", [("c", 1)])], backends: []))
        state.apply(
            Self.delta { event in
                var traffic = TrafficReport()
                traffic.entries = [
                    .init(route: "a", as: "b/c", flow: Gateways.flow(1)),
                    .init(route: "a/b", as: "c", flow: Gateways.flow(2)),
                ]
                event.traffic = traffic
            }, isWhole: false)
        #expect(state.entries[.init("a", "b/c")]?.flow.rate == 1)
        #expect(state.entries[.init("a/b", "c")]?.flow.rate == 2)
    }

    @Test func aStateTakesThePlaceOfEverything() {
        var state = Gateways.busy()
        let status = Gateways.status(routes: [Gateways.route("new", [("a", 1)])], backends: [])
        state.apply(
            Self.delta {
                $0.status = status
                $0.traffic = TrafficReport()
            }, isWhole: true)
        #expect(state.status == status)
        #expect(state.routes.isEmpty && state.entries.isEmpty && state.mirrors.isEmpty && state.errors.isEmpty)
        #expect(state.endpoints.isEmpty && state.backends.isEmpty && state.listeners.isEmpty)
        #expect(state.trails.keys.sorted() == ["new"])
    }

    @Test func aStatusInAnEventHasNoBytes() {
        var state = Gateways.busy()
        var status = state.status
        status.memory.bytes = 0
        state.apply(Self.delta { $0.status = status }, isWhole: false)
        #expect(state.status.memory.bytes == 43_000_000)
    }

    @Test func whatAReloadTookAwayIsForgotten() {
        var state = Gateways.busy()
        var status = state.status
        status.routes.removeFirst()
        status.backends.removeFirst()
        state.apply(Self.delta { $0.status = status }, isWhole: false)
        #expect(state.routes.keys.sorted() == [""])
        #expect(state.entries.isEmpty && state.mirrors.isEmpty && state.endpoints.isEmpty && state.backends.isEmpty)
        #expect(state.trails["infer"] == nil)
        #expect(state.total?.rate == 2)
    }

    @Test func memoryIsBounded() {
        var state = Gateways.busy()
        for number in 0..<200 {
            state.apply(
                Self.delta { $0.errors = [Self.record("a\(number)"), Self.record("b\(number)")] }, isWhole: false)
        }
        #expect(state.errors.count == LiveState.mostErrors)
        #expect(state.errors.prefix(3).map(\.requestId) == ["b199", "a199", "b198"])
        #expect(state.trails["infer"]?.count == LiveState.longestTrail)
    }

    @Test func numbersOfASplit() {
        let state = Gateways.busy()
        let route = state.status.routes[0]
        #expect(LiveState.wanted(route.backends[0], of: route) == 0.8)
        #expect(abs((state.actual(route.backends[0], of: route) ?? 0) - 0.9) < 1e-9)
        #expect(state.actual(state.status.routes[1].backends[0], of: state.status.routes[1]) == nil)
        #expect(state.total?.rate == 1236)
        #expect(state.connections == 48)
        #expect(state.inFlight == 12)
        #expect(state.queued == 4)
        let idle = Gateways.route("idle", [("a", 0)])
        #expect(LiveState.wanted(idle.backends[0], of: idle) == nil)
        #expect(LiveState(state.status).total == nil)
    }

    @Test func silenceIsAGap() {
        var state = Gateways.busy()
        state.markGap()
        #expect(state.trails["infer"] == [100, 400, 900, 1234, nil])
    }
}
