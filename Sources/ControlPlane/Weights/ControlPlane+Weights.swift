package import API
import ConfigFiles
import Configuration
import DataPlane
import Dispatch
import Observation
import Telemetry

/// The weights of routes: shown, changed in the file and put in force, and changed back.
extension ControlPlane {
    /// The weights of a route and the `ETag` of their state, in its quotes.
    package typealias WeightsResult = Result<(RouteWeights, etag: String), Refusal>

    /// `completion` runs on the control queue, as those below do.
    package func weights(of route: String, completion: @escaping @Sendable (WeightsResult) -> Void) {
        queue.async { [self] in completion(currentWeights(of: route)) }
    }

    /// Writes weights into the file of the configuration and has every loop use them.
    ///
    /// - Parameters:
    ///   - weights: by the names `as` of the route's entries; those that are not named keep theirs.
    ///   - ifMatch: the field's value, if the call has it.
    package func setWeights(
        _ weights: [String: Int], of route: String, ifMatch: String?, by caller: Caller,
        completion: @escaping @Sendable (WeightsResult) -> Void
    ) {
        changeWeights(
            WeightOrder(change: .set(weights), route: route, ifMatch: ifMatch, caller: caller), completion)
    }

    /// Takes the last change of a route's weights back; the next call does it again.
    package func undoWeights(
        of route: String, ifMatch: String?, by caller: Caller, completion: @escaping @Sendable (WeightsResult) -> Void
    ) {
        changeWeights(WeightOrder(change: .undo, route: route, ifMatch: ifMatch, caller: caller), completion)
    }

    private func changeWeights(_ order: WeightOrder, _ completion: @escaping @Sendable (WeightsResult) -> Void) {
        queue.async { [self] in
            let edit = PendingEdit(order: order, completion: completion)
            reloadInTurn(
                PendingReload(trigger: "weights", loaded: nil, edit: edit) { [self] report in finish(edit, report) })
        }
    }

    // MARK: Showing

    private var weightsTag: String { "\"\(snapshot?.hash ?? "")\"" }

    private func currentWeights(of route: String) -> WeightsResult {
        do throws(Refusal) {
            let forward = try runningSplit(of: route)
            let place = steering.places[route]
            let obstacle = obstacle(to: place)
            let weights = RouteWeights(
                route: route,
                entries: forward.backends.map { .init(as: $0.label, backend: $0.backend, weight: $0.weight) },
                place: place?.description, editable: obstacle == nil, reason: obstacle,
                undo: steering.undo.restoring(route, whoseWeightsAre: forward.weights))
            return .success((weights, etag: weightsTag))
        } catch {
            return .failure(error)
        }
    }

    private func runningSplit(of route: String) throws(Refusal) -> Route.Forward {
        guard let gateway = snapshot?.gateway else { throw Refusal(409, "the gateway has not started yet, try again") }
        return try gateway.split(of: route)
    }

    private func obstacle(to place: WeightPlace?) -> String? {
        if snapshot?.gateway.admin?.readOnly == true { return Self.readOnlyRefusal.message }
        guard let place else { return "the manifest of this route writes no weights: give it a second destination" }
        return place.obstacle ?? FileReplacement.obstacle(to: place.file)
    }

    private static let readOnlyRefusal = Refusal(
        403, "this gateway may not be changed from here (admin.readOnly): change the file of its configuration")

    // MARK: Changing

    /// The first half of a change, in its turn among the reloads: nothing else changes the configuration until it is over.
    ///
    /// - Returns: what is to be put in force; `nil` where nothing was changed, and the caller has been told.
    func begin(_ edit: PendingEdit) -> ConfigurationLoader.Outcome? {
        do throws(Refusal) {
            edit.before = try runningSplit(of: edit.order.route).weights
            let wanted = try allowed(edit)
            edit.wanted = wanted
            guard let change = try prepare(edit.order.route, wanted) else {
                edit.completion(currentWeights(of: edit.order.route))
                return nil
            }
            do throws(WeightEditor.Failure) {
                try change.write()
            } catch {
                throw Refusal(error)
            }
            edit.change = change
            return change.outcome
        } catch {
            refuse(edit, error)
            return nil
        }
    }

