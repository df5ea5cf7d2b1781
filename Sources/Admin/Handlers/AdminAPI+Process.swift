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
        plane.reload("API") { [plane] report in
            let isRejected = report.outcome == .rejected
            plane.noteChange(.reload, by: request.caller, refusal: isRejected ? report.message : nil)
            completion(.json(isRejected ? 422 : 200, Status.Reload(report)))
        }
    }

    func drain(_ request: AdminRequest, _ completion: @escaping Completion) {
        let draining = request.method == .post
        let done = AdminResponse.json(200, ["draining": draining])
        let kind: ChangeRecord.Kind = draining ? .drain : .undrain
        switch DrainCall(query: request.query, body: request.body) {
        case .gateway:
            plane.setDraining(draining)
            plane.noteChange(kind, by: request.caller)
            completion(done)
        case .endpoint(let address, let backend):
            plane.setDraining(draining, endpoint: address, of: backend) { [plane] exists in
                // What is not there may be anything, and has no place in the record.
                guard exists else {
                    return completion(.error(404, "there is no such endpoint; /api/v1/status lists them"))
                }
                plane.noteChange(kind, of: "\(backend)/\(address)", by: request.caller)
                completion(done)
            }
        case nil:
            completion(.error(400, "write backend and endpoint, or nothing for the whole gateway"))
        }
    }
}
