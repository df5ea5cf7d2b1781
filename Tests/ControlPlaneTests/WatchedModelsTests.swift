import Base
import ControlClient
import Configuration
import DataPlane
import EventLoop
import Models
import Telemetry
import Testing
import Traffic

@testable import ControlPlane

/// What is asked of a backend's endpoints when, and what loops are told of the answers.
@Suite struct WatchedModelsTests {
    /// Two seconds ago on the clock of the machine, by which rests are measured.
    private let start = Instant(nanoseconds: Instant.now().nanoseconds - 2_000_000_000)
    private let watched = WatchedModels()

    private static func backend(
        _ count: Int, hasMetrics: Bool = false, _ change: (inout Backend) -> Void = { _ in }
    ) throws -> ResolvedBackend {
        var backend = Backend(name: "b")
        change(&backend)
        let endpoints = try (1...count).map { number in
            let host = "10.0.0.\(number)"
            var endpoint = ResolvedEndpoint(
                address: try #require(SocketAddress(literal: host, port: 8000)), grpcAddress: nil, weight: 1,
                load: EndpointLoad(), health: EndpointHealth(), serverName: nil)
            if hasMetrics { endpoint.metricsAddress = SocketAddress(literal: host, port: 8002) }
            return endpoint
        }
        return ResolvedBackend(backend: backend, load: BackendLoad(), endpoints: endpoints, tls: nil)
    }

    /// The first endpoint of a backend that is watched from `start` on.
    private func endpoint(
        of count: Int = 2, hasMetrics: Bool = false, _ change: (inout Backend) -> Void = { _ in }
    ) throws -> ModelEndpoint {
        var random = RandomSource(seed: 1)
        watched.update(try Self.backend(count, hasMetrics: hasMetrics, change), now: start, random: &random)
        return try #require(watched.endpoints.first)
    }

    private func model(_ name: String, _ state: String = "READY") -> RepositoryIndex.Model {
        RepositoryIndex.Model(name: name, version: "1", state: state, reason: nil)
    }

    private func list(_ models: [RepositoryIndex.Model], from endpoint: ModelEndpoint, begun: Instant, took: UInt64 = 5)
    {
        var random = RandomSource(seed: 2)
        let now = begun + .milliseconds(took)
        let answer = Result { () throws(UnreadableAnswer) in
            var index = try RepositoryIndex(Array("[]".utf8))
            index.models = models
            return index
        }
        let list = answer.mapError { ModelFailure($0, at: .unix(path: "/s")) }
        endpoint.takeList(list, begun: begun, now: now, random: &random)
        watched.note(endpoint, now)
    }

    private func numbers(
        _ names: [String], from endpoint: ModelEndpoint, by question: ModelQuestion = .statistics, at now: Instant
    ) {
        var random = RandomSource(seed: 3)
        var page = CounterPage()
        page.models = names.map { CounterPage.Model(name: $0, version: "1") }
        _ = endpoint.take(.success(page), from: question, now: now, random: &random)
        watched.note(endpoint, now)
    }

    private func fail(_ endpoint: ModelEndpoint, by question: ModelQuestion, isLasting: Bool, at now: Instant) {
        var random = RandomSource(seed: 4)
        let failure = ModelFailure(.refused, "no", isLasting: isLasting)
        if question == .list {
            endpoint.takeList(.failure(failure), begun: now, now: now, random: &random)
        } else {
            _ = endpoint.take(.failure(failure), from: question, now: now, random: &random)
        }
    }

    // MARK: What loops are told

    @Test func newsAreToldSoon() throws {
        let endpoint = try endpoint()
        #expect(watched.publishDue == start)
        #expect(watched.publish(start).map(\.listedAt) == [nil, nil] && watched.publishDue == .never)
        list([model("a")], from: endpoint, begun: start)
        #expect(watched.publishDue < start + .milliseconds(100))
        let told = watched.publish(start + .milliseconds(50))
        #expect(told.count == 2 && told[0].models.map(\.name) == ["a"] && told[0].listedAt == start)
        list([model("a", "UNAVAILABLE")], from: endpoint, begun: start + .seconds(1))
        #expect(watched.publishDue < .never)
    }

    /// Loops believe a list for a while only, so that one that stays as it is has to be told, too.
    @Test func whatStaysAsItIsIsToldAgainBeforeItLooksForgotten() throws {
        let endpoint = try endpoint()
        list([model("a")], from: endpoint, begun: start)
        _ = watched.publish(start)
        list([model("a")], from: endpoint, begun: start + .seconds(2))
        #expect(watched.publishDue == .never)
        list([model("a")], from: endpoint, begun: start + .seconds(4))
        #expect(watched.publishDue < start + .seconds(5))
        #expect(watched.publish(start + .seconds(5))[0].listedAt == start + .seconds(4))
        #expect(ModelBoard.maxListAge > .seconds(8))
    }

