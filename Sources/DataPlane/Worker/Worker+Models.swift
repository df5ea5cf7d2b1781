package import Traffic

/// What a loop knows of the models at endpoints.
extension Worker {
    /// The control plane has read the models of a backend's endpoints, or their numbers, anew. On the loop only.
    ///
    /// - Parameter models: of all endpoints of which something is known.
    package func learn(_ models: [EndpointModels], of backend: BackendLoad) {
        guard let pool = configuration?.backends.first(where: { $0.load === backend }) else { return }
        self.models[ObjectIdentifier(backend)] = (backend, models)
        pool.learn(models)
    }

    func models(of load: BackendLoad) -> [EndpointModels]? { models[ObjectIdentifier(load)]?.endpoints }
}
