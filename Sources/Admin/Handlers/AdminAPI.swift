import API
import Base
import Configuration
import ControlPlane
import HTTP
import Telemetry

/// What a listener of the operator's side answers: `/healthz` and `/readyz` to everybody, the rest past the guards, in the
/// order of docs/admin-api.md.
final class AdminAPI: Sendable {
    typealias Completion = @Sendable (AdminResponse) -> Void

    let plane: ControlPlane
    private let surface: Surface?

    /// What the listener `metrics` has none of.
    private struct Surface: Sendable {
        var readOnly: Bool
        var origins: OriginGuard
        var login: LoginGate?
    }

    /// - Parameter surface: `nil` for the second listener, which has `/metrics` and the probes alone.
    init(plane: ControlPlane, surface: AdminSurface?, login: LoginGate?) {
        self.plane = plane
        self.surface = surface.map { Surface(readOnly: $0.readOnly, origins: OriginGuard($0), login: login) }
    }

    /// - Parameter completion: called once, on any thread.
    func handle(_ request: AdminRequest, _ session: LoginSession, now: Instant, completion: @escaping Completion) {
        guard request.path.hasPrefix("/") else {
            return completion(.error(400, "the target of a request must be a path here"))
        }
        let call = AdminCall(path: request.path)
        if let call, call == .health || call == .readiness {
            completion(probe(call, request))
            return
        }
        guard let surface else {
            guard call == .metrics else {
                return completion(.error(404, "only /metrics, /healthz and /readyz are served here"))
            }
            return serve(.metrics, request, completion)
        }
        if let refusal = surface.origins.refusal(of: request) { return completion(.error(403, refusal)) }
        guard let login = surface.login else { return serve(call, request, surface, completion) }
        login.check(request, session, now: now) { [self] verdict in
            switch verdict {
            case .admitted(let user):
                var request = request
                request.user = user
                serve(call, request, surface, completion)
            case .refused:
                completion(
                    .error(401, "a user name and a password are needed").with("WWW-Authenticate", login.challenge))
            case .limited(let wait):
                let seconds = max(1, (wait.count + 999_999_999) / 1_000_000_000)
                completion(
                    .error(429, "too many wrong passwords came from this address, try again in \(seconds) s")
                        .with("Retry-After", "\(seconds)"))
            case .busy:
                completion(
                    .error(503, "too many passwords are being looked at, try again").with("Retry-After", "1"))
            }
        }
    }

    private func probe(_ call: AdminCall, _ request: AdminRequest) -> AdminResponse {
        if let refusal = refusal(of: request, methods: call.methods) { return refusal }
        if call == .health { return .text(200, "ok") }
        return plane.isReady ? .text(200, "ready") : .text(503, "not ready")
    }

    /// Past the guards.
    private func serve(
        _ call: AdminCall?, _ request: AdminRequest, _ surface: Surface, _ completion: @escaping Completion
    ) {
        if surface.readOnly, !request.isRead { return completion(.error(403, "admin.readOnly is set")) }
        if let call { return serve(call, request, completion) }
        guard let file = DashboardFile.at(request.path) else {
            return completion(.error(404, "there is no such path; /api/v1/status is one"))
        }
        completion(
            refusal(of: request, methods: [.get, .head])
                ?? .file(file, ifNoneMatch: request.fields.ifNoneMatch))
    }

    private func serve(_ call: AdminCall, _ request: AdminRequest, _ completion: @escaping Completion) {
        if let refusal = refusal(of: request, methods: call.methods) { return completion(refusal) }
        switch call {
        case .health, .readiness: completion(probe(call, request))
        case .metrics: metrics(request, completion)
        case .status: status(request, completion)
        case .reload: reload(request, completion)
        case .drain: drain(request, completion)
        case .weights(let route): weights(of: route, request, completion)
        case .undoWeights(let route): undoWeights(of: route, request, completion)
        case .changes: changes(completion)
        case .events: events(completion)
        case .requests: requests(completion)
        case .history: history(request, completion)
        case .models: models(request, completion)
        case .scale: ScaleReport.answer(request, plane, completion)
        case .unreadableRoute:
            completion(.error(400, "the name of the route cannot be read, write it percent-encoded"))
        }
    }

    private func refusal(of request: AdminRequest, methods: [Method]) -> AdminResponse? {
        guard methods.contains(request.method) else {
            let allow = AdminCall.allow(methods)
            return .error(405, "this path has no such method, use \(allow)").with("Allow", allow)
        }
        // No form of a page can send this type without asking first.
        guard request.body.isEmpty || request.isRead || request.hasJSON else {
            return .error(415, "the body must be JSON, send it with 'Content-Type: application/json'")
        }
        return nil
    }

    private func metrics(_ request: AdminRequest, _ completion: @escaping Completion) {
        let format = ExpositionFormat.negotiate(accept: request.fields.accept)
        plane.metrics(format) { completion(.bytes(200, $0, as: format.contentType)) }
    }
}