    /// The weights that are wanted, if anything may be changed now.
    private func allowed(_ edit: PendingEdit) throws(Refusal) -> [String: Int] {
        guard snapshot?.gateway.admin?.readOnly != true else { throw Self.readOnlyRefusal }
        guard !isStopping else {
            throw Refusal(409, "this process is stopping, or another one has taken over: ask the one that serves")
        }
        guard !isHandingOver else {
            throw Refusal(409, "another process is taking over, and nothing may change meanwhile: try again")
        }
        if let condition = edit.order.ifMatch, !IfMatch.allows(condition, weightsTag) {
            throw Refusal(412, "the configuration has been changed since you read the weights: read them again")
        }
        switch edit.order.change {
        case .set(let weights):
            guard !weights.isEmpty else { throw Refusal(400, "no weight is given, write such as {\"stable\": 90}") }
            return weights
        case .undo:
            guard let weights = steering.undo.restoring(edit.order.route, whoseWeightsAre: edit.before ?? [:]) else {
                throw Refusal(
                    409,
                    steering.undo.isKnown(edit.order.route)
                        ? "the weights have been changed otherwise since, so there is nothing to undo"
                        : "the weights of this route have not been changed from here, so there is nothing to undo")
            }
            return weights
        }
    }

    private func prepare(_ route: String, _ wanted: [String: Int]) throws(Refusal) -> WeightEdit? {
        do throws(WeightEditor.Failure) {
            return try WeightEditor.prepare(
                path: path, for: .service, route: route, weights: wanted, hash: snapshot?.hash ?? "")
        } catch {
            if error.kind == .conflict, lastReload?.outcome == .rejected {
                throw Refusal(
                    409,
                    "\(error.message); the last reload was rejected, so the gateway runs the configuration before: "
                        + (lastReload?.message ?? ""))
            }
            throw Refusal(error)
        }
    }

    /// The second half: it is in force, or the file is put back.
    private func finish(_ edit: PendingEdit, _ report: ReloadReport) {
        guard let change = edit.change else { return }
        guard report.outcome != .rejected else {
            var message = "the change could not be put in force: \(report.message)"
            do throws(WeightEditor.Failure) {
                try change.revert()
            } catch {
                message += "; it stays in the file: \(error.message)"
            }
            refuse(edit, Refusal(409, message))
            return
        }
        for change in change.changes {
            steering.undo.changed(change.route, from: change.before, to: change.after)
            // Of the routes that follow it the log says as much, with their own names.
            recordChange(
                changeRecord(
                    edit.kind, of: change.route, by: edit.order.caller, before: change.before, after: change.after))
        }
        edit.completion(currentWeights(of: edit.order.route))
    }

    private func refuse(_ edit: PendingEdit, _ refusal: Refusal) {
        // Names that no entry has are whatever somebody sent; the message has the first.
        let known = Set((edit.before ?? [:]).keys)
        recordChange(
            changeRecord(
                edit.kind, of: edit.order.route, by: edit.order.caller, before: edit.before,
                after: edit.wanted.flatMap { $0.isEmpty || !$0.keys.allSatisfy(known.contains) ? nil : $0 },
                refusal: refusal.message))
        edit.completion(.failure(refusal))
    }
}

/// A change of weights that waits for its turn, or is being made. Used on the control queue.
final class PendingEdit: @unchecked Sendable {
    let order: WeightOrder
    let completion: @Sendable (ControlPlane.WeightsResult) -> Void
    var before: [String: Int]?
    var wanted: [String: Int]?
    var change: WeightEdit?

    init(order: WeightOrder, completion: @escaping @Sendable (ControlPlane.WeightsResult) -> Void) {
        self.order = order
        self.completion = completion
        if case .set(let weights) = order.change { wanted = weights }
    }

    var kind: ChangeRecord.Kind {
        if case .undo = order.change { .undo } else { .weights }
    }
}

extension Refusal {
    fileprivate init(_ failure: WeightEditor.Failure) {
        let status =
            switch failure.kind {
            case .unknownRoute: 404
            case .invalid: 400
            case .conflict: 409
            case .unloadable: 422
            }
        self.init(status, failure.message)
    }
}
