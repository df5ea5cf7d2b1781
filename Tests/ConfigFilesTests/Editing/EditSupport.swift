import Configuration
import Testing

@testable import ConfigFiles

/// One change of weights made in memory.
struct Edited {
    let edit: WeightEdit

    /// The file with the change.
    var text: String { String(decoding: edit.after, as: UTF8.self) }

    /// - Returns: `nil` where the weights are those already.
    init?(
        path: String, _ route: String, _ weights: [String: Int]
    ) throws(WeightEditor.Failure) {
        let hash = ConfigurationLoader.load(path: path).hash
        guard
            let edit = try WeightEditor.prepare(
                path: path, for: .inspection, route: route, weights: weights, hash: hash)
        else { return nil }
        self.edit = edit
    }

    /// The weights of a route as the edited text loads, in file order.
    func weights(of route: String) -> [Int] { Edited.split(edit.outcome.gateway, route)?.backends.map(\.weight) ?? [] }

    static func split(_ gateway: Gateway?, _ route: String) -> Route.Forward? {
        guard case .forward(let forward)? = gateway?.routes.first(where: { $0.name == route })?.action else {
            return nil
        }
        return forward
    }
}

/// A configuration with one route `infer` whose `backends` are what is given, behind eight blanks for each line.
func native(_ backends: String) -> String {
    """
    # The gateway of the example.
    listeners: [{ address: "127.0.0.1:8080" }]
    backends:
      stable: { endpoints: ["127.0.0.1:8000"] }
      canary: { endpoints: ["127.0.0.1:8001"] }
    routes:
      - name: infer

    """ + backends + "\n    timeout: 5s # the last line\n"
}
