import Base
import Configuration
import DataPlane
import Models
import Traffic

/// One backend as the model monitor knows it, and what the loops were told of it.
final class WatchedModels {
    /// What comes close together is told together.
    private static let gatherTime = Nanoseconds.milliseconds(20)
    /// Numbers change with every answer of every endpoint.
    private static let numbersSpan = Nanoseconds.milliseconds(250)
    /// A list that stays the same is told again before it looks forgotten.
    private static let listAge = Nanoseconds.seconds(4)

    private(set) var load = BackendLoad()
    private(set) var endpoints: [ModelEndpoint] = []
    /// One that is started on demand is asked only while it runs; it is looked at when it does again.
    var isRunning: Bool { load.hold.isOpen }
    private var tellsNumbers = false
    /// `never` where there is nothing to tell.
    private(set) var publishDue = Instant.never
    private var publishedAt = Instant(nanoseconds: 0)
    /// When the endpoints were last asked because somebody wanted them to be, and when they will be; `nil` if nobody does.
    private(set) var lookedAt = Instant(nanoseconds: 0)
    var lookDue: Instant?

    func update(_ resolved: ResolvedBackend, now: Instant, random: inout RandomSource) {
        load = resolved.load
        tellsNumbers = resolved.backend.balance == .leastQueue
        // A Service may have thousands of endpoints, and comes anew whenever one of them does.
        var known = Dictionary(
            endpoints.map { (ObjectIdentifier($0.resolved.health), $0) }, uniquingKeysWith: { first, _ in first })
        endpoints = resolved.endpoints.map { endpoint in
            guard let watched = known.removeValue(forKey: ObjectIdentifier(endpoint.health)) else {
                return ModelEndpoint(endpoint, resolved, now: now, random: &random)
            }
            watched.update(endpoint, resolved, now: now)
            return watched
        }
        for old in known.values { old.stop() }
        publishDue = now
    }

    /// Has all endpoints asked for their models at once.
    func look(_ now: Instant) {
        lookDue = nil
        lookedAt = now
        for endpoint in endpoints { endpoint.askList(at: now) }
    }

    func stop() { for endpoint in endpoints { endpoint.stop() } }

    /// The endpoint has said something: the loops are told of it if it matters there.
    func note(_ endpoint: ModelEndpoint, _ now: Instant) {
        endpoint.describe()
        let (models, told) = (endpoint.models, endpoint.told)
        if !models.agrees(with: told) || Self.isOlder(told.listedAt, than: models.listedAt) || hasLooked(models, told) {
            publishDue = min(publishDue, now + Self.gatherTime)
        } else if tellsNumbers, models.measuredAt != told.measuredAt {
            publishDue = min(publishDue, max(now, publishedAt + Self.numbersSpan))
        }
    }

    /// What to tell the loops.
    func publish(_ now: Instant) -> [EndpointModels] {
        publishDue = .never
        publishedAt = now
        return endpoints.map { endpoint in
            endpoint.told = endpoint.models
            return endpoint.models
        }
    }

    /// Whoever asked for a look waits for its answer, also where that is what was known.
    private func hasLooked(_ models: EndpointModels, _ told: EndpointModels) -> Bool {
        guard let before = told.listedAt, let listed = models.listedAt else { return false }
        return before < lookedAt && listed >= lookedAt
    }

    private static func isOlder(_ told: Instant?, than known: Instant?) -> Bool {
        guard let told, let known else { return false }
        return known.since(told) >= listAge
    }
}

extension EndpointModels {
    /// Whether they tell the same of which models are there.
    fileprivate func agrees(with other: EndpointModels) -> Bool {
        (listedAt == nil) == (other.listedAt == nil) && (measuredAt == nil) == (other.measuredAt == nil)
            && models.count == other.models.count
            && zip(models, other.models).allSatisfy {
                $0.state == $1.state && $0.name == $1.name && $0.version == $1.version
            }
    }
}

extension ModelEndpoint {
    /// Puts together what the loops are told of it.
    func describe() {
        let services = Dictionary(
            (reading?.models ?? []).map { ($0.id, EndpointModels.Service($0)) },
            uniquingKeysWith: { first, _ in first })
        let models: [EndpointModels.Model]
        if let index {
            // A server that names one twice is believed once, and what is loaded goes before what is not.
            var seen: Set<ModelVersion> = []
            models = index.models.sorted { $0.state == "READY" && $1.state != "READY" }.compactMap { model in
                guard seen.insert(model.id).inserted else { return nil }
                return EndpointModels.Model(
                    name: model.name, version: model.version, state: EndpointModels.State(model.state),
                    service: services[model.id])
            }
        } else {
            models = services.sorted { $0.key < $1.key }.map { id, service in
                EndpointModels.Model(name: id.name, version: id.version, state: .ready, service: service)
            }
        }
        self.models = EndpointModels(
            endpoint: resolved.health.identity, listedAt: index?.at, measuredAt: reading?.readAt, models: models)
    }

}

extension EndpointModels.State {
    /// As a repository index says it.
    fileprivate init(_ text: String) {
        switch text {
        case "READY": self = .ready
        case "LOADING": self = .loading
        default: self = .unavailable
        }
    }
}

extension EndpointModels.Service {
    fileprivate init(_ reading: ModelReading) {
        let recent = reading.recent
        let mean = (recent.meanComputeSeconds ?? 0) * 1e6
        self.init(
            pending: reading.pending ?? 0, concurrency: reading.concurrency ?? 1, computeMicroseconds: mean,
            samples: recent.successes)
    }
}
