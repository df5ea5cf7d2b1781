package import Configuration

/// Changes the weights of a route in the text of its configuration.
package enum WeightEditor {
    /// Why nothing was changed.
    package struct Failure: Error, Sendable, Equatable {
        package enum Kind: Sendable {
            case unknownRoute
            /// What is wanted makes no sense, whatever the files say.
            case invalid
            /// The files do not allow it, or not now.
            case conflict
            /// The configuration would be refused.
            case unloadable
        }

        package var kind: Kind
        /// What is wrong, and what to do instead.
        package var message: String
    }

    /// The weights of one route before and after a change, by the names `as` of its entries.
    package struct Change: Sendable, Equatable {
        package var route: String
        package var before: [String: Int]
        package var after: [String: Int]
    }

    /// Reads the configuration, changes its text, and loads what came of it. Writes nothing. Blocks on the file system.
    ///
    /// Routes that come from one rule of a manifest have one place for their weights and change together. Weights of an Ingress
    /// with a canary are shares of its total, so those wanted become that share.
    ///
    /// - Parameters:
    ///   - weights: by the names `as`; entries that are not named keep theirs.
    ///   - hash: of the configuration that runs, which the files must still be.
    /// - Returns: `nil` where that is what the weights are already.
    package static func prepare(
        path: String, for purpose: ConfigurationLoader.Purpose, route name: String, weights: [String: Int],
        hash: String
    ) throws(Failure) -> WeightEdit? {
        if let obstacle = FileReplacement.obstacle(toReading: path) {
            throw Failure(kind: .conflict, message: obstacle)
        }
        let loaded = ConfigurationLoader.read(paths: [path], for: purpose)
        guard loaded.outcome.hash == hash, let gateway = loaded.outcome.gateway else {
            throw Failure(
                kind: .conflict,
                message: "the files of the configuration are not what runs, somebody has changed them: reload them and "
                    + "try again")
        }
        let entries = try entries(of: name, in: gateway)
        let wanted = try wanted(weights, entries)
        guard wanted != entries.map(\.weight) else { return nil }
        guard let source = loaded.weights.sources[name] else {
            throw Failure(
                kind: .conflict,
                message: "route \(Wording.quoted(name)) has no weights in its manifest: give it a second destination")
        }
        if let obstacle = loaded.outcome.weightPlaces[name]?.obstacle {
            throw Failure(kind: .conflict, message: obstacle)
        }
        let target = try target(wanted, source, entries)
        guard target.weights != target.present else { return nil }
        return try edit(loaded, source, target, path: path, purpose)
    }

    private static func entries(
        of name: String, in gateway: Gateway
    ) throws(Failure) -> [Route.WeightedBackend] {
        guard let route = gateway.routes.first(where: { $0.name == name }) else {
            throw Failure(kind: .unknownRoute, message: "there is no route \(Wording.quoted(name))")
        }
        guard case .forward(let forward) = route.action else {
            throw Failure(
                kind: .conflict, message: "route \(Wording.quoted(name)) forwards nothing and so has no weights")
        }
        return forward.backends
    }

    private static func wanted(
        _ weights: [String: Int], _ entries: [Route.WeightedBackend]
    ) throws(Failure) -> [Int] {
        let labels = entries.map(\.label)
        if let unknown = weights.keys.sorted().first(where: { !labels.contains($0) }) {
            let known = Wording.list(labels.map { Wording.quoted($0, upTo: Bounds.nameBytes) }, "and")
            throw Failure(
                kind: .invalid, message: "this route has no entry \(Wording.quoted(unknown)), it has \(known)")
        }
        let range = Bounds.routeWeight
        if let bad = labels.first(where: { weights[$0].map { !range.contains($0) } == true }) {
            throw Failure(
                kind: .invalid,
                message: "the weight of \(Wording.quoted(bad)) must be a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        let wanted = entries.map { weights[$0.label] ?? $0.weight }
        guard wanted.contains(where: { $0 > 0 }) else {
            throw Failure(
                kind: .invalid,
                message: "every weight would be 0, so no request could go anywhere: give one a weight above 0")
        }
        return wanted
    }

    /// What the files will say.
    private struct Target {
        var weights: [Int]
        var present: [Int]
        /// The number of a canary's annotation.
        var canary: Int?
    }

    private static func target(
        _ wanted: [Int], _ source: WeightTable.Source, _ entries: [Route.WeightedBackend]
    ) throws(Failure) -> Target {
        let present = entries.map(\.weight)
        guard case .canary(_, let total) = source.writing, wanted.count == 2 else {
            return Target(weights: wanted, present: present)
        }
        let labels = entries.map(\.label)
        // Two weights of at most a million, and a total of at most a million.
        let sum = wanted[0] + wanted[1]
        let (share, rest) = (wanted[1] * total).quotientAndRemainder(dividingBy: sum)
        guard rest == 0 else {
            throw Failure(
                kind: .conflict,
                message: "an Ingress says weights as parts of \(total) ('canary-weight-total'): give "
                    + "\(Wording.quoted(labels[0])) and \(Wording.quoted(labels[1])) weights that add up to \(total)")
        }
        return Target(weights: [total - share, share], present: present, canary: share)
    }

    private static func edit(
        _ loaded: ConfigurationLoader.Loaded, _ source: WeightTable.Source, _ target: Target, path: String,
        _ purpose: ConfigurationLoader.Purpose
    ) throws(Failure) -> WeightEdit? {
        guard let gateway = loaded.outcome.gateway else { return nil }
        let (expected, changes) = changed(gateway, loaded.weights, owner: source.owner, target.weights)
        let (file, text) = try edited(loaded, source, target)
        let after = ConfigurationLoader.read(paths: [path], for: purpose, overlay: [file: text])
        guard let result = after.outcome.gateway else {
            let errors = after.outcome.diagnostics.filter { $0.severity == .error }.prefix(3).map(\.description)
            throw Failure(
                kind: .unloadable, message: "the configuration would be refused: " + errors.joined(separator: "; "))
        }
        guard result == expected, after.sources.isSame(as: loaded.sources, but: file) else {
            throw Failure(
                kind: .conflict,
                message:
                    "the weights cannot be changed in \(file) without changing something else, because of how it is "
                    + "written: write each weight as a plain number in the entry it is for")
        }
        return WeightEdit(
            outcome: after.outcome, changes: changes, file: file, before: loaded.sources, after: text)
    }

    /// The text of the file with other numbers in it.
    private static func edited(
        _ loaded: ConfigurationLoader.Loaded, _ source: WeightTable.Source, _ target: Target
    ) throws(Failure) -> (file: String, text: [UInt8]) {
        let nodes: [YAMLNode]
        switch source.writing {
        case .entries(let entries): nodes = entries
        case .canary(let node, _): nodes = [node]
        case .fixed(_, let reason): throw Failure(kind: .conflict, message: reason)
        }
        guard let number = nodes.first?.position.file,
            nodes.allSatisfy({ $0.position.file == number })
        else { throw Failure(kind: .conflict, message: "the weights of this route are in more than one file") }
        let file = loaded.report.name(of: number)
        let text = EditableText(loaded.sources.contents[file] ?? [])
        var edits: [EditableText.Edit] = []
        for (index, node) in nodes.enumerated() {
            let edit: EditableText.Edit?
            if let canary = target.canary {
                edit = text.replacing(node, with: canary)
            } else {
                let weight = target.weights[index]
                // What says so already is left alone, and so is what says nothing where that means as much.
                if target.present[index] == weight { continue }
                edit = text.setting(WeightTable.Source.key, weight, in: node)
            }
            guard let edit else {
                let position = (node.entry(WeightTable.Source.key)?.value ?? node).position
                throw Failure(
                    kind: .conflict,
                    message:
                        "the weight in \(file):\(position.line) is written in a form that cannot be changed in "
                        + "place: write it as a plain number")
            }
            edits.append(edit)
        }
        return (file, text.applying(edits))
    }

    /// The gateway with other weights, and what is different in it.
    private static func changed(
        _ gateway: Gateway, _ table: WeightTable, owner: Int, _ weights: [Int]
    ) -> (Gateway, [Change]) {
        var gateway = gateway
        var changes: [Change] = []
        for index in gateway.routes.indices {
            guard table.sources[gateway.routes[index].name]?.owner == owner,
                case .forward(var forward) = gateway.routes[index].action, forward.backends.count == weights.count
            else { continue }
            let before = forward.weights
            for (entry, weight) in weights.enumerated() { forward.backends[entry].weight = weight }
            gateway.routes[index].action = .forward(forward)
            changes.append(
                Change(route: gateway.routes[index].name, before: before, after: forward.weights))
        }
        return (gateway, changes)
    }
}

extension Route.Forward {
    /// By the names `as` of the entries.
    package var weights: [String: Int] {
        Dictionary(backends.map { ($0.label, $0.weight) }, uniquingKeysWith: { first, _ in first })
    }
}
