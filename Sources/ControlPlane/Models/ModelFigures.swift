import API
import Base
import DataPlane
import Models
import Traffic

/// Sums of what several endpoints or models count, divided once.
struct ModelSum {
    private var counts = ModelCounts()
    private var pending: Int?
    private var requestRate: Double?
    private var failureRate: Double?

    init() {}

    /// - Parameter window: of the endpoint's reading. A second is the least that a rate can be told from.
    mutating func add(_ model: ModelReading, window: Nanoseconds) {
        counts.add(model.recent)
        if let more = model.pending { pending = (pending ?? 0) &+ more }
        guard window >= .seconds(1) else { return }
        let seconds = Double(window.count) / 1e9
        requestRate = (requestRate ?? 0) + Double(model.recent.successes) / seconds
        failureRate = (failureRate ?? 0) + Double(model.recent.failures.sum) / seconds
    }

    /// All models of an endpoint.
    init(_ reading: EndpointReading) { for model in reading.models { add(model, window: reading.window) } }

    var queueMilliseconds: Double? { counts.meanQueueSeconds.map { Self.rounded($0 * 1e3) } }
    var pendingRequests: Int? { pending }

    func fill(_ figures: inout some ModelFigures) {
        figures.requestsPerSecond = requestRate.map(Self.rounded)
        figures.failuresPerSecond = failureRate.map(Self.rounded)
        figures.queueMilliseconds = queueMilliseconds
        figures.computeMilliseconds = counts.meanComputeSeconds.map { Self.rounded($0 * 1e3) }
        figures.batchSize = counts.batchSize.map(Self.rounded)
        figures.pending = pending
    }

    /// To three digits: microseconds, where these are milliseconds.
    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}

/// How the models of one endpoint do, by their names.
struct EndpointFigures {
    var window: Nanoseconds
    var models: [ModelVersion: ModelReading]

    /// What is known of a configuration's endpoints, by their identities.
    static func all(_ place: ModelCatalog.Place) -> [ObjectIdentifier: EndpointFigures] {
        let now = Instant.now()
        var found: [ObjectIdentifier: EndpointFigures] = [:]
        for endpoint in place.snapshot.backends.flatMap(\.endpoints) {
            guard let reading = place.readings(endpoint)?.current(now) else { continue }
            let models = Dictionary(
                reading.models.map { ($0.id, $0) },
                uniquingKeysWith: { first, _ in first })
            found[ObjectIdentifier(endpoint.health)] = EndpointFigures(window: reading.window, models: models)
        }
        return found
    }
}
