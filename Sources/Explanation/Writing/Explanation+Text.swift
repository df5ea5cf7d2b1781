/// For people: one screen.
extension Explanation {
    /// Routes that are shown one by one; of more, those that have nothing to do with the path are counted.
    private static let shownRoutes = 16
    /// Names of later routes in one line.
    private static let shownNames = 5

    /// - Parameter isWhole: shows each route, however many there are.
    package func text(isWhole: Bool = false) -> String {
        var lines = ["\(Shown.word(request.method)) \(Shown.word(request.url))", "  " + circumstances]
        let routes = routeLines(isWhole: isWhole)
        if !routes.isEmpty { lines += [""] + routes }
        lines += [""] + outcomeLines
        return lines.joined(separator: "\n") + "\n"
    }

    /// `over https by listener public (0.0.0.0:8443), from 10.0.0.7 as ann, a gRPC call for model densenet`
    private var circumstances: String {
        var words = "over \(request.scheme)"
        if let listener = request.listener {
            words += " by listener \(listener.name)"
            if listener.address != listener.name { words += " (\(listener.address))" }
        }
        if let client = request.client { words += ", from \(client)" }
        if let user = request.user { words += ", as \(Shown.word(user))" }
        if request.isGRPC { words += ", a gRPC call" }
        if let model = request.model {
            words += ", for model \(Shown.word(model.name))"
            if !model.version.isEmpty { words += " version \(Shown.word(model.version))" }
        }
        return words
    }

    // MARK: Routes

    private func routeLines(isWhole: Bool) -> [String] {
        var table = Table()
        var skipped = 0
        let folds = !isWhole && trials.count > Self.shownRoutes
        func addSkipped() {
            guard skipped > 0 else { return }
            table.add("… \(skipped) more", "host or path differs; --all shows them")
            skipped = 0
        }
        for (index, trial) in trials.enumerated() {
            if folds, index > 0, trial.isElsewhere {
                skipped += 1
                continue
            }
            addSkipped()
            for (line, reason) in trial.reasons.enumerated() { table.add(line == 0 ? trial.name : "", reason) }
        }
        addSkipped()
        if !shadowed.isEmpty {
            table.add("later", "\(Shown.list(shadowed, "and", most: Self.shownNames)) would take it too")
        }
        return table.lines
    }

    // MARK: Outcome

    private var outcomeLines: [String] {
        switch outcome {
        case .refused(let refusal): ["Refused before any route: \(refusal.words)"]
        case .ownOptions: ["Answered by the gateway itself: 200, with the methods it serves"]
        case .noRoute(let refusal): ["No route: \(refusal.words)"]
        case .depends(let routes):
            [
                "It depends on the model that the message names, which --grpc-model NAME[:VERSION] says:",
                "  \(Shown.list(routes, "or", most: Self.shownNames))"
                    + (trials.contains(where: \.isCertain) ? "" : ", or no route"),
            ]
        case .route(let decision): decision.lines
        }
    }
}

extension Explanation.Refusal {
    /// `401 unauthorized, valid credentials are required`
    var words: String { "\(status) \(cause), \(reason)" }
}

extension RouteTrial {
    var isCertain: Bool {
        if case .taken = verdict { return true }
        return false
    }

    /// It is about other hosts or other paths, and so of little interest.
    var isElsewhere: Bool {
        verdict == .refused && (hosts?.outcome == .fails || alternatives.allSatisfy { $0.failedPath != nil })
    }

    /// Why, or why not, in one line for each alternative that comes near.
    var reasons: [String] {
        if let hosts, hosts.outcome == .fails { return [hosts.words] }
        switch verdict {
        case .taken(nil): return [hosts.map { "takes it: host \($0.seen ?? "")" } ?? "takes it, as any request"]
        case .taken(let index?): return ["takes it: \(place(index))\(alternatives[index].heldWords)"]
        case .possible(let index):
            let open = alternatives[index].filter { $0.outcome == .unknown }.map { "\($0.subject.words) \($0.wanted)" }
            return ["takes it if the message names \(open.joined(separator: " and "))"]
        case .refused: return refusals
        }
    }

    private func place(_ index: Int) -> String {
        alternatives.count > 1 ? "match \(index + 1) of \(alternatives.count), " : ""
    }

    private var refusals: [String] {
        let paths = alternatives.compactMap(\.failedPath)
        guard var joined = paths.first else { return numbered(alternatives.map(\.failedWords)) }
        if paths.count == alternatives.count {
            joined.wanted = Shown.list(paths.map(\.wanted))
            return [joined.words]
        }
        // Beside one that comes near, other paths say little.
        return numbered(alternatives.map { $0.failedPath == nil ? $0.failedWords : nil })
    }

    /// Of a route; nobody reads more.
    private static let shownAlternatives = 8

    private func numbered(_ reasons: [String?]) -> [String] {
        guard alternatives.count > 1 else { return reasons.compactMap(\.self) }
        var lines = reasons.enumerated().compactMap { index, reason in reason.map { "match \(index + 1): \($0)" } }
        let others = reasons.count - lines.count
        if lines.count > Self.shownAlternatives {
            let rest = lines.count - Self.shownAlternatives
            lines.replaceSubrange(Self.shownAlternatives..., with: ["\(rest) others come as near; --json has them"])
        }
        if others > 0 { lines.append("\(others == 1 ? "the other is" : "\(others) others are") for another path") }
        return lines
    }
}

extension [Check] {
    /// The condition on the path, if it fails: nothing else matters then.
    var failedPath: Check? { first { $0.subject == .path && $0.outcome == .fails } }

    var failedWords: String { filter { $0.outcome == .fails }.map(\.words).joined(separator: "; ") }

    var heldWords: String {
        map { "\($0.subject.words) \($0.wanted)" }.joined(separator: ", ")
    }
}

extension Check {
    /// `header x-tenant is silver, wants exact gold`
    var words: String {
        guard let seen else { return "\(subject.words) is missing, wants \(wanted)" }
        return "\(subject.words) is \(Shown.word(seen)), wants \(wanted)"
    }
}
