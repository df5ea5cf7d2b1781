import API
import Base
import Configuration
import DataPlane
import EventLoop
import Traffic

/// When one more request for a model would be done at which endpoint, so that people see why one is chosen: what
/// `balance: leastQueue` goes by, from a table like that of each loop, which is told the same and counts the same requests.
/// The loops have no part in it.
///
/// Unchecked: it belongs to the control queue.
final class ExpectedTimes: @unchecked Sendable {
    /// Of one endpoint and one model.
    struct Time {
        var milliseconds: Double
        var isLikeOthers: Bool

        /// To the microsecond.
        init(_ expectation: ModelBoard.Expectation) {
            milliseconds = expectation.microseconds.rounded() / 1000
            isLikeOthers = expectation.isLikeOthers
        }

        func fill(_ endpoint: inout some ExpectingEndpoint) {
            endpoint.expectedMilliseconds = milliseconds
            if isLikeOthers { endpoint.expectedLikeOthers = true }
        }
    }

    private struct Table {
        var resolved: ResolvedBackend
        var board: ModelBoard
        var slowStart: SlowStart
        /// By their addresses, as `resolved` has them in order.
        var indexes: [String: Int]
        /// The model that was asked for most lately.
        var busiest: String?
    }

    /// By backend.
    private var tables: [String: Table] = [:]
    /// What was said last, so that a new configuration begins with it.
    private var known: [ObjectIdentifier: (load: BackendLoad, models: [EndpointModels])] = [:]

    func update(_ snapshot: Snapshot) {
        let balanced = snapshot.backends.filter { $0.backend.balance == .leastQueue }
        let loads = Set(balanced.map { ObjectIdentifier($0.load) })
        known = known.filter { loads.contains($0.key) }
        tables = Dictionary(
            balanced.map { resolved in
                let board = ModelBoard(
                    weights: resolved.endpoints.map(\.weight), loads: resolved.endpoints.map(\.load))
                let slowStart = SlowStart(resolved.backend.slowStart.map { Nanoseconds($0) })
                let indexes = Dictionary(
                    resolved.endpoints.enumerated().map { ($1.address.description, $0) },
                    uniquingKeysWith: { first, _ in first })
                return (
                    resolved.backend.name,
                    Table(resolved: resolved, board: board, slowStart: slowStart, indexes: indexes)
                )
            }, uniquingKeysWith: { first, _ in first })
        for resolved in balanced {
            guard let (load, models) = known[ObjectIdentifier(resolved.load)] else { continue }
            learn(models, of: load)
        }
    }

    /// What the loops are told.
    func learn(_ models: [EndpointModels], of load: BackendLoad) {
        guard let name = tables.first(where: { $0.value.resolved.load === load })?.key, let table = tables[name]
        else { return }
        known[ObjectIdentifier(load)] = (load, models)
        let lists = Dictionary(models.map { ($0.endpoint, $0) }, uniquingKeysWith: { $1 })
        table.board.learn(table.resolved.endpoints.map { lists[$0.health.identity] }, now: .now())
        tables[name]?.busiest = Self.busiest(models)
    }

    /// All versions of it together; the first by name of several alike.
    private static func busiest(_ lists: [EndpointModels]) -> String? {
        var samples: [String: UInt64] = [:]
        for model in lists.flatMap(\.models) { samples[model.name, default: 0] &+= model.service?.samples ?? 0 }
        return samples.filter { $0.value > 0 }.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key
    }

    /// Of the model that a backend is asked for most, by its endpoints; `nil` where nothing is known of any.
    func ofBusiestModel(_ backend: String, _ now: Instant) -> (model: String, times: [Time?])? {
        guard let table = tables[backend], let busiest = table.busiest else { return nil }
        let times = table.resolved.endpoints.indices.map { time(busiest, "", at: $0, table, now) }
        return times.contains { $0 != nil } ? (busiest, times) : nil
    }

    /// A list with the times that hold now.
    func added(to list: ModelList) -> ModelList {
        guard !tables.isEmpty else { return list }
        var list = list
        let now = Instant.now()
        for model in list.models.indices {
            let (name, version) = (list.models[model].name, list.models[model].version)
            guard let table = tables[list.models[model].backend] else { continue }
            for endpoint in list.models[model].endpoints.indices {
                guard let index = table.indexes[list.models[model].endpoints[endpoint].address] else { continue }
                time(name, version, at: index, table, now)?.fill(&list.models[model].endpoints[endpoint])
            }
        }
        return list
    }

    private func time(_ model: String, _ version: String, at index: Int, _ table: Table, _ now: Instant) -> Time? {
        let joined = table.resolved.endpoints[index].health.usableSince
        return table.board.expectation(
            model, version: version, at: index, factor: table.slowStart.factor(joined: joined, now: now), now: now
        ).map(Time.init)
    }
}

/// An endpoint as operators see it.
protocol ExpectingEndpoint {
    var expectedMilliseconds: Double? { get set }
    var expectedLikeOthers: Bool? { get set }
}

extension Status.Endpoint: ExpectingEndpoint {}
extension TrafficReport.Endpoint: ExpectingEndpoint {}
extension ModelList.Endpoint: ExpectingEndpoint {}
