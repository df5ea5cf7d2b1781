package import Observation

/// What `GET /api/v1/history` is asked about.
package enum HistoryCall {
    /// - Returns: `nil` for what names nothing, something else, or only half of it.
    package static func subject(_ query: String) -> HistorySubject? {
        guard let parameters = PercentCoding.parameters(query) else { return nil }
        let names = Set(parameters.keys)
        if let route = parameters["route"] {
            if names == ["route"] { return .route(route) }
            guard names == ["route", "as"], let entry = parameters["as"] else { return nil }
            return .entry(route: route, as: entry)
        }
        guard let backend = parameters["backend"] else { return nil }
        if names == ["backend"] { return .backend(backend) }
        guard names == ["backend", "endpoint"], let address = parameters["endpoint"] else { return nil }
        return .endpoint(backend: backend, address: address)
    }
}
