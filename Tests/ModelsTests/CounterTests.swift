import Base
import Models
import Testing

/// Each counter of a model by itself, from what a server says to what is told of the recent past.
@Suite struct CounterTests {
    private static var all: [WritableKeyPath<ModelCounts, UInt64>] {
        [
            \.successes, \.failures.rejected, \.failures.canceled, \.failures.backend, \.failures.other, \.inferences,
            \.executions, \.queueMicroseconds, \.computeMicroseconds, \.requestMicroseconds,
        ]
    }

    private static func counts(_ value: (Int) -> UInt64) -> ModelCounts {
        var counts = ModelCounts()
        for (index, counter) in all.enumerated() { counts[keyPath: counter] = value(index) }
        return counts
    }

    private static func read(_ readings: ModelCounts...) -> ModelCounts? {
        var history = ReadingHistory(interval: .milliseconds(500))
        for (step, counts) in readings.enumerated() {
            var page = CounterPage()
            page.models = [CounterPage.Model(name: "m", version: "1")]
            page.models[0].counts = counts
            history.take(page, at: Instant(nanoseconds: 1_000_000_000_000) + .milliseconds(UInt64(step) * 500))
        }
        return history.reading?.models[0].recent
    }

    @Test func eachGrowsByItself() {
        let first = Self.counts { 1000 + UInt64($0) }
        let second = Self.counts { 1000 + UInt64($0) * 3 }
        #expect(Self.read(first, second) == Self.counts { UInt64($0) * 2 })
    }

    /// One that goes back is enough to say that the server has started anew: then nothing of that step counts, and what
    /// comes after it does.
    @Test(arguments: 0..<10) func anyThatGoesBackIsAStart(_ index: Int) {
        let before = Self.counts { _ in 100 }
        var anew = Self.counts { _ in 150 }
        anew[keyPath: Self.all[index]] = 99
        #expect(Self.read(before, anew) == ModelCounts())
        var after = anew
        for counter in Self.all { after[keyPath: counter] += 7 }
        #expect(Self.read(before, anew, after) == Self.counts { _ in 7 })
    }

    @Test func means() {
        var counts = ModelCounts()
        #expect(counts.meanQueueSeconds == nil && counts.meanComputeSeconds == nil && counts.batchSize == nil)
        counts.successes = 4
        counts.queueMicroseconds = 2_000_000
        counts.computeMicroseconds = 1000
        counts.inferences = 24
        counts.executions = 3
        #expect(counts.meanQueueSeconds == 0.5 && counts.meanComputeSeconds == 0.00025 && counts.batchSize == 8)
        #expect(Self.counts { _ in 3 }.failures.sum == 12)
    }
}
