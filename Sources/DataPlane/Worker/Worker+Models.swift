import Base
import Configuration
import EventLoop
package import Traffic

/// What a loop knows of the models at endpoints.
extension Worker {
    /// As often as endpoints are asked at most.
    private static let lookInterval = Nanoseconds.milliseconds(500)

    /// The control plane has read the models of a backend's endpoints, or their numbers, anew. On the loop only.
    ///
    /// - Parameter models: of all endpoints of which something is known.
    package func learn(_ models: [EndpointModels], of backend: BackendLoad) {
        guard let pool = configuration?.backends.first(where: { $0.load === backend }) else { return }
        self.models[ObjectIdentifier(backend)] = (backend, models)
        let isNew = pool.learn(models)
        releaseHeld(backend)
        // Those that wait for a place may now do with another one.
        if isNew { serveLater(backend) }
    }

    func models(of load: BackendLoad) -> [EndpointModels]? { models[ObjectIdentifier(load)]?.endpoints }

    /// Has the endpoints' lists read anew, because a request says that they are wrong.
    func lookAtModels(of pool: BackendPool) {
        guard pool.lookedAt + Self.lookInterval <= loop.now else { return }
        pool.lookedAt = loop.now
        lookAtModels(pool.backend.name)
    }
}
