import Base
import Configuration
import HTTP
import Traffic

/// What arrives at an endpoint: written by the serialiser that writes it to endpoints, and read again.
extension DecisionMaker {
    func sent(to entry: Route.WeightedBackend, _ alternative: Int?) -> Decision.Sent {
        sent(isMirror: false)
    }

    func sent(to mirror: Route.Mirror, _ alternative: Int?) -> Decision.Sent {
        sent(isMirror: true)
    }

    private func sent(isMirror: Bool) -> Decision.Sent {
        Decision.Sent(method: "", target: "", host: "")
    }
    var cors: Decision.Policy? { nil }
    func answer(_ redirect: Route.Redirect, _ alternative: Int?) -> Decision.Answer {
        Decision.Answer(status: redirect.code)
    }
}
