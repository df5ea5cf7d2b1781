import API
import Base
import Foundation
import Observation
import Telemetry
import Testing

@Suite struct HistoryStoreTests {
    private func subject(_ number: Int) -> HistorySubject { .route("r\(number)") }

    /// One request for each of these, five seconds after the last.
    private struct Gateway {
        var meter = TrafficMeter(start: .at(0))
        var history = HistoryStore(start: .at(0))
        var counters: [HistorySubject: FlowCounters] = [:]
        var time = 0.0

        mutating func pass(_ subjects: [HistorySubject], after seconds: Double = 5) {
            time += seconds
            for subject in subjects {
                counters[subject, default: FlowCounters()].record(duration: 1000, isError: false)
            }
            let sample = Sample(counters.filter { subjects.contains($0.key) })
            _ = meter.observe(sample, at: .at(time))
            history.advance(&meter, at: .at(time), time: "\(time)")
        }
    }

    @Test func pointsAreFiveSecondsApartAndEndNow() {
        var gateway = Gateway()
        gateway.pass([])
        gateway.pass([subject(1)])
        gateway.pass([])
        let history = gateway.history.history(of: subject(1))
        #expect(history.interval == 5)
        #expect(history.end == "15.0")
        #expect(history.rate.count == HistoryStore.length)
        #expect(history.rate.suffix(4) == [nil, 0, 0.2, 0])
        #expect(history.p50.suffix(4).map { $0 != nil } == [false, false, true, true])
        for column in [history.errors, history.p50, history.p99, history.queue, history.inFlight] {
            #expect(column.count == HistoryStore.length)
        }
        // Known, and silent since the start.
        #expect(gateway.history.history(of: subject(2)).rate.suffix(4) == [nil, 0, 0, 0])
    }

    @Test func fifteenMinutesAreKept() {
        var gateway = Gateway()
        gateway.pass([subject(1)])
        for _ in 0..<HistoryStore.length - 1 { gateway.pass([]) }
        #expect(gateway.history.history(of: subject(1)).rate.first == 0.2)
        gateway.pass([subject(1)])
        let rates = gateway.history.history(of: subject(1)).rate
        #expect(rates.first == 0 && rates.last == 0.2)
    }

    @Test func theTimeInWhichNobodyLookedIsUnknown() {
        var gateway = Gateway()
        gateway.pass([subject(1)])
        gateway.pass([subject(1)], after: 20)
        #expect(gateway.history.history(of: subject(1)).rate.suffix(5) == [0.2, nil, nil, nil, 0.05])
        gateway.pass([subject(1)], after: 1e6)
        #expect(gateway.history.history(of: subject(1)).rate.dropLast().allSatisfy { $0 == nil })
    }

    @Test func quickSamplesMakeOnePoint() {
        var gateway = Gateway()
        for _ in 0..<10 { gateway.pass([subject(1)], after: 1) }
        #expect(gateway.history.history(of: subject(1)).rate.suffix(3) == [nil, 1, 1])
    }

    @Test func memoryIsBoundedAndThoseInUseStay() {
        var gateway = Gateway()
        let busy = (0..<HistoryStore.subjectLimit).map(subject)
        gateway.pass(busy)
        gateway.pass([subject(9999)])
        // No place, so nobody knows.
        #expect(gateway.history.history(of: subject(9999)).rate.allSatisfy { $0 == nil })
        #expect(gateway.history.history(of: subject(0)).rate.suffix(2) == [0.2, 0])
        for _ in 0..<HistoryStore.length { gateway.pass(Array(busy.dropFirst())) }
        gateway.pass([subject(9999)])
        #expect(gateway.history.history(of: subject(9999)).rate.suffix(2) == [nil, 0.2])
        #expect(gateway.history.history(of: subject(1)).rate.suffix(2) == [0.2, 0])
    }

    @Test func whatIsGoneIsForgotten() {
        var gateway = Gateway()
        gateway.pass([subject(1), subject(2)])
        gateway.history.keep { $0 != subject(1) }
        gateway.pass([])
        #expect(gateway.history.history(of: subject(1)).rate.suffix(2) == [0, 0])
        #expect(gateway.history.history(of: subject(2)).rate.suffix(2) == [0.2, 0])
    }

    @Test func aRingHoldsTheLast() {
        var ring = Ring<Int>(capacity: 3)
        for number in 1...7 {
            ring.append(number)
            #expect(ring.elements == Array(max(1, number - 2)...number))
        }
        #expect(ring.count == 3)
    }
}
