package import Traffic

/// What one loop knows of the models its endpoints have.
extension Worker {
    /// What the control plane has found out about the endpoints of a backend takes the place of what it said before.
    package func learn(_ models: [EndpointModels], of load: BackendLoad) {
        knownModels[ObjectIdentifier(load)] = models
    }
}
