/// What would take back the last change of each route's weights.
///
/// A step is good while the weights are those that the change made. Taking it back is a change as well, so the next step
/// does it again.
package struct UndoSteps: Sendable {
    private struct Step {
        var made: [String: Int]
        var restores: [String: Int]
    }

    /// By routes that were changed from here: no more than there are routes.
    private var steps: [String: Step] = [:]

    package init() {}

    package mutating func changed(_ route: String, from before: [String: Int], to after: [String: Int]) {
        steps[route] = Step(made: after, restores: before)
    }

    /// The weights from before the last change; `nil` where there was none, or others have changed them since.
    package func restoring(_ route: String, whoseWeightsAre weights: [String: Int]) -> [String: Int]? {
        guard let step = steps[route], step.made == weights else { return nil }
        return step.restores
    }

    /// Whether there was a change from here that another one has made void.
    package func isKnown(_ route: String) -> Bool { steps[route] != nil }

    /// Forgets the steps of routes that are gone. To be called when another configuration runs.
    package mutating func keep(where exists: (String) -> Bool) { steps = steps.filter { exists($0.key) } }
}
