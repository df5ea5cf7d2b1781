import API
import Base
import Configuration
import ControlClient
import DataPlane
import Dispatch
import EventLoop
import Explanation
import Models
import TLS

/// Asks the Tritons which models they have, when somebody wants to know.
///
/// Unchecked: it belongs to its own queue, for what a Triton says may take a while to read.
final class ModelCatalog: @unchecked Sendable {
    /// An answer is good for so long, however many ask.
    private static let maxAge = Nanoseconds.seconds(5)
    /// Also for those who ask for a new one: a held-down key asks many times a second.
    private static let minAge = Nanoseconds.milliseconds(500)
    /// For an endpoint's answer: its index is in memory there.
    private static let timeout = Duration.seconds(2)
    /// Endpoints asked at a time.
    private static let concurrency = 16
    /// For all of them together: those whose turn has not come by then are told as not asked.
    private static let patience = Nanoseconds.seconds(10)

    /// What there is to ask, as it is when somebody asks.
    struct Place: Sendable {
        var snapshot: Snapshot
        var entrances: [ModelLocator.Entrance]
        /// How the models of an endpoint do.
        var readings: @Sendable (ResolvedEndpoint) -> ModelMonitor.View?

        /// Who knows the question.
        var tritons: [ResolvedBackend] { snapshot.backends.filter { $0.backend.server == .triton } }
    }

    private struct Question {
        var backend: Backend
        var endpoint: ResolvedEndpoint
    }

    private let queue = DispatchQueue(label: "sluice.catalog", qos: .utility)
    private var client: ControlClient?
    private var known: (list: ModelList, at: Instant)?
    private var waiting: [(ModelList) -> Void] = []

    private var place: Place?
    private var questions: [Question] = []
    private var next = 0
    private var open = 0
    private var end = Instant.never
    private var found: [(question: Question, models: [RepositoryIndex.Model])] = []
    private var unreachable: [ModelList.Unreachable] = []

    /// - Parameter completion: called on a queue of its own.
    func list(_ place: Place, refresh: Bool, completion: @escaping @Sendable (ModelList) -> Void) {
        queue.async { [self] in
            if let known, waiting.isEmpty, Instant.now().since(known.at) < (refresh ? Self.minAge : Self.maxAge) {
                completion(known.list)
                return
            }
            waiting.append(completion)
            if waiting.count == 1 { begin(place) }
        }
    }

    private func begin(_ place: Place) {
        self.place = place
        questions = place.tritons.flatMap { resolved in
            resolved.endpoints.map { Question(backend: resolved.backend, endpoint: $0) }
        }
        (next, open, found, unreachable) = (0, 0, [], [])
        end = .now() + Self.patience
        if client == nil, !questions.isEmpty { client = ControlClient(label: "sluice.catalog.client", answers: queue) }
        askMore()
    }

    private func askMore() {
        while open < Self.concurrency, next < questions.count {
            let question = questions[next]
            next += 1
            guard let client else {
                miss(question, "there is no descriptor left to ask it")
                continue
            }
            guard Instant.now() < end else {
                miss(question, "it was not asked, because others took so long to answer")
                continue
            }
            open += 1
            let request = ControlClient.Request.repositoryIndex(
                of: question.endpoint, of: question.backend, timeout: Self.timeout)
            client.send(request) { [self] result in
                open -= 1
                switch result.read(from: request.address, RepositoryIndex.init) {
                case .success(let index): found.append((question, index.models))
                case .failure(let failure): miss(question, failure.reason)
                }
                askMore()
            }
        }
        if open == 0 { finish() }
    }

    private func miss(_ question: Question, _ reason: String) {
        unreachable.append(
            .init(
                backend: question.backend.name, endpoint: question.endpoint.address.description, reason: reason))
    }

    // MARK: The list

    private func finish() {
        guard let place else { return }
        var rows = ModelRows()
        let inOrder = found.sorted { "\($0.question.endpoint.address)" < "\($1.question.endpoint.address)" }
        let figures = EndpointFigures.all(place)
        for (question, models) in inOrder + unlisted(place, figures) {
            let some = figures[ObjectIdentifier(question.endpoint.health)]
            if !rows.add(models, of: question.endpoint, in: question.backend.name, some) {
                miss(question, "there are too many models and endpoints to show them all")
            }
        }
        unreachable.sort { ($0.backend, $0.endpoint) < ($1.backend, $1.endpoint) }
        let list = ModelList(
            time: TimeText.milliseconds(wallClockNanoseconds()), models: rows.models(for: place),
            unreachable: unreachable)
        known = (list, .now())
        let completions = waiting
        (waiting, self.place, questions, found) = ([], nil, [], [])
        for completion in completions { completion(list) }
    }

    /// Models of endpoints that give numbers and no list: whether they are ready nobody says.
    private func unlisted(
        _ place: Place, _ figures: [ObjectIdentifier: EndpointFigures]
    ) -> [(question: Question, models: [RepositoryIndex.Model])] {
        let known = Set(found.map { ObjectIdentifier($0.question.endpoint.health) })
        return place.snapshot.backends.flatMap { resolved in
            resolved.endpoints.compactMap { endpoint -> (question: Question, models: [RepositoryIndex.Model])? in
                let identity = ObjectIdentifier(endpoint.health)
                guard !known.contains(identity), let some = figures[identity] else { return nil }
                let models = some.models.keys.map {
                    RepositoryIndex.Model(name: $0.name, version: $0.version, state: "UNKNOWN")
                }
                return (Question(backend: resolved.backend, endpoint: endpoint), models)
            }
        }
    }
}
