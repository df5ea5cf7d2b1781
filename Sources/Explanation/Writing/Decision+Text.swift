/// What the route does, for people.
extension Decision {
    /// Endpoints of a backend in one line.
    private static let shownEndpoints = 4

    var lines: [String] {
        var table = Table()
        for policy in policies {
            table.add(policy.key, policy.words)
            if case .answers(let answer) = policy.effect { add(answer, "", to: &table) }
        }
        switch action {
        case .forward(let forward): add(forward, to: &table)
        case .redirect(let answer), .respond(let answer): add(answer, "headers", to: &table)
        case .refuse: break
        }
        return [headline] + table.lines
    }

    private var headline: String {
        let open = openPolicies.isEmpty ? "" : ", if \(Shown.list(openPolicies, "and")) let it through"
        guard let ending, let words = ending.ending else { return "→ \(route): \(summary)\(open)" }
        return "→ \(route): \(words) by \(ending.key)\(open); what passes gets \(summary)"
    }

    /// What the action comes to.
    private var summary: String {
        switch action {
        case .forward(let forward):
            if let chosen = forward.entries.first(where: \.isChosen) { return chosen.label }
            return Shown.list(forward.entries.filter { $0.weight > 0 }.map(\.label), most: 5)
        case .redirect(let answer):
            return "\(answer.status) to \(answer.headers.first { $0.name == "Location" }?.value ?? "")"
        case .respond(let answer): return "\(answer.status), written in the configuration"
        case .refuse(let refusal): return refusal.words
        }
    }

    private func add(_ answer: Answer, _ word: String, to table: inout Table) {
        var word = word
        for field in answer.headers where field.name != "Location" {
            table.add(word, "\(field.name): \(Shown.word(field.value ?? ""))")
            word = ""
        }
    }

    private func add(_ forward: Forward, to table: inout Table) {
        let all = forward.entries.map { $0.request.changes + $0.responseHeaders.map { "answers: \($0)" } }
        let common = (all.first ?? []).filter { change in all.allSatisfy { $0.contains(change) } }
        func add(_ word: String, _ lines: [(share: String, name: String, rest: String, changes: [String])]) {
            for (index, line) in lines.enumerated() {
                let share = line.share.padded(to: lines.map(\.share), toRight: true)
                let columns = [share, line.name.padded(to: lines.map(\.name)), line.rest]
                table.add(index == 0 ? word : "", columns.joined(separator: "  "))
                // Under the name.
                let margin = String(repeating: " ", count: share.count + 2)
                for change in line.changes where !common.contains(change) { table.add("", margin + change) }
            }
        }
        add(
            "backends",
            forward.entries.enumerated().map { index, entry in
                (
                    "\(Shown.percent(entry.share)) %",
                    entry.label == entry.backend ? entry.label : "\(entry.label) (\(entry.backend))",
                    Self.list(entry.endpoints) + (entry.model.map { ", where \($0.words) is READY" } ?? "")
                        + (entry.isChosen ? "  ← this request" : ""),
                    [entry.refusal?.words].compactMap(\.self) + all[index]
                )
            })
        for (index, change) in common.enumerated() { table.add(index == 0 ? "sends" : "", change) }
        add(
            "mirrors",
            forward.mirrors.map { copy in
                ("\(Shown.percent(copy.percent)) %", copy.backend, Self.list(copy.endpoints), copy.request.changes)
            })
    }

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

extension MessageModel {
    fileprivate var words: String {
        Shown.word(name) + (version.isEmpty ? "" : " version \(Shown.word(version))")
    }
}

extension String {
    /// Blanks up to the length of the longest of its column.
    func padded(to column: [String], toRight: Bool = false) -> String {
        let blanks = String(repeating: " ", count: max((column.map(\.count).max() ?? 0) - count, 0))
        return toRight ? blanks + self : self + blanks
    }
}
