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
    /// Models and endpoints in all, as rows of a list that somebody reads.
    private static let rowLimit = 20_000

    /// What there is to ask, as it is when somebody asks.
    struct Place: Sendable {
        var snapshot: Snapshot
        var entrances: [ModelLocator.Entrance]
        /// How the models of an endpoint do.
        var readings: @Sendable (ResolvedEndpoint) -> ModelMonitor.View?
    }

    private struct Question {
        var backend: Backend
        var endpoint: ResolvedEndpoint
    }

    private let queue = DispatchQueue(label: "sluice.models", qos: .utility)
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
        questions = place.snapshot.backends.filter { $0.backend.server == .triton }.flatMap { resolved in
            resolved.endpoints.map { Question(backend: resolved.backend, endpoint: $0) }
        }
        (next, open, found, unreachable) = (0, 0, [], [])
        end = .now() + Self.patience
        if client == nil, !questions.isEmpty { client = ControlClient(label: "sluice.models.client", answers: queue) }
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

    private struct Key: Hashable {
        var backend: String
        var name: String
        var version: String
    }

    private func finish() {
        guard let place else { return }
        var endpoints: [Key: [ModelList.Endpoint]] = [:]
        var sums: [Key: ModelSum] = [:]
        // Where clients find models of other servers is not for v2 paths to say.
        let listed = Set(place.snapshot.backends.filter { $0.backend.server == .triton }.map(\.backend.name))
        var rows = 0
        let inOrder = found.sorted { "\($0.question.endpoint.address)" < "\($1.question.endpoint.address)" }
        let readings = EndpointFigures.all(place)
        for (question, models) in inOrder + unlisted(place, readings) {
            guard rows + models.count <= Self.rowLimit else {
                miss(question, "there are too many models and endpoints to show them all")
                continue
            }
            rows += models.count
            let address = question.endpoint.address.description
            // A server that names one twice is believed once.
            for model in Set(models) {
                let key = Key(backend: question.backend.name, name: model.name, version: model.version)
                var endpoint = ModelList.Endpoint(address: address, state: model.state, reason: model.reason)
                let reading = readings[ObjectIdentifier(question.endpoint.health)]
                if let reading, let found = reading.models[.init(name: model.name, version: model.version)] {
                    var sum = ModelSum()
                    sum.add(found, window: reading.window)
                    sum.fill(&endpoint)
                    sums[key, default: ModelSum()].add(found, window: reading.window)
                }
                endpoints[key, default: []].append(endpoint)
            }
        }
        var versions: [String: Int] = [:]
        for (key, endpoints) in endpoints where endpoints.contains(where: { $0.state == "READY" }) {
            versions["\(key.backend)\n\(key.name)", default: 0] += 1
        }
        var locator = ModelLocator(place.snapshot.gateway, place.snapshot.table, place.entrances)
        let models = endpoints.sorted { Self.isBefore($0.key, $1.key) }.map { key, endpoints in
            let isOnly = versions["\(key.backend)\n\(key.name)"] == 1
            let places =
                listed.contains(key.backend)
                ? locator.places(of: key.name, version: key.version, isOnlyVersion: isOnly, at: key.backend) : []
            var model = ModelList.Model(
                name: key.name, version: key.version, backend: key.backend, endpoints: endpoints,
                urls: places.map { .init(route: $0.route, as: $0.label, url: $0.url, host: $0.host) })
            sums[key]?.fill(&model)
            return model
        }
        unreachable.sort { ($0.backend, $0.endpoint) < ($1.backend, $1.endpoint) }
        let list = ModelList(
            time: TimeText.milliseconds(wallClockNanoseconds()), models: models, unreachable: unreachable)
        known = (list, .now())
        let completions = waiting
        (waiting, self.place, questions, found) = ([], nil, [], [])
        for completion in completions { completion(list) }
    }

    /// Models of endpoints that give numbers and no list: whether they are ready nobody says.
    private func unlisted(
        _ place: Place, _ readings: [ObjectIdentifier: EndpointFigures]
    ) -> [(question: Question, models: [RepositoryIndex.Model])] {
        let known = Set(found.map { ObjectIdentifier($0.question.endpoint.health) })
        return place.snapshot.backends.flatMap { resolved in
            resolved.endpoints.compactMap { endpoint -> (question: Question, models: [RepositoryIndex.Model])? in
                let identity = ObjectIdentifier(endpoint.health)
                guard !known.contains(identity), let reading = readings[identity] else { return nil }
                let models = reading.models.keys.map {
                    RepositoryIndex.Model(name: $0.name, version: $0.version, state: "UNKNOWN", reason: nil)
                }
                return (Question(backend: resolved.backend, endpoint: endpoint), models)
            }
        }
    }

    /// By name, then by version as a number, then by backend.
    private static func isBefore(_ left: Key, _ right: Key) -> Bool {
        if left.name != right.name { return left.name < right.name }
        if left.version != right.version {
            let (first, second) = (Int(left.version) ?? -1, Int(right.version) ?? -1)
            return first == second ? left.version < right.version : first < second
        }
        return left.backend < right.backend
    }
}
