import API
import ControlPlane
import Kubernetes
import Telemetry

/// `GET /api/v1/scale?backend=B[&model=M[&version=V]]`
extension ScaleReport {
    static func answer(
        _ request: AdminRequest, _ plane: ControlPlane, _ completion: @escaping @Sendable (AdminResponse) -> Void
    ) {
        let usage =
            "name a backend, and a model if you like: ?backend=B, ?backend=B&model=M or ?backend=B&model=M&version=V"
        guard let query = PercentCoding.parameters(request.query), let name = query["backend"],
            Set(query.keys).isSubset(of: ["backend", "model", "version"]),
            query["version"] == nil || query["model"] != nil
        else {
            plane.countScaleRequest(.refused)
            return completion(.error(400, usage))
        }
        let model = query["model"].map { ModelChoice(name: $0, version: query["version"]) }
        plane.scalePicture { picture in
            guard let (backend, numbers) = picture.backend(name, model: model) else {
                plane.countScaleRequest(.notFound)
                return completion(.error(404, "there is no such backend; /api/v1/status lists them"))
            }
            plane.countScaleRequest(numbers.endpoints > 0 ? .ok : .empty)
            completion(.json(200, ScaleReport(backend, model, numbers)))
        }
    }

    private init(_ backend: ScalePicture.Backend, _ model: ModelChoice?, _ numbers: ScaleNumbers) {
        // Where there is nothing to ask, nothing waits there.
        func value(_ metric: ScaleMetric) -> Double? {
            numbers.value(of: metric) ?? (backend.endpoints.isEmpty && metric != .gpuUtilization ? 0 : nil)
        }
        self.init(
            backend: backend.name, model: model?.name, version: model?.version,
            time: ControlPlane.wallClockText(of: numbers.readAt), queueMicroseconds: value(.queueTime),
            pendingRequests: value(.pending), requestsPerSecond: value(.rate),
            queueToComputeRatio: value(.queueToCompute), gpuUtilization: value(.gpuUtilization),
            endpoints: backend.endpoints.count, readyEndpoints: backend.readyEndpoints,
            freshEndpoints: numbers.endpoints, queued: backend.queued, held: backend.held,
            modelKnown: model == nil ? nil : numbers.knowsModel)
    }
}
