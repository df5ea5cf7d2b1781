import API
import Base
import Observation
import Telemetry
import Testing

@Suite struct TrafficMeterTests {
    private let entry = HistorySubject.entry(route: "r", as: "stable")

    @Test func ratesAreOverTheLastInterval() throws {
        var meter = TrafficMeter(start: .at(0))
        var counters = FlowCounters()
        for index in 0..<20 { counters.record(duration: 2_000_000, isError: index < 5) }
        var changes = meter.observe(Sample([entry: counters]), at: .at(2))
        #expect(changes.entry("r", "stable")?.flow.rate == 10)
        #expect(changes.entry("r", "stable")?.flow.errors == 2.5)
        #expect(changes.route("r")?.flow == changes.entry("r", "stable")?.flow)
        changes = meter.observe(Sample(), at: .at(3))
        let flow = try #require(changes.route("r")?.flow)
        #expect(flow.rate == 0)
        // There were some lately.
        #expect(flow.p50.map { $0 > 0.001 && $0 <= 0.0025 } == true)
    }

    @Test func percentilesForgetAfterTenSeconds() {
        var meter = TrafficMeter(start: .at(0))
        var counters = FlowCounters()
        counters.record(duration: 2_000_000, isError: false)
        counters.queue.record(nanoseconds: 1_000_000)
        _ = meter.observe(Sample([entry: counters]), at: .at(1))
        for second in 2...8 {
            _ = meter.observe(Sample(), at: .at(Double(second)))
            #expect(meter.report.route("r")?.flow.p99 != nil)
            #expect(meter.report.route("r")?.flow.queue == 0.001)
        }
        for second in 9...13 { _ = meter.observe(Sample(), at: .at(Double(second))) }
        #expect(meter.report.route("r")?.flow == Flow())
        #expect(meter.observe(Sample(), at: .at(14)).isEmpty)
    }

    @Test func countersThatGoBackBeginAgain() {
        var meter = TrafficMeter(start: .at(0))
        var counters = FlowCounters()
        for _ in 0..<100 { counters.record(duration: 1000, isError: true) }
        _ = meter.observe(Sample([entry: counters]), at: .at(1))
        counters = FlowCounters()
        for _ in 0..<3 { counters.record(duration: 1000, isError: false) }
        let flow = meter.observe(Sample([entry: counters]), at: .at(2)).route("r")?.flow
        #expect(flow?.rate == 3)
        #expect(flow?.errors == 0)
    }

    @Test func whatIsForgottenBeginsAgain() {
        var meter = TrafficMeter(start: .at(0))
        var counters = FlowCounters()
        for _ in 0..<100 { counters.record(duration: 1000, isError: false) }
        _ = meter.observe(Sample([entry: counters]), at: .at(1))
        meter.keep { $0 != entry && $0 != .route("r") }
        #expect(meter.report.routes.isEmpty)
        let flow = meter.observe(Sample([entry: counters]), at: .at(2)).route("r")?.flow
        #expect(flow?.rate == 100)
    }

    @Test func loopsAddUp() {
        var meter = TrafficMeter(start: .at(0))
        var counters = FlowCounters()
        for _ in 0..<10 { counters.record(duration: 1000, isError: false) }
        var sample = Sample()
        sample.readings = (0..<4).map { .init(loop: $0, subject: entry, counters: counters) }
        sample.links = (0..<4).map { .init(loop: $0, route: "r", listener: "web", requests: 10) }
        _ = meter.observe(sample, at: .at(1))
        #expect(meter.report.route("r")?.flow.rate == 40)
        #expect(meter.report.route("r")?.listeners == ["web": 40])
        // Only one of them has anything new.
        counters.record(duration: 1000, isError: false)
        sample.readings = [.init(loop: 2, subject: entry, counters: counters)]
        sample.links = [.init(loop: 2, route: "r", listener: "web", requests: 11)]
        _ = meter.observe(sample, at: .at(2))
        #expect(meter.report.route("r")?.flow.rate == 1)
        #expect(meter.report.route("r")?.listeners == ["web": 1])
        _ = meter.observe(Sample(), at: .at(3))
        #expect(meter.report.route("r")?.listeners == [:])
    }

    @Test func mirrorsAreToldByOutcome() {
        var meter = TrafficMeter(start: .at(0))
        var outcomes = OutcomeCounts<MirrorOutcome>()
        for _ in 0..<6 { outcomes.count(.ok) }
        for _ in 0..<2 { outcomes.count(.dropped) }
        var sample = Sample()
        sample.mirrors = [.init(loop: 0, route: "r", backend: "shadow", outcomes: outcomes)]
        let mirror = meter.observe(sample, at: .at(2)).mirrors.first
        #expect(mirror?.rate == 4)
        #expect(mirror?.outcomes == ["ok": 3, "dropped": 1])
        #expect(meter.observe(Sample(), at: .at(3)).mirrors.first?.rate == 0)
        #expect(meter.observe(Sample(), at: .at(4)).isEmpty)
    }

    @Test func endpointsShowWhatPassesThemAndTheirBackendTheSum() {
        var meter = TrafficMeter(start: .at(0))
        var counters = FlowCounters()
        for _ in 0..<10 { counters.record(duration: 1000, isError: false) }
        let (one, two) = (
            HistorySubject.endpoint(backend: "b", address: "1"), HistorySubject.endpoint(backend: "b", address: "2")
        )
        var sample = Sample([one: counters, two: counters])
        sample.backends = [.init(name: "b", inFlight: 3, queued: 1)]
        sample.endpoints = [.init(backend: "b", address: "1", inFlight: 3, connections: 4, flow: Flow())]
        let changes = meter.observe(sample, at: .at(1))
        #expect(changes.endpoints.first?.flow.rate == 10)
        #expect(changes.backends == sample.backends)
        var history = HistoryStore(start: .at(-4))
        history.advance(&meter, at: .at(1), time: "now")
        #expect(history.history(of: .backend("b")).rate.last == 4)
        #expect(history.history(of: .backend("b")).inFlight.last == 3)
        // Nothing is told twice.
        sample.readings = []
        _ = meter.observe(sample, at: .at(2))
        #expect(meter.observe(sample, at: .at(3)).isEmpty)
    }

    @Test func twoSamplesAtOneInstantLoseNothing() {
        var meter = TrafficMeter(start: .at(0))
        var counters = FlowCounters()
        counters.record(duration: 1000, isError: false)
        #expect(meter.observe(Sample([entry: counters]), at: .at(0)).isEmpty)
        #expect(meter.observe(Sample(), at: .at(1)).route("r")?.flow.rate == 1)
    }
}
