import Base
import Configuration
import ControlClient
import DataPlane
import EventLoop
import Models
import Telemetry
import Traffic

/// One endpoint as the model monitor knows it.
final class ModelEndpoint {
    /// How long a server that gives its statistics, and not its metrics, is not asked for metrics again.
    private static let metricsRest = Nanoseconds.seconds(30)
    /// Where it matters which endpoint has which model.
    private static let closeListing = Nanoseconds.seconds(2)
    private static let looseListing = Nanoseconds.seconds(10)
    /// Also when numbers show models that the list does not have.
    private static let nextListing = Nanoseconds.milliseconds(500)

    private(set) var resolved: ResolvedEndpoint
    private(set) var backend: Backend
    private(set) var numbers: Pace
    private(set) var list: Pace
    /// Under way; one at a time.
    var question: (begun: Instant, call: ControlClient.Call, deadline: Instant)?
    private(set) var isStopped = false
    private var reader = MetricsPageReader()
    /// Why the metrics that come are given up.
    private var refusal: UnreadableAnswer?
    /// Models with numbers that the list did not have ready.
    private var unlisted: Set<String> = []
    /// When somebody last wanted a new list.
    private var listWanted = Instant(nanoseconds: 0)
    /// 0 where they do not rest.
    private var restsMetricsUntil = Instant(nanoseconds: 0)
    private var history: ReadingHistory
    private(set) var reading: EndpointReading?
    private(set) var index: (models: [RepositoryIndex.Model], at: Instant)?
    /// What the loops are to know, and what they were told.
    var models: EndpointModels
    var told: EndpointModels
    private(set) var outcomes = OutcomeCounts<ModelReadingOutcome>()
    /// What was said last in the log.
    private var trouble = Trouble.none
    /// Why the last reading of its numbers came to nothing.
    private var lastFailure: String?

    private enum Trouble { case none, metrics, all }

    init(_ resolved: ResolvedEndpoint, _ backend: ResolvedBackend, now: Instant, random: inout RandomSource) {
        self.resolved = resolved
        self.backend = backend.backend
        numbers = Pace(interval: .seconds(1), now: now, random: &random)
        list = Pace(interval: .seconds(1), now: now, random: &random)
        // Until it has been read, requests come here for models that only others have. The monitor asks a few dozen at once.
        list.ask(at: now)
        history = ReadingHistory(interval: .seconds(1))
        models = EndpointModels(
            endpoint: resolved.health.identity, listedAt: nil, measuredAt: nil, models: [])
        told = models
        update(resolved, backend, now: now)
    }

    func update(_ resolved: ResolvedEndpoint, _ owner: ResolvedBackend, now: Instant) {
        let isAskedElsewhere =
            self.resolved.metricsAddress != resolved.metricsAddress || !backend.isAskedOfModels(like: owner.backend)
        self.resolved = resolved
        backend = owner.backend
        let isClose = owner.endpoints.count > 1 || backend.activation != nil
        list.interval = isClose ? Self.closeListing : Self.looseListing
        setInterval()
        if isAskedElsewhere {
            restsMetricsUntil = Instant(nanoseconds: 0)
            trouble = .none
            numbers.ask(at: now)
            list.ask(at: now)
        }
        if !backend.readsModels { reading = nil }
        if !backend.answersQuestions { index = nil }
        describe()
    }

    private func setInterval() {
        let standard = source == .metrics ? Backend.metricsPace : Backend.statisticsPace
        numbers.interval = Nanoseconds(backend.metricsInterval ?? standard)
        history.setInterval(numbers.interval)
    }

    /// An endpoint, as the log calls it.
    var text: String { "endpoint \(resolved.address) of backend \(backend.name)" }

    // MARK: What to ask

    private var source: ModelQuestion? {
        guard backend.readsModels else { return nil }
        let isAwake = restsMetricsUntil.nanoseconds == 0 || restsMetricsUntil <= .now()
        if resolved.metricsAddress != nil, isAwake || !backend.answersQuestions { return .metrics }
        return backend.answersQuestions ? .statistics : nil
    }

    /// When something is due; `never` while a question is under way.
    var nextDue: Instant {
        guard question == nil else { return .never }
        return min(source == nil ? .never : numbers.next, backend.answersQuestions ? list.next : .never)
    }

    /// What is due; numbers first, which are out of date sooner.
    func due(_ now: Instant) -> ModelQuestion? {
        if let source, numbers.next <= now { return source }
        return backend.answersQuestions && list.next <= now ? .list : nil
    }

    func askList(at now: Instant) {
        listWanted = now
        list.ask(at: now)
    }

    /// It could not be asked, for a reason that is not its own.
    func postpone(_ kind: ModelQuestion, now: Instant, random: inout RandomSource) {
        if kind == .list { list.succeed(now: now, random: &random) } else { numbers.succeed(now: now, random: &random) }
    }

