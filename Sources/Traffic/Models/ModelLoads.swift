package import Synchronization

/// Requests of this gateway that one version of a model has under way at one endpoint, over all loops.
///
/// Who counts one up keeps the object until he counts it down: what a table says meanwhile makes no difference.
package final class ModelLoad: Sendable {
    package let inFlight = Atomic<Int>(0)

    package init() {}
}

/// Those of one endpoint. Survives reloads, and what is published of the models anew; asked when tables are made, and
/// never for a request.
package final class ModelLoads: Sendable {
    private struct Row: Hashable {
        var name: String
        var version: String
    }

    private let known = Mutex<[Row: ModelLoad]>([:])

    package init() {}

    /// The counts of the models an endpoint lists, in the order of the list. Those of others are forgotten, where nothing
    /// is under way any more.
    package func loads(of models: [EndpointModels.Model]) -> [ModelLoad] {
        known.withLock { known in
            let rows = models.map { Row(name: $0.name, version: $0.version) }
            if known.count > rows.count {
                let listed = Set(rows)
                known = known.filter { $0.value.inFlight.current > 0 || listed.contains($0.key) }
            }
            return rows.map { row in
                if let load = known[row] { return load }
                let load = ModelLoad()
                known[row] = load
                return load
            }
        }
    }

    package var count: Int { known.withLock(\.count) }
}
