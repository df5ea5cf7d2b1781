import Base
package import Configuration
import HTTP
import Telemetry
import Traffic

/// Answers "why did my request go there": reads a request as the gateway does and asks the routing that serves requests.
package enum Explainer {
    /// - Throws: what is wrong with the name of the listener, to be read behind it.
    package static func explain(_ question: Question, _ gateway: Gateway) throws(InvalidValue) -> Explanation {
        let reading = try Reading(question, gateway)
        var explanation = Explanation(request: summary(question, reading), outcome: .ownOptions)
        switch reading.early {
        case .refused(let error):
            explanation.outcome = .refused(Explanation.Refusal(error))
            return explanation
        case .options: return explanation
        case nil: break
        }
        let table = RouteTable(gateway.routes)
        let view = reading.view(of: table)
        if let model = reading.namedModel(in: view) { explanation.request.model = model }
        let checker = Checker(reading: reading, view: view)
        let found = table.match(view)
        // A route that only an unknown model could match is no decision.
        let end = table.dependsOnModel(view) ? gateway.routes.count - 1 : found ?? gateway.routes.count - 1
        if end >= 0 { explanation.trials = gateway.routes[...end].map { checker.trial(of: $0) } }
        guard let found else {
            explanation.outcome = .noRoute(Explanation.Refusal(.noRoute))
            return explanation
        }
        if table.dependsOnModel(view) {
            explanation.outcome = .depends(cutAtCertainty(&explanation.trials))
            return explanation
        }
        let route = gateway.routes[found]
        explanation.shadowed = gateway.routes[(found + 1)...].filter(checker.takes).map(\.name)
        explanation.outcome = .route(
            DecisionMaker(
                reading: reading, gateway: gateway, route: route, view: view, isPasswordGiven: question.givesPassword
            )
            .decision(explanation.trials.last))
        explanation.request.user = reading.user
        return explanation
    }

    /// Drops what stands behind the first route that takes the request whatever its model.
    ///
    /// - Returns: the names of those that may take it.
    private static func cutAtCertainty(_ trials: inout [RouteTrial]) -> [String] {
        let certain = trials.firstIndex { trial in
            if case .taken = trial.verdict { return true }
            return false
        }
        if let certain { trials.removeSubrange((certain + 1)...) }
        return trials.filter { $0.verdict != .refused }.map(\.name)
    }

    private static func summary(_ question: Question, _ reading: Reading) -> Explanation.Request {
        Explanation.Request(
            method: question.method, url: Shown.value(question.url.text),
            listener: reading.listener.map { .init(name: $0.name, address: "\($0.address)") },
            scheme: reading.scheme.rawValue, host: text(reading.hostName).lowercased(), path: text(reading.path),
            client: reading.client?.description, user: nil, isGRPC: reading.isGRPC)
    }
}

extension Question {
    /// Whether it says a password to be right or wrong, and not just who the user is.
    var givesPassword: Bool { header("authorization") != nil || credentials?.contains(":") == true }
}

extension Explanation.Refusal {
    /// - Parameter status: `nil` for the cause's own.
    init(_ cause: Cause, _ reason: String? = nil, status: Int? = nil) {
        self.init(status: status ?? cause.status, cause: cause.description, reason: reason ?? cause.message)
    }

    init(_ error: MessageError) {
        let cause: Cause =
            switch error.kind {
            case .malformed: .badRequest
            case .targetTooLong: .uriTooLong
            case .headTooLarge: .headersTooLarge
            case .notImplemented: .notImplemented
            }
        self.init(cause, "\(error.reason)")
    }
}
