import Testing

@testable import Telemetry

@Suite struct CountersTests {
    @Test func responsesAreCountedForEachPair() {
        var counts = ResponseCounts()
        for _ in 0..<3 { counts.count(code: 200, cause: .none) }
        counts.count(code: 503, cause: .queueFull)
        counts.count(code: 503, cause: .none)
        counts.count(code: 200, cause: .none)
        #expect(
            counts.entries == [
                .init(code: 200, cause: .none, count: 4),
                .init(code: 503, cause: .queueFull, count: 1),
                .init(code: 503, cause: .none, count: 1),
            ])
        #expect(counts.total == 6)
    }

    @Test func anEndpointCannotMakeMorePairsThanThereIsRoomFor() {
        var counts = ResponseCounts()
        for code in UInt16(100)..<1000 { counts.count(code: code, cause: .none) }
        counts.count(code: 100, cause: .none)
        #expect(counts.entries.count == ResponseCounts.capacity + 1)
        #expect(counts.entries.first == .init(code: 100, cause: .none, count: 2))
        #expect(counts.entries.last == .init(code: 0, cause: .none, count: 900 - UInt64(ResponseCounts.capacity)))
        #expect(counts.total == 901)
    }

    @Test func fullListsAddUpWithoutGrowing() {
        var first = ResponseCounts()
        var second = ResponseCounts()
        for code in UInt16(100)..<300 {
            first.count(code: code, cause: .none)
            second.count(code: code + 300, cause: .upstreamReset)
        }
        first.add(second)
        #expect(first.entries.count == ResponseCounts.capacity + 1)
        #expect(first.total == 400)
    }

    @Test func aCopyTakenForAScrapeStaysAsItWas() {
        var series = SeriesCounters()
        series.responses.count(code: 200, cause: .none)
        let copy = series
        series.responses.count(code: 200, cause: .none)
        #expect(copy.responses.total == 1)
        #expect(series.responses.total == 2)
    }

    @Test func aSeriesRecordsOnlyWhatAnExchangeReached() {
        var series = SeriesCounters()
        series.record(
            code: 200, cause: .none, duration: 3_000_000, queue: 0, firstByte: 2_000_000, requestBytes: 10,
            responseBytes: 20)
        series.record(
            code: 503, cause: .queueFull, duration: 1000, queue: nil, firstByte: nil, requestBytes: 5, responseBytes: 7)
        #expect(series.duration.count == 2)
        #expect(series.queue.count == 1)
        #expect(series.queue.count(inBucket: 0) == 1)
        #expect(series.firstByte.count == 1)
        #expect(series.firstByte.sum == 2_000_000)
        #expect(series.requestBytes == 15)
        #expect(series.responseBytes == 27)
        #expect(series.responses.total == 2)

        var sum = SeriesCounters()
        sum.add(series)
        sum.add(series)
        #expect(sum.duration.count == 4)
        #expect(sum.queue.count == 2)
        #expect(sum.firstByte.count == 2)
        #expect(sum.requestBytes == 30)
        #expect(sum.responseBytes == 54)
        #expect(sum.responses.total == 4)
    }

    @Test func outcomesAreCountedEachByItself() {
        var loop = OutcomeCounts<MirrorOutcome>()
        loop.count(.ok)
        loop.count(.ok)
        loop.count(.dropped)
        var sum = OutcomeCounts<MirrorOutcome>()
        sum.add(loop)
        sum.add(loop)
        #expect(MirrorOutcome.allCases.map { sum[$0] } == [4, 0, 0, 0, 2])
    }

    @Test func everyOutcomeHasItsCounterAndItsName() {
        check(MirrorOutcome.self)
        check(AuthOutcome.self)
        check(ReloadOutcome.self)
        check(RetryReason.self)
        #expect(MirrorOutcome.allCases.map(\.name) == ["ok", "error", "timeout", "canceled", "dropped"])
    }

    private func check<Outcome: OutcomeLabel>(_ type: Outcome.Type) {
        let all = Array(Outcome.allCases)
        #expect(all.allSatisfy { Int($0.rawValue) < OutcomeCounts<Outcome>.capacity })
        #expect(Set(all.map(\.name)).count == all.count)
        #expect(all.allSatisfy { $0.name.utf8.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) } })
    }
}
