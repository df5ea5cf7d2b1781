import Foundation

/// What a Triton says of the models it has: the answer to `POST /v2/repository/index`
/// (github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md).
package struct RepositoryIndex: Sendable {
    package struct Model: Hashable, Sendable {
        package var name: String
        package var version: String
        /// `READY`, `UNAVAILABLE`, `LOADING` or `UNLOADING`; `UNKNOWN` for anything else.
        package var state: String
        /// Why it is in that state.
        package var reason: String?

        package init(name: String, version: String, state: String, reason: String? = nil) {
            self.name = name
            self.version = version
            self.state = state
            self.reason = reason
        }
    }

    /// Bytes of an answer: two kilobytes for each of `CounterLimits.models`.
    package static let bodyLimit = 4 << 20
    /// Characters of a name, and of a reason.
    private static let nameLimit = 256
    private static let reasonLimit = 1000
    private static let states: Set<String> = ["READY", "UNAVAILABLE", "LOADING", "UNLOADING"]

    /// In the server's order. One that it names twice is there twice.
    package var models: [Model]

    package init(_ body: [UInt8]) throws(UnreadableAnswer) {
        guard let entries = try? JSONDecoder().decode([Entry].self, from: Data(body)) else {
            throw UnreadableAnswer("answered with a list of models that cannot be read")
        }
        guard entries.count <= CounterLimits.models else {
            throw UnreadableAnswer("lists \(entries.count) models, more than \(CounterLimits.models) are not shown")
        }
        models = entries.compactMap(\.model)
    }

    private struct Entry: Decodable {
        var name: String
        var version: String?
        var state: String?
        var reason: String?

        /// `nil` for a name that no model has.
        var model: Model? {
            guard !name.isEmpty, name.count <= nameLimit, (version ?? "").count <= nameLimit else { return nil }
            let state = state.flatMap { states.contains($0) ? $0 : nil } ?? "UNKNOWN"
            let reason = reason.flatMap { $0.isEmpty ? nil : String($0.prefix(reasonLimit)) }
            return Model(name: name, version: version ?? "", state: state, reason: reason)
        }
    }
}
