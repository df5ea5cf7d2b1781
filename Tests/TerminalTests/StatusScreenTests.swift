import API
import Glibc
import Terminal
import Testing

/// Whole screens, as they are. `SLUICE_PRINT=1 swift test --filter StatusScreenTests` writes them anew, to be looked at.
@Suite struct StatusScreenTests {
    private static func text(_ screen: StatusScreen, _ state: LiveState) -> String {
        screen.lines(state).map { $0.text(coloured: false) + "\n" }.joined()
    }

    private static func screen(_ width: Int?, _ height: Int?) -> StatusScreen {
        StatusScreen(source: "http://127.0.0.1:9901", now: Gateways.now, width: width, height: height)
    }

    private static func check(_ text: String, _ name: String, file: String = #filePath) throws {
        let path = file.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/screens/\(name).txt"
        if getenv("SLUICE_PRINT") != nil {
            let handle = try #require(fopen(path, "w"))
            fputs(text, handle)
            fclose(handle)
        }
        let handle = try #require(fopen(path, "r"), "there is no \(path)")
        defer { fclose(handle) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, handle))
        #expect(text == String(decoding: bytes, as: UTF8.self), "\(name)")
    }

    @Test(arguments: [(80, 24), (200, 60), (40, 10), (120, 30)]) func fitsTheTerminal(_ width: Int, _ height: Int)
        throws
    {
        try Self.check(Self.text(Self.screen(width, height), Gateways.busy()), "busy-\(width)x\(height)")
    }

    @Test func isWholeWithoutATerminal() throws {
        try Self.check(Self.text(Self.screen(nil, nil), Gateways.busy()), "busy")
    }

    @Test func knowsNothingOfRatesWithoutEvents() throws {
        let state = LiveState(Gateways.busy().status)
        try Self.check(Self.text(Self.screen(80, nil), state), "still")
    }

    /// Columns for the queues inside model servers are there as soon as one of them tells.
    @Test func showsTheQueuesOfModels() throws {
        var status = Gateways.busy().status
        status.backends[0].endpoints[0].queueMilliseconds = 12.3
        status.backends[0].endpoints[0].pending = 4
        var state = LiveState(status)
        try Self.check(Self.text(Self.screen(nil, nil), state), "models")
        var event = Event(sequence: 1, time: "2026-11-22T01:02:03Z")
        var traffic = TrafficReport()
        traffic.endpoints = [
            .init(backend: "stable", address: "10.0.0.7:8000", inFlight: 1, connections: 1, flow: Flow())
        ]
        traffic.endpoints[0].pending = 77
        event.traffic = traffic
        state.apply(event, isWhole: false)
        let text = Self.text(Self.screen(nil, nil), state)
        #expect(text.contains(" 77 ") && !text.contains("12 ms"))
    }

    /// Where requests are balanced by time: which model it is about, the times, and where there are none.
    @Test func showsWhatRequestsAreBalancedBy() throws {
        var status = Gateways.busy().status
        status.backends[0].balance = "leastQueue"
        status.backends[0].endpoints.append(.init(address: "10.0.0.6:8000", weight: 1, state: .up))
        status.backends[2].balance = "leastQueue"
        status.backends[0].expectedModel = "densenet_onnx"
        status.backends[0].endpoints[0].expectedMilliseconds = 42.4
        status.backends[0].endpoints[1].expectedMilliseconds = 14.1
        status.backends[0].endpoints[1].expectedLikeOthers = true
        var state = LiveState(status)
        try Self.check(Self.text(Self.screen(nil, nil), state), "expected")
        var event = Event(sequence: 1, time: "2026-11-22T01:02:03Z")
        var traffic = TrafficReport()
        traffic.backends = [.init(name: "stable", inFlight: 0, queued: 0)]
        traffic.backends[0].expectedModel = "other"
        traffic.endpoints = [
            .init(backend: "stable", address: "10.0.0.7:8000", inFlight: 1, connections: 1, flow: Flow())
        ]
        traffic.endpoints[0].expectedMilliseconds = 7
        event.traffic = traffic
        state.apply(event, isWhole: false)
        let text = Self.text(Self.screen(nil, nil), state)
        #expect(text.contains(" 7.0 ms") && text.contains(" other") && !text.contains("42 ms"))
    }

    @Test func saysWhatIsHidden() throws {
        var endpoints = (0..<30).map { Status.Endpoint(address: "10.0.0.\($0):8000", weight: 1, state: .up) }
        endpoints[29].state = .ejected
        let routes = (0..<40).map { Gateways.route("route-\($0)", [("main", 1)]) }
        let state = LiveState(Gateways.status(routes: routes, backends: [Gateways.backend("main", endpoints)]))
        var screen = Self.screen(60, 20)
        screen.notice = StyledLine("connection lost 3s ago: 127.0.0.1:9901 does not accept connections", .bad)
        try Self.check(Self.text(screen, state), "hidden")
    }

    @Test func noSizeIsTooSmallOrTooLarge() {
        let state = Gateways.busy()
        for width in [0, 1, 2, 7, 19, 33, 61, 99, 150, 500] {
            for height in [0, 1, 2, 3, 5, 8, 13, 21, 100] {
                let lines = Self.screen(width, height).lines(state)
                #expect(lines.count <= height && lines.allSatisfy { $0.width <= width }, "\(width)x\(height)")
            }
        }
    }

    /// Whatever a route is called, the terminal shows it and does nothing else.
    @Test func hostileNamesStayText() throws {
        let names = [
            "\u{1B}[2J\u{1B}]0;owned\u{7}", "a\r\nb", "\u{202E}txet", "模型-🚀", "\u{9B}31m",
            String(repeating: "x", count: 300),
            "e" + String(repeating: "\u{301}", count: 40), "",
        ]
        var endpoint = Status.Endpoint(address: "\u{1B}[31m", weight: 1, state: .unhealthy)
        endpoint.reason = "\u{7}"
        endpoint.detail = "\u{1B}c\n\n\n"
        var status = Gateways.status(
            routes: names.map { Gateways.route($0, [($0, 1), ("b", 0)], mirrors: [.init(backend: $0, percent: 5)]) },
            backends: names.map { Gateways.backend($0, [endpoint]) })
        status.version = "\u{1B}[5m"
        status.configuration.path = "\u{1B}[5m"
        status.configuration.lastRejected = .init(
            outcome: "rejected", time: "\u{1B}", message: "\u{1B}", diagnostics: ["\n"])
        status.startedAt = "\u{1B}"
        let state = LiveState(status)
        for width in [nil, 80, 40] {
            let lines = Self.screen(width, nil).lines(state)
            for line in lines {
                let bytes = line.text(coloured: false).unicodeScalars
                #expect(bytes.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F ~= $0.value) && $0.value != 0x202E })
                if let width { #expect(line.width <= width) }
            }
        }
        try Self.check(Self.text(Self.screen(80, nil), state), "hostile")
    }

    /// Numbers come over the network.
    @Test func noNumberTraps() {
        var state = Gateways.busy()
        var event = Event(sequence: .max, time: "")
        var traffic = TrafficReport()
        for value in [Int.max, .min] {
            for number in [1e308, -1e308, .infinity, .nan] {
                let flow = Gateways.flow(number, errors: number, p50: number, p99: number, queue: number)
                traffic.routes = [
                    .init(name: "infer", flow: flow, listeners: [:]), .init(name: "", flow: flow, listeners: [:]),
                ]
                traffic.entries = [.init(route: "infer", as: "stable", flow: flow)]
                traffic.mirrors = [.init(route: "infer", backend: "shadow", rate: number, outcomes: ["error": number])]
                traffic.backends = [
                    .init(name: "stable", inFlight: value, queued: value),
                    .init(name: "canary", inFlight: value, queued: value),
                ]
                traffic.endpoints = [
                    .init(backend: "stable", address: "10.0.0.7:8000", inFlight: value, connections: value, flow: flow)
                ]
                event.traffic = traffic
                event.memory = .init(bytes: value, limitBytes: value, state: .overloaded)
                var status = state.status
                status.routes[0].backends[0].weight = value
                status.routes[0].backends[1].weight = value
                event.status = status
                state.apply(event, isWhole: false)
                #expect(!Self.screen(80, 24).lines(state).isEmpty)
            }
        }
    }
}
