import Base
import Models
import Testing

@Suite struct ReadingHistoryTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    private func page(_ models: CounterPage.Model...) -> CounterPage {
        var page = CounterPage()
        page.models = models
        return page
    }

    private func model(
        _ name: String = "m", successes: UInt64, queue: UInt64 = 0, compute: UInt64 = 0, pending: Int? = nil
    ) -> CounterPage.Model {
        var model = CounterPage.Model(name: name, version: "1")
        model.counts.successes = successes
        model.counts.queueMicroseconds = queue
        model.counts.computeMicroseconds = compute
        model.pending = pending
        return model
    }

    private func at(_ milliseconds: UInt64) -> Instant { Self.start + .milliseconds(milliseconds) }

    @Test func nothingIsKnownBeforeTheSecondReading() throws {
        var history = ReadingHistory(interval: .milliseconds(500))
        #expect(history.reading == nil)
        history.take(page(model(successes: 1000, queue: 5000, pending: 3)), at: at(0))
        let reading = try #require(history.reading)
        #expect(reading.window == .seconds(0) && reading.readAt == at(0))
        #expect(reading.models[0].recent == ModelCounts() && reading.models[0].total.successes == 1000)
        #expect(reading.models[0].pending == 3 && reading.models[0].concurrency == nil)
    }

    @Test func theLastThirtySeconds() throws {
        var history = ReadingHistory(interval: .milliseconds(500))
        // 10 requests a second that wait 20 ms each; later 50 that wait 2 ms.
        var (count, queue): (UInt64, UInt64) = (0, 0)
        for step in 0..<240 as Range<UInt64> {
            count += step < 120 ? 5 : 25
            queue += step < 120 ? 5 * 20_000 : 25 * 2000
            history.take(page(model(successes: count, queue: queue)), at: at(step * 500))
            let reading = try #require(history.reading)
            #expect(reading.window <= .seconds(30))
            if step == 119 { #expect(mean(reading) == 20_000) }
        }
        let reading = try #require(history.reading)
        #expect(reading.window >= .seconds(28))
        #expect(mean(reading) == 2000)
        #expect(reading.models[0].recent.successes == reading.window.count / 500_000_000 * 25)
    }

    private func mean(_ reading: EndpointReading) -> UInt64 {
        let recent = reading.models[0].recent
        return recent.queueMicroseconds / max(1, recent.successes)
    }

    @Test func aRestartIsNoSpike() throws {
        var history = ReadingHistory(interval: .milliseconds(500))
        history.take(page(model(successes: 1_000_000, queue: 9_000_000)), at: at(0))
        history.take(page(model(successes: 1_000_010, queue: 9_000_100)), at: at(500))
        history.take(page(model(successes: 3, queue: 20_000)), at: at(1000))
        #expect(try #require(history.reading).models[0].recent.successes == 10)
        history.take(page(model(successes: 7, queue: 20_400)), at: at(1500))
        let model = try #require(history.reading).models[0]
        #expect(model.recent.successes == 14 && model.recent.queueMicroseconds == 500)
        #expect(model.total.successes == 7)
    }

    /// The server was away for longer than the window, and much has happened meanwhile.
    @Test func aGapIsNoSpike() throws {
        var history = ReadingHistory(interval: .milliseconds(500))
        history.take(page(model(successes: 10)), at: at(0))
        history.take(page(model(successes: 20)), at: at(500))
        history.take(page(model(successes: 90_000)), at: at(600_000))
        var reading = try #require(history.reading)
        #expect(reading.window == .seconds(0) && reading.models[0].recent.successes == 0)
        history.take(page(model(successes: 90_005)), at: at(600_500))
        reading = try #require(history.reading)
        #expect(reading.window == .milliseconds(500) && reading.models[0].recent.successes == 5)
    }

    @Test func modelsComeAndGo() throws {
        var history = ReadingHistory(interval: .milliseconds(500))
        history.take(page(model("a", successes: 5)), at: at(0))
        history.take(page(model("a", successes: 6), model("b", successes: 500)), at: at(500))
        var reading = try #require(history.reading)
        #expect(reading.models.map(\.name) == ["a", "b"] && reading.models.map(\.recent.successes) == [1, 0])
        history.take(page(model("b", successes: 502)), at: at(1000))
        reading = try #require(history.reading)
        #expect(reading.models.map(\.name) == ["b"] && reading.models[0].recent.successes == 2)
        history.take(page(model("a", successes: 100), model("b", successes: 503)), at: at(1500))
        #expect(try #require(history.reading).models.map(\.recent.successes) == [0, 3])
    }

    @Test func rareReadingsHaveALongerWindow() throws {
        var history = ReadingHistory(interval: .seconds(3600))
        for hour in 0..<10 as Range<UInt64> { history.take(page(model(successes: hour * 7)), at: at(hour * 3_900_000)) }
        let reading = try #require(history.reading)
        #expect(reading.models[0].recent.successes == reading.window.count / 3_900_000_000_000 * 7)
        #expect(reading.models[0].recent.successes > 0)
    }

    @Test func anotherIntervalHasAnotherWindow() throws {
        var history = ReadingHistory(interval: .milliseconds(500))
        history.setInterval(.seconds(60))
        for step in 0..<10 as Range<UInt64> { history.take(page(model(successes: step)), at: at(step * 60_000)) }
        #expect(try #require(history.reading).window >= .seconds(120))
        history.setInterval(.milliseconds(500))
        history.take(page(model(successes: 10)), at: at(600_000))
        #expect(try #require(history.reading).window <= .seconds(30))
    }

    @Test func whatIsOfTheMomentIsOfTheLastReading() throws {
        var history = ReadingHistory(interval: .milliseconds(500))
        for (step, pending) in [3, 5, nil].enumerated() {
            var page = page(model(successes: 1, pending: pending))
            page.gpus = [GPUReading(id: "a", utilization: Double(step) / 10)]
            page.leftOut = step
            history.take(page, at: at(UInt64(step) * 500))
            let reading = try #require(history.reading)
            #expect(reading.models[0].pending == pending && reading.gpus == page.gpus && reading.leftOut == step)
            #expect(reading.readAt == at(UInt64(step) * 500))
        }
        history.take(page(), at: at(1500))
        #expect(try #require(history.reading).gpus.isEmpty)
    }

    /// What is kept of a day is no more than what is kept of a minute.
    @Test func isBounded() {
        var history = ReadingHistory(interval: .milliseconds(500))
        var most = 0
        for step in 0..<1000 as Range<UInt64> {
            history.take(page(model(successes: step, compute: step)), at: at(step * 2000))
            let kept = leaves(history)
            if step < 30 { most = max(most, kept) } else { #expect(kept <= most) }
        }
    }

    /// How many values something is made of.
    private func leaves(_ value: Any) -> Int {
        let children = Mirror(reflecting: value).children
        return children.isEmpty ? 1 : children.reduce(0) { $0 + leaves($1.value) }
    }

    // MARK: Requests under way

    private func concurrency(_ steps: UInt64, _ each: (UInt64) -> (successes: UInt64, compute: UInt64)) -> Double? {
        var history = ReadingHistory(interval: .milliseconds(500))
        var (successes, compute): (UInt64, UInt64) = (0, 0)
        history.take(page(model(successes: 0)), at: at(0))
        for step in 1...steps {
            let (more, time) = each(step)
            successes += more
            compute += time
            history.take(page(model(successes: successes, compute: compute)), at: at(step * 500))
        }
        return history.reading?.models[0].concurrency
    }

    @Test func fourInstancesThatAreBusyAllTheTime() throws {
        let found = try #require(concurrency(60) { _ in (200, 2_000_000) })
        #expect(abs(found - 4) < 0.01)
    }

    @Test func oneAtATimeAndSeldom() throws {
        #expect(concurrency(60) { $0 % 4 == 0 ? (1, 10_000) : (0, 0) } == 1)
    }

    @Test func aBurstBetweenPauses() throws {
        // Half a second with three at once, then a second of nothing.
        let found = try #require(concurrency(60) { $0 % 3 == 0 ? (30, 1_500_000) : (0, 0) })
        #expect(abs(found - 3) < 0.01)
    }

    @Test func requestsThatTakeLongerThanAStep() throws {
        // One after the other, ten seconds each.
        let one = try #require(concurrency(80) { $0 % 20 == 0 ? (1, 10_000_000) : (0, 0) })
        #expect(one >= 1 && one < 1.35)
        // Four that begin and end together.
        let four = try #require(concurrency(80) { $0 % 20 == 0 ? (4, 40_000_000) : (0, 0) })
        #expect(abs(four - 4) < 1.1)
        // Four that do not: no more than there are, and no fewer than the window shows.
        let apart = try #require(concurrency(80) { $0 % 5 == 0 ? (1, 10_000_000) : (0, 0) })
        #expect(apart > 2.5 && apart <= 4.2)
    }

    @Test func nothingRan() {
        #expect(concurrency(10) { _ in (0, 0) } == nil)
    }

    /// Seeded servers that count, restart and lose models: what is recent is never more than what was counted.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func nothingIsInvented(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        var history = ReadingHistory(interval: .milliseconds(500))
        var (now, count, total): (UInt64, UInt64, UInt64) = (0, 0, 0)
        for _ in 0..<500 {
            let more = UInt64(random.below(50))
            now += random.chance(percent: 1) ? UInt64(random.below(60_000)) : 450 + UInt64(random.below(100))
            count = random.chance(percent: 2) ? UInt64(random.below(100)) : count + more
            total += more
            if random.chance(percent: 2) {
                history.take(page(), at: at(now))
            } else {
                history.take(page(model(successes: count, compute: count * 1000)), at: at(now))
            }
            let reading = try #require(history.reading)
            for model in reading.models {
                #expect(model.recent.successes <= total)
                #expect(model.recent.computeMicroseconds == model.recent.successes * 1000)
                #expect(model.concurrency ?? 1 >= 1)
            }
        }
    }
}
