import Base
import Configuration
import HTTP
import Telemetry
import Traffic

/// Follows a request through the route that takes it.
struct DecisionMaker {
    let reading: Reading
    let gateway: Gateway
    let route: Route
    let view: RequestView
    let isPasswordGiven: Bool

    /// Who it is, where the route asks.
    var user: String? { route.basicAuth == nil ? nil : reading.user }

    func decision(_ trial: RouteTrial?) -> Decision {
        var alternative: Int?
        if case .taken(let index) = trial?.verdict { alternative = index }
        var decision = Decision(route: route.name, alternative: alternative, action: action)
        decision.policies = policies()
        return decision
    }

    private static let unwritable = Explanation.Refusal(.badRequest, "the path cannot be rewritten")

    private var action: Decision.Action {
        switch route.action {
        case .forward(let forward): .forward(self.forward(forward))
        case .redirect(let redirect): answer(redirect).map { .redirect($0) } ?? .refuse(Self.unwritable)
        case .respond(let fixed): .respond(answer(fixed))
        }
    }

    private func forward(_ forward: Route.Forward) -> Decision.Forward {
        let total = forward.backends.reduce(0) { $0 + $1.weight }
        var result = Decision.Forward()
        result.entries = forward.backends.map { entry in
            let (sent, refusal) = sent(to: entry)
            var result = Decision.Entry(
                label: entry.label, backend: entry.backend, weight: entry.weight,
                share: total == 0 ? 0 : Double(entry.weight) / Double(total) * 100,
                endpoints: endpoints(of: entry.backend), request: sent,
                responseHeaders: Shown.operations(entry.responseHeaders),
                refusal: refusal ?? self.refusal(of: entry.backend))
            if goesByModel(entry.backend) { result.model = servedModel(entry) }
            return result
        }
        if let chosen = chosenEntry(forward) { result.entries[chosen].isChosen = true }
        // WebSocket has no copies.
        let mirrors = reading.head.asksForWebSocket ? [] : forward.mirrors
        result.mirrors = mirrors.map { mirror in
            Decision.Copy(
                backend: mirror.backend, percent: mirror.percent, endpoints: endpoints(of: mirror.backend),
                request: sent(to: mirror))
        }
        return result
    }

    func backend(_ name: String) -> Backend? { gateway.backends.first { $0.name == name } }

    /// Where the request goes at each of them: gRPC has a port of its own at Triton, and names may be pinned.
    private func endpoints(of name: String) -> [String] {
        guard let backend = backend(name) else { return [] }
        let addresses = backend.endpoints.map { endpoint in
            guard var place = endpoint.address.hostPort else { return "\(endpoint.address)" }
            if reading.isGRPC, let port = endpoint.grpcPort { place.port = port }
            guard var pinned = Pins.place(of: place.host, in: gateway.resolve) else { return "\(place)" }
            if reading.isGRPC, let port = endpoint.grpcPort { pinned.port = port }
            return "\(place) at \(pinned)"
        }
        // Which pods these are is known only to a gateway that runs in the cluster.
        let services = backend.services.map { service in
            let port = (reading.isGRPC ? service.grpcPort : nil).map { "\($0)" } ?? service.port
            return "pods of \(service.namespace)/\(service.service), port \(port)"
        }
        return addresses + services
    }

    /// Whether it makes a difference which endpoint has the request's model, and the gateway knows.
    private func goesByModel(_ name: String) -> Bool {
        guard let backend = backend(name), backend.answersQuestions, !route.fanOut else { return false }
        return backend.endpoints.count > 1 || !backend.services.isEmpty
    }

    private func refusal(of name: String) -> Explanation.Refusal? {
        guard reading.isGRPC, let backend = backend(name), backend.protocol != .http2,
            !backend.hasGRPCPort
        else { return nil }
        return Explanation.Refusal(.notImplemented, "this backend speaks no gRPC")
    }
}
