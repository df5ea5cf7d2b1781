import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
import Models
import Synchronization
import Traffic

/// What the endpoints say of their models, for whoever wants to know.
extension ControlPlane {
    /// What is known of the models' queues now: of each endpoint whose numbers are not too old. Callable from any thread;
    /// `completion` runs on the control queue.
    package func modelReadings(completion: @escaping @Sendable ([ModelMonitor.Reading]) -> Void) {
        queue.async { [self] in completion(currentModelReadings()) }
    }

    /// On the control queue.
    func currentModelReadings() -> [ModelMonitor.Reading] {
        let now = Instant.now()
        return (snapshot?.backends ?? []).flatMap { resolved in
            let queued = resolved.load.queued.load(ordering: .relaxed)
            return resolved.endpoints.compactMap { endpoint -> ModelMonitor.Reading? in
                guard let reading = modelMonitor.view(of: endpoint)?.current(now) else { return nil }
                return ModelMonitor.Reading(
                    backend: resolved.backend.name, endpoint: endpoint, reading: reading,
                    inFlight: endpoint.load.inFlight.load(ordering: .relaxed), queued: queued)
            }
        }
    }

    /// All models of an endpoint together; `nil` where nothing is known of them. Safe from any thread.
    func modelSum(of endpoint: ResolvedEndpoint, _ now: Instant) -> ModelSum? {
        modelMonitor.view(of: endpoint)?.current(now).map(ModelSum.init)
    }

    /// Has the endpoints of a backend asked now which models they have; the loops are told what has changed. Callable from any
    /// thread, and as often as one likes: they are asked at most twice a second.
    package func lookAtModels(of backend: String) { modelMonitor.look(at: backend) }
}