    /// Nobody asks it any more.
    func stop() {
        isStopped = true
        question?.call.cancel()
    }

    // MARK: What comes

    func beginReading() {
        reader = MetricsPageReader()
        refusal = nil
    }

    /// A piece of its metrics. Once it is clear that they are none, the rest is not waited for.
    func read(_ piece: [UInt8]) {
        guard refusal == nil else { return }
        do throws(UnreadableAnswer) {
            try reader.read(piece)
        } catch {
            refusal = error
            question?.call.cancel()
        }
    }

    func page(
        _ kind: ModelQuestion, of result: Result<ControlClient.Response, ControlClient.Failure>,
        _ address: ControlClient.Address
    ) -> Result<CounterPage, ModelFailure> {
        if let refusal { return .failure(ModelFailure(refusal, at: address)) }
        return result.read(from: address) { body throws(UnreadableAnswer) in
            try kind == .metrics ? reader.finish() : StatisticsReader.read(body)
        }
    }

    // MARK: What came

    /// - Returns: what to log, if anything.
    func take(
        _ result: Result<CounterPage, ModelFailure>, from source: ModelQuestion, now: Instant,
        random: inout RandomSource
    ) -> LogLine? {
        switch result {
        case .success(let page):
            outcomes.count(.ok)
            history.take(page, at: now)
            reading = history.reading
            askForNewModels(now)
            return succeed(source, now, &random)
        case .failure(let failure):
            outcomes.count(failure.outcome)
            lastFailure = failure.reason
            return fail(failure, source, now, &random)
        }
    }

    private func succeed(_ source: ModelQuestion, _ now: Instant, _ random: inout RandomSource) -> LogLine? {
        if source == .statistics, resolved.metricsAddress != nil {
            // Its metrics have just failed, and it does run.
            restsMetricsUntil = now + Self.metricsRest
            setInterval()
            numbers.succeed(now: now, random: &random)
            guard trouble != .metrics else { return nil }
            trouble = .metrics
            return .warning(
                "\(text) does not give its metrics, and its statistics are read instead, without the requests that wait: "
                    + (lastFailure ?? ""))
        }
        setInterval()
        numbers.succeed(now: now, random: &random)
        guard trouble != .none else { return nil }
        trouble = .none
        return isExpected ? .info("\(text) gives its models' numbers again") : nil
    }

    private func fail(
        _ failure: ModelFailure, _ source: ModelQuestion, _ now: Instant, _ random: inout RandomSource
    ) -> LogLine? {
        if source == .metrics, backend.answersQuestions {
            // Perhaps it has metrics off: its statistics are asked for next, and metrics again after that.
            restsMetricsUntil = now + Nanoseconds(ModelQuestion.timeout) + Self.nextListing
            numbers.ask(at: now)
            return nil
        }
        restsMetricsUntil = Instant(nanoseconds: 0)
        setInterval()
        if failure.isLasting {
            numbers.refuse(now: now, random: &random)
        } else {
            numbers.fail(now: now, random: &random)
        }
        guard trouble != .all else { return nil }
        trouble = .all
        return isExpected ? .warning("\(text) does not give its models' numbers: \(failure.reason)") : nil
    }

    /// Who names a port wants to know; others may have no Triton there at all.
    private var isExpected: Bool { resolved.metricsAddress != nil || backend.metricsInterval != nil }

    private func askForNewModels(_ now: Instant) {
        guard let index, let reading, now.since(index.at) >= Self.nextListing else { return }
        let known = Set(index.models.filter { $0.state == "READY" }.map(\.name))
        let unlisted = Set(reading.models.lazy.map(\.name).filter { !known.contains($0) })
        // Those of a model that was unloaded may stay on the page for good.
        if !unlisted.isSubset(of: self.unlisted) { list.ask(at: now) }
        self.unlisted = unlisted
    }

    /// - Parameter begun: when it was asked for. What it tells is no newer than that.
    func takeList(
        _ result: Result<RepositoryIndex, ModelFailure>, begun: Instant, now: Instant,
        random: inout RandomSource
    ) {
        defer { if listWanted > begun { list.ask(at: now) } }
        switch result {
        case .success(let found):
            index = (found.models, begun)
            list.succeed(now: now, random: &random)
        case .failure(let failure):
            if failure.isLasting {
                index = nil
                list.refuse(now: now, random: &random)
            } else {
                list.fail(now: now, random: &random)
            }
        }
    }
}

enum LogLine { case info(String), warning(String) }

extension Backend {
    fileprivate func isAskedOfModels(like other: Backend) -> Bool {
        server == other.server && tls == other.tls && `protocol` == other.protocol
            && metricsInterval == other.metricsInterval
    }
}
