import API
import Base
import Foundation
import Observation
import Telemetry
import Testing

/// Random traffic over random intervals, with routes that come, go and begin again.
@Suite struct TrafficPropertyTests {
    /// Counters of some places on two loops, as a gateway keeps them.
    private struct World {
        var random: RandomSource
        var counters: [[HistorySubject: FlowCounters]] = [[:], [:]]
        var outcomes = OutcomeCounts<MirrorOutcome>()
        var links: UInt64 = 0

        static let subjects: [HistorySubject] = [
            .entry(route: "a", as: "x"), .entry(route: "a", as: "y"), .entry(route: "b", as: ""), .route(""),
            .endpoint(backend: "x", address: "1"), .endpoint(backend: "x", address: "2"), .listener("web"),
        ]

        init(seed: UInt64) { random = RandomSource(seed: seed) }

        mutating func pass() -> Sample {
            var sample = Sample()
            for loop in 0..<2 {
                for subject in Self.subjects where random.chance(percent: 40) {
                    if random.chance(percent: 3) { counters[loop][subject] = nil }
                    for _ in 0..<random.below(random.chance(percent: 5) ? 2000 : 20) {
                        record(loop, subject)
                    }
                    sample.readings.append(
                        .init(loop: loop, subject: subject, counters: counters[loop][subject] ?? FlowCounters()))
                }
            }
            let outcome = Int(random.below(UInt32(MirrorOutcome.allCases.count)))
            if random.chance(percent: 50) { outcomes.count(MirrorOutcome.allCases[outcome]) }
            links += UInt64(random.below(5))
            if random.chance(percent: 50) {
                sample.mirrors = [.init(loop: 0, route: "a", backend: "s", outcomes: outcomes)]
                sample.links = [.init(loop: 1, route: "a", listener: "web", requests: links)]
            }
            let few = { [self] in Int(counters[0].count % 3) + Int(links % 2) }
            sample.listeners = [.init(name: "web", connections: few(), http2Connections: 0, flow: Flow())]
            sample.backends = [.init(name: "x", inFlight: few(), queued: 0)]
            sample.endpoints = ["1", "2"].map {
                .init(backend: "x", address: $0, inFlight: few(), connections: 0, flow: Flow())
            }
            return sample
        }

        private mutating func record(_ loop: Int, _ subject: HistorySubject) {
            let duration = random.next() >> UInt64(random.below(64))
            let isError = random.chance(percent: 20)
            counters[loop][subject, default: FlowCounters()].record(duration: duration, isError: isError)
            if random.chance(percent: 50) {
                counters[loop][subject, default: FlowCounters()].queue.record(nanoseconds: random.next() >> 30)
            }
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func deltasLeadFromTheFirstStateToTheLast(seed: UInt64) throws {
        var world = World(seed: seed)
        var meter = TrafficMeter(start: .at(0))
        var reader = meter.report
        var time = 0.0
        for step in 0..<200 {
            time += Double(1 + world.random.below(6000)) / 1000
            reader.apply(meter.observe(world.pass(), at: .at(time)))
            #expect(reader == meter.report, "seed \(seed), step \(step)")
            for number in reader.flows.flatMap(\.numbers) {
                #expect(number.isFinite && number >= 0, "seed \(seed), step \(step)")
            }
        }
        // Throws for what is no number.
        #expect(try JSONEncoder().encode(meter.report).count > 100)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func ratesAddUpToTheCounters(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        var meter = TrafficMeter(start: .at(0))
        var history = HistoryStore(start: .at(0))
        var counters = FlowCounters()
        let entry = HistorySubject.entry(route: "r", as: "e")
        var (time, sum, errors) = (0.0, 0.0, 0.0)
        var ends: [Double] = [0]
        for _ in 0..<300 {
            let length = random.chance(percent: 80) ? 1.0 : Double(1 + random.below(1500)) / 1000
            time += length
            for _ in 0..<random.below(50) {
                counters.record(duration: random.next() >> 30, isError: random.chance(percent: 10))
            }
            _ = meter.observe(Sample([entry: counters]), at: .at(time))
            let flow = try #require(meter.report.entry("r", "e")?.flow)
            sum += flow.rate * length
            errors += flow.errors * length
            let before = history.history(of: entry).end
            history.advance(&meter, at: .at(time), time: "\(time)")
            if history.history(of: entry).end != before { ends.append(time) }
        }
        // Rates are told in thousandths.
        #expect(abs(sum - Double(counters.requests)) < 0.0005 * time + 0.01)
        #expect(abs(errors - Double(counters.errors)) < 0.0005 * time + 0.01)
        let points = history.history(of: entry).rate.compactMap(\.self)
        let lengths = zip(ends, ends.dropFirst()).map { $1 - $0 }
        let passed = zip(points.suffix(lengths.count), lengths).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(lengths.allSatisfy { $0 >= 4.5 && $0 <= 7 })
        #expect(passed <= Double(counters.requests) + 1)
        #expect(passed > Double(counters.requests) - 7 * 50 - 1)
    }
}