    /// Requests wait for the answer, also where it is what was known; but not for one that was asked for before.
    @Test func whoHasLookedIsTold() throws {
        let endpoint = try endpoint()
        list([model("a")], from: endpoint, begun: start)
        _ = watched.publish(start)
        watched.look(start + .seconds(1))
        list([model("a")], from: endpoint, begun: start + .milliseconds(999))
        #expect(watched.publishDue == .never)
        // And so it is asked once more, at once.
        #expect(endpoint.list.next <= start + .milliseconds(1004))
        list([model("a")], from: endpoint, begun: start + .milliseconds(1004))
        #expect(watched.publishDue < start + .seconds(2) && endpoint.list.next > start + .seconds(2))
    }

    @Test func numbersAreToldWhereTheyAreOfUse() throws {
        for balance in [Backend.Balance.leastQueue, .leastRequest] {
            let endpoint = try endpoint { $0.balance = balance }
            numbers(["a"], from: endpoint, at: start)
            _ = watched.publish(start)
            numbers(["a"], from: endpoint, at: start + .milliseconds(100))
            #expect((watched.publishDue < .never) == (balance == .leastQueue))
            // No more often than they are worth it.
            if balance == .leastQueue { #expect(watched.publishDue >= start + .milliseconds(200)) }
        }
    }

    /// What is loaded counts where a server names one twice.
    @Test func aModelThatIsNamedTwice() throws {
        let endpoint = try endpoint()
        list([model("a", "UNAVAILABLE"), model("a"), model("a", "LOADING")], from: endpoint, begun: start)
        #expect(watched.publish(start)[0].models.map(\.state) == [.ready])
    }

    @Test func whoLeavesIsNotAskedAnyMore() throws {
        let endpoint = try endpoint()
        var random = RandomSource(seed: 5)
        let next = try Self.backend(1)
        watched.update(next, now: start, random: &random)
        #expect(endpoint.isStopped && watched.endpoints.count == 1)
        let stays = watched.endpoints[0]
        watched.update(next, now: start, random: &random)
        #expect(watched.endpoints[0] === stays && !stays.isStopped)
    }

    @Test func whatSleepsIsNotAsked() throws {
        _ = try endpoint()
        #expect(watched.isRunning)
        watched.load.hold.set(.closed)
        #expect(!watched.isRunning)
    }

    // MARK: What is asked

    /// A list tells nothing that is newer than the question; one that is refused is none any more.
    @Test func listsAreAsOldAsTheirQuestion() throws {
        let endpoint = try endpoint()
        list([model("a")], from: endpoint, begun: start, took: 800)
        #expect(endpoint.index?.at == start)
        fail(endpoint, by: .list, isLasting: false, at: start + .seconds(1))
        #expect(endpoint.index != nil)
        fail(endpoint, by: .list, isLasting: true, at: start + .seconds(2))
        #expect(endpoint.index == nil && endpoint.list.next > start + .seconds(30))
    }

    @Test func modelsThatOnlyTheNumbersHaveAreLookedFor() throws {
        let endpoint = try endpoint()
        list([model("a"), model("gone", "UNAVAILABLE")], from: endpoint, begun: start)
        numbers(["a"], from: endpoint, at: start + .seconds(1))
        #expect(endpoint.list.next > start + .seconds(1))
        numbers(["a", "b"], from: endpoint, at: start + .seconds(1))
        #expect(endpoint.list.next <= start + .seconds(1))
        // Once: what was unloaded may have numbers for good.
        list([model("a")], from: endpoint, begun: start + .seconds(1))
        numbers(["a", "b"], from: endpoint, at: start + .milliseconds(1600))
        #expect(endpoint.list.next > start + .seconds(2))
    }

    /// Where metrics fail the statistics are asked for, and for a while no metrics.
    @Test func metricsThatFailRest() throws {
        let endpoint = try endpoint(hasMetrics: true)
        #expect(endpoint.due(start + .seconds(1)) == .metrics)
        fail(endpoint, by: .metrics, isLasting: true, at: start)
        numbers(["a"], from: endpoint, by: .statistics, at: start)
        #expect(endpoint.due(start + .seconds(10)) == .statistics)
        let other = try self.endpoint(hasMetrics: true) { $0.server = .torchserve }
        fail(other, by: .metrics, isLasting: false, at: start)
        #expect(other.due(start + .seconds(10)) == .metrics, "it has no other")
    }

    @Test func onlyTritonsOverHTTPAnswerQuestions() throws {
        #expect(try endpoint().backend.answersQuestions)
        #expect(try !endpoint { $0.protocol = .http2 }.backend.answersQuestions)
        #expect(try !endpoint { $0.server = .generic }.backend.answersQuestions)
        #expect(try !endpoint { $0.metricsInterval = .zero }.backend.readsModels)
        #expect(try endpoint { $0.server = .generic }.nextDue == .never)
    }
}
