import Base
import Configuration
import HTTP
import Traffic

/// Where a request goes after its path is rewritten, and where a redirect sends it.
extension DecisionMaker {
    func rewriting(_ entry: Route.WeightedBackend) -> (target: [UInt8], ofMessages: [String]) {
        (target, [])
    }

    func answer(_ redirect: Route.Redirect) -> Decision.Answer {
        answer(status: redirect.code) { _ in }
    }
}
