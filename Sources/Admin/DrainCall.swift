import Foundation

/// What `POST` and `DELETE /api/v1/drain` are about: the gateway, or one endpoint of a backend, which the query or a JSON
/// body names: `{"backend": "stable", "endpoint": "127.0.0.1:8000"}`.
enum DrainCall: Equatable {
    case gateway
    case endpoint(String, backend: String)

    /// - Returns: `nil` for what names something else, or only half of it.
    init?(query: String, body: [UInt8]) {
        var named: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, let value = parts[1].removingPercentEncoding,
                named.updateValue(value, forKey: parts[0]) == nil
            else { return nil }
        }
        if !body.isEmpty {
            guard let object = try? JSONDecoder().decode([String: String].self, from: Data(body)) else { return nil }
            guard named.isEmpty || object.isEmpty else { return nil }
            if !object.isEmpty { named = object }
        }
        if named.isEmpty {
            self = .gateway
            return
        }
        guard let backend = named.removeValue(forKey: "backend"),
            let endpoint = named.removeValue(forKey: "endpoint"), named.isEmpty
        else { return nil }
        self = .endpoint(endpoint, backend: backend)
    }
}
