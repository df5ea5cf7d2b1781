/// What `POST` and `DELETE /api/v1/drain` are about: the gateway, or one endpoint of a backend, which the query or a JSON
/// body names: `{"backend": "stable", "endpoint": "127.0.0.1:8000"}`.
package enum DrainCall: Equatable {
    case gateway
    case endpoint(String, backend: String)

    /// - Returns: `nil` for what names something else, or only half of it.
    package init?(query: String, body: [UInt8]) {
        guard var named = PercentCoding.parameters(query) else { return nil }
        if !body.isEmpty {
            guard let object = try? FlatJSON.object(body) else { return nil }
            guard named.isEmpty || object.isEmpty else { return nil }
            for (name, value) in object {
                guard case .text(let text) = value else { return nil }
                named[name] = text
            }
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
