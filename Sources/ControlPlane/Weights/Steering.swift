import ConfigFiles
import Configuration
import Observation

/// What the control plane remembers of the files it runs and of those who change weights in them.
struct Steering {
    /// By route, of the configuration that runs.
    var places: [String: WeightPlace] = [:]
    /// What is watched for that configuration, and what was read for it.
    var watched: [String] = []
    var fingerprint: SourceFingerprint?
    var undo = UndoSteps()
    var log = ChangeLog()

    /// Another configuration runs.
    mutating func adopt(_ outcome: ConfigurationLoader.Outcome) {
        places = outcome.weightPlaces
        watched = outcome.watched
        fingerprint = outcome.fingerprint
        undo.keep { places[$0] != nil }
    }
}

/// One call that changes the weights of a route.
struct WeightOrder: Sendable {
    enum Change: Sendable {
        case set([String: Int])
        case undo
    }

    var change: Change
    var route: String
    var ifMatch: String?
    var caller: Caller
}

extension Gateway {
    /// The entries of a route and their weights.
    func split(of name: String) throws(Refusal) -> Route.Forward {
        guard let route = routes.first(where: { $0.name == name }) else {
            throw Refusal(404, "there is no such route; /api/v1/status lists them")
        }
        guard case .forward(let forward) = route.action else {
            throw Refusal(409, "this route forwards nothing and so has no weights")
        }
        return forward
    }
}
