import ControlPlane

/// What moves: events, the last minutes, requests worth a look, models.
extension AdminAPI {
    func events(_ completion: @escaping Completion) {
        var response = AdminResponse(
            200,
            [
                .init(name: "Content-Type", value: "text/event-stream"),
                // Proxies of the operator's are not to gather events.
                .init(name: "X-Accel-Buffering", value: "no"),
            ])
        response.body = .events { [plane] in plane.subscribe($0) }
        completion(response)
    }

    func requests(_ completion: @escaping Completion) {
        plane.requests { completion(.json(200, $0)) }
    }

    func history(_ request: AdminRequest, _ completion: @escaping Completion) {
        guard let subject = HistoryCall.subject(request.query) else {
            return completion(
                .error(400, "name a place: ?route=R, ?route=R&as=E, ?backend=B or ?backend=B&endpoint=A"))
        }
        plane.history(subject) { history in
            completion(
                history.map { .json(200, $0) } ?? .error(404, "there is no such place; /api/v1/status lists them"))
        }
    }

    func models(_ request: AdminRequest, _ completion: @escaping Completion) {
        switch PercentCoding.parameters(request.query) {
        case [:]: plane.models(refresh: false) { completion(.json(200, $0)) }
        case ["refresh": "1"]: plane.models(refresh: true) { completion(.json(200, $0)) }
        default: completion(.error(400, "the one parameter is ?refresh=1"))
        }
    }
}
