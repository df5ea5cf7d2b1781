package import Base
import Configuration
import DataPlane
import Dispatch
import EventLoop
package import Kubernetes
import Models
import Synchronization
package import Telemetry
import Traffic

/// What autoscalers are served.
extension ControlPlane {
    /// Everything that it is made of, now. Callable from any thread; `completion` runs on the control queue.
    package func scalePicture(completion: @escaping @Sendable (ScalePicture) -> Void) {
        queue.async { [self] in completion(currentScalePicture()) }
    }

    private func currentScalePicture() -> ScalePicture {
        let now = Instant.now()
        let readings = Dictionary(
            currentModelReadings().map { (ObjectIdentifier($0.endpoint.health), $0.reading) },
            uniquingKeysWith: { first, _ in first })
        let backends = (snapshot?.backends ?? []).map { resolved in
            let name = resolved.backend.name
            return ScalePicture.Backend(
                name: name,
                services: resolved.backend.services.map { ObjectKey(namespace: $0.namespace, name: $0.service) },
                endpoints: resolved.endpoints.map { endpoint in
                    ScalePicture.Endpoint(
                        address: endpoint.address.description, pod: endpoint.pod,
                        labels: endpoint.pod.flatMap { cluster.labels(of: $0) },
                        isReady: health.view(of: endpoint.address, in: name)?.isUp ?? true,
                        reading: readings[ObjectIdentifier(endpoint.health)],
                        gpu: endpoint.pod.flatMap { gpus.utilization(of: $0, now: now) })
                },
                queued: resolved.load.queued.load(ordering: .relaxed),
                held: resolved.load.hold.requests.load(ordering: .relaxed))
        }
        return ScalePicture(backends: backends, namespace: snapshot?.gateway.customMetrics?.namespace)
    }

    /// Counts a question. Callable from any thread.
    package func countScaleRequest(_ outcome: ScaleOutcome) { scaleOutcomes.withLock { $0.count(outcome) } }

    /// RFC 3339 of a point on the monotonic clock; of now where there is none.
    package static func wallClockText(of instant: Instant?) -> String {
        let age = instant.map { Instant.now().since($0).count } ?? 0
        return TimeText.seconds(wallClockSeconds() - Double(age) / 1e9)
    }
}
