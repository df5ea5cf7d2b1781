import ControlClient
import Foundation

/// What a Triton says of the models it has: the answer to `POST /v2/repository/index`
/// (github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md).
struct RepositoryIndex {
    struct Model: Hashable {
        var name: String
        var version: String
        var state: String
        var reason: String?
    }

    /// Models of one endpoint, versions counted apart. More than a repository has that anybody keeps an eye on.
    static let modelLimit = 2000
    /// Bytes of an answer: two kilobytes for each of them.
    static let bodyLimit = 4 << 20
    /// Characters of a name, and of a reason.
    private static let nameLimit = 256
    private static let reasonLimit = 1000
    private static let states: Set<String> = ["READY", "UNAVAILABLE", "LOADING", "UNLOADING"]

    var models: [Model]

    struct Unreadable: Error { var reason: String }

    init(_ result: Result<ControlClient.Response, ControlClient.Failure>) throws(Unreadable) {
        switch result {
        case .failure(let failure): throw Unreadable(reason: failure.description)
        case .success(let response):
            guard response.status == 200 else {
                throw Unreadable(reason: "it answered \(response.status) when asked for its models")
            }
            guard let entries = try? JSONDecoder().decode([Entry].self, from: Data(response.body)) else {
                throw Unreadable(reason: "its list of models cannot be read")
            }
            guard entries.count <= Self.modelLimit else {
                throw Unreadable(reason: "it lists \(entries.count) models, more than \(Self.modelLimit) are not shown")
            }
            models = entries.compactMap(\.model)
        }
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
