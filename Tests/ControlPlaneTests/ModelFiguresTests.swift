import API
import Base
import ControlClient
import Models
import Telemetry
import Testing

@testable import ControlPlane

/// What is shown of models' numbers, and for how long.
@Suite struct ModelFiguresTests {
    private struct Figures: ModelFigures, Equatable {
        var requestsPerSecond: Double?
        var failuresPerSecond: Double?
        var queueMilliseconds: Double?
        var computeMilliseconds: Double?
        var batchSize: Double?
        var pending: Int?
    }

    private static func model(_ successes: UInt64, pending: Int?) -> ModelReading {
        var model = ModelReading(name: "m", version: "1")
        model.recent.successes = successes
        model.recent.failures.other = 5
        model.recent.queueMicroseconds = 3000
        model.recent.computeMicroseconds = 12_000
        model.recent.inferences = successes * 2
        model.recent.executions = successes
        model.pending = pending
        return model
    }

    /// Divided once, at the end, each rate by its own window.
    @Test func sums() {
        var sum = ModelSum()
        sum.add(Self.model(20, pending: 3), window: .seconds(10))
        sum.add(Self.model(40, pending: nil), window: .seconds(5))
        var figures = Figures()
        sum.fill(&figures)
        #expect(
            figures
                == Figures(
                    requestsPerSecond: 10, failuresPerSecond: 1.5, queueMilliseconds: 0.1, computeMilliseconds: 0.4,
                    batchSize: 2, pending: 3))
    }

    /// From half a second no rate can be told, and from nothing no mean.
    @Test func whatIsNotKnown() {
        var sum = ModelSum()
        sum.add(ModelReading(name: "m", version: "1"), window: .milliseconds(999))
        var figures = Figures()
        sum.fill(&figures)
        #expect(figures == Figures())
        sum.add(ModelReading(name: "m", version: "1"), window: .seconds(1))
        sum.fill(&figures)
        #expect(figures == Figures(requestsPerSecond: 0, failuresPerSecond: 0))
    }

    @Test func oldNumbersAreNotTold() {
        let start = Instant(nanoseconds: 1_000_000_000_000)
        let reading = EndpointReading(readAt: start, window: .seconds(30), models: [])
        let view = ModelMonitor.View(reading: reading, index: nil, maxAge: .seconds(5))
        #expect(view.current(start + .seconds(5)) != nil && view.current(start + .milliseconds(5001)) == nil)
    }

    /// Who does not know the question will say so again; who is about to start will not.
    @Test func whatIsWorthAskingAgainSoon() throws {
        let address = ControlClient.Address.unix(path: "/s")
        for status in [400, 401, 404, 405, 499, 501] { #expect(ModelFailure(status: status, at: address).isLasting) }
        for status in [204, 302, 500, 502, 503, 504] { #expect(!ModelFailure(status: status, at: address).isLasting) }
        #expect(ModelFailure(status: 503, at: address).outcome == .refused)
        #expect(ModelFailure(UnreadableAnswer("answered with JSON"), at: address).isLasting)
    }
}
