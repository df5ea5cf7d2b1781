/// What the route does, for people.
extension Decision {
    /// Endpoints of a backend in one line.
    private static let shownEndpoints = 4

    var lines: [String] {
        var table = Table()
        for policy in policies { table.add(policy.key, policy.words) }
        if case .forward(let forward) = action { add(forward, to: &table) }
        return [headline] + table.lines
    }

    private var headline: String {
        let ending = policies.lazy.compactMap { policy in policy.ending.map { "\($0) by \(policy.key)" } }.first
        return "→ \(route): " + (ending.map { $0 + "; what passes gets " } ?? "") + summary
    }

    /// What the action comes to.
    private var summary: String {
        switch action {
        case .forward(let forward):
            let taking = forward.entries.filter { $0.weight > 0 }
            if let chosen = forward.entries.first(where: \.isChosen) { return chosen.label }
            return Shown.list(taking.map(\.label), most: 5)
        case .redirect(let answer):
            return "\(answer.status) to \(answer.headers.first { $0.name.lowercased() == "location" }?.value ?? "")"
        case .respond(let answer): return "\(answer.status), written in the configuration"
        }
    }

    private func add(_ forward: Forward, to table: inout Table) {
        let all = forward.entries.map { $0.request.changes + $0.responseHeaders.map { "answers: \($0)" } }
        let common = (all.first ?? []).filter { change in all.allSatisfy { $0.contains(change) } }
        func add(_ changes: [String]) {
            for change in changes where !common.contains(change) { table.add("", Self.margin + change) }
        }
        var word = "backends"
        let shares = forward.entries.map { "\(Shown.percent($0.share)) %" }
        let names = forward.entries.map { $0.label == $0.backend ? $0.label : "\($0.label) (\($0.backend))" }
        for (index, entry) in forward.entries.enumerated() {
            let columns = [shares[index].padded(to: shares, toRight: true), names[index].padded(to: names)]
            var text = columns.joined(separator: "  ") + "  \(Self.list(entry.endpoints))"
            if entry.isChosen { text += "  ← this request" }
            table.add(word, text)
            if let refusal = entry.refusal { table.add("", Self.margin + refusal.words) }
            add(all[index])
            word = ""
        }
        word = "sends"
        for change in common {
            table.add(word, change)
            word = ""
        }
        word = "mirrors"
        for copy in forward.mirrors {
            table.add(word, "\(Shown.percent(copy.percent)) %  \(copy.backend)  \(Self.list(copy.endpoints))")
            add(copy.request.changes)
            word = ""
        }
    }

    /// In front of what is particular to an entry.
    private static let margin = "  "

    private static func list(_ endpoints: [String]) -> String {
        Shown.list(endpoints, "and", most: shownEndpoints)
    }
}

extension Decision.Policy {
    /// What it answers, if the request ends here.
    var ending: String? {
        switch effect {
        case .applies, .depends: nil
        case .answers(let answer): "\(answer.status)"
        case .refuses(let refusal): "\(refusal.status) \(refusal.cause)"
        }
    }

    var words: String { ending.map { "\($0): \(says)" } ?? says }
}

extension String {
    /// Blanks up to the length of the longest of its column.
    func padded(to column: [String], toRight: Bool = false) -> String {
        let blanks = String(repeating: " ", count: max((column.map(\.count).max() ?? 0) - count, 0))
        return toRight ? blanks + self : self + blanks
    }
}
