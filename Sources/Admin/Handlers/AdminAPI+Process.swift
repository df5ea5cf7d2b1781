import API
import ControlPlane
import HTTP
import Telemetry

/// What concerns the gateway as a whole.
extension AdminAPI {
    func status(_ request: AdminRequest, _ completion: @escaping Completion) {
        plane.status { status in
            completion(.json(200, status).with("ETag", EntityTag.quoted(status.configuration.hash)))
        }
    }

    func reload(_ request: AdminRequest, _ completion: @escaping Completion) {
        plane.reload("API") { report in
            let status = report.outcome == .rejected ? 422 : 200
            completion(.json(status, Status.Reload(report)))
        }
    }

    func drain(_ request: AdminRequest, _ completion: @escaping Completion) {
        let draining = request.method == .post
        let done = AdminResponse.json(200, ["draining": draining])
        switch DrainCall(query: request.query, body: request.body) {
        case .gateway:
            plane.setDraining(draining)
            completion(done)
        case .endpoint(let address, let backend):
            plane.setDraining(draining, endpoint: address, of: backend) { exists in
                completion(exists ? done : .error(404, "there is no such endpoint; /api/v1/status lists them"))
            }
        case nil:
            completion(.error(400, "write backend and endpoint, or nothing for the whole gateway"))
        }
    }
}
