import ControlPlane
import HTTP

/// The weights of routes, and what was changed by whom.
extension AdminAPI {
    func weights(of route: String, _ request: AdminRequest, _ completion: @escaping Completion) {
        guard request.method == .put else {
            plane.weights(of: route) { completion(Self.answer($0)) }
            return
        }
        do throws(FlatJSON.Failure) {
            plane.setWeights(
                try WeightsCall.weights(request.body), of: route, ifMatch: request.fields.ifMatch, by: request.caller
            ) { completion(Self.answer($0)) }
        } catch {
            completion(.error(400, error.message))
        }
    }

    func undoWeights(of route: String, _ request: AdminRequest, _ completion: @escaping Completion) {
        guard request.body.isEmpty else { return completion(.error(400, "this call has no body, leave it out")) }
        plane.undoWeights(of: route, ifMatch: request.fields.ifMatch, by: request.caller) {
            completion(Self.answer($0))
        }
    }

    func changes(_ completion: @escaping Completion) {
        plane.changes { completion(.json(200, $0)) }
    }

    private static func answer(_ result: ControlPlane.WeightsResult) -> AdminResponse {
        switch result {
        case .success(let (weights, etag)): .json(200, weights).with("ETag", etag)
        case .failure(let refusal): .error(refusal.status, refusal.message)
        }
    }
}

extension AdminRequest {
    var caller: Caller { Caller(user: user, client: client) }
}
