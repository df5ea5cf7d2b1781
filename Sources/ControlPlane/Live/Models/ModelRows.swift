import API
import Configuration
import DataPlane
import EventLoop
import Explanation
import Models

/// The list of models in the making: what each endpoint has, put together by model.
struct ModelRows {
    /// Models and endpoints in all, as rows of a list that somebody reads.
    private static let limit = 20_000

    private struct Key: Hashable, Comparable {
        var model: ModelVersion
        var backend: String

        static func < (left: Key, right: Key) -> Bool {
            left.model != right.model ? left.model < right.model : left.backend < right.backend
        }
    }

    private struct Row {
        var endpoints: [ModelList.Endpoint] = []
        var sum = ModelSum()

        var isReady: Bool { endpoints.contains { $0.state == "READY" } }
    }

    private var rows: [Key: Row] = [:]
    private var count = 0

    /// - Parameter figures: what is known of the endpoint's numbers.
    /// - Returns: whether there was room for them.
    mutating func add(
        _ models: [RepositoryIndex.Model], of endpoint: ResolvedEndpoint, in backend: String,
        _ figures: EndpointFigures?
    ) -> Bool {
        guard count + models.count <= Self.limit else { return false }
        count += models.count
        let address = endpoint.address.description
        // A server that names one twice is believed once.
        for model in Set(models) {
            let key = Key(model: model.id, backend: backend)
            var entry = ModelList.Endpoint(address: address, state: model.state, reason: model.reason)
            if let figures, let reading = figures.models[model.id] {
                var sum = ModelSum()
                sum.add(reading, window: figures.window)
                sum.fill(&entry)
                rows[key, default: Row()].sum.add(reading, window: figures.window)
            }
            rows[key, default: Row()].endpoints.append(entry)
        }
        return true
    }

    /// In the order of name, version and backend, with where clients find each.
    func models(for place: ModelCatalog.Place) -> [ModelList.Model] {
        // Where clients find models of other servers is not for v2 paths to say.
        let listed = Set(place.tritons.map(\.backend.name))
        // By backend and name.
        var readyVersions: [String: [String: Int]] = [:]
        for (key, row) in rows where row.isReady {
            readyVersions[key.backend, default: [:]][key.model.name, default: 0] += 1
        }
        var locator = ModelLocator(place.snapshot.gateway, place.snapshot.table, place.entrances)
        return rows.sorted { $0.key < $1.key }.map { key, row in
            let (name, version) = (key.model.name, key.model.version)
            let isOnly = readyVersions[key.backend]?[name] == 1
            let places =
                listed.contains(key.backend)
                ? locator.places(of: name, version: version, isOnlyVersion: isOnly, at: key.backend) : []
            var model = ModelList.Model(
                name: name, version: version, backend: key.backend, endpoints: row.endpoints,
                urls: places.map { .init(route: $0.route, as: $0.label, url: $0.url, host: $0.host) })
            row.sum.fill(&model)
            return model
        }
    }
}
