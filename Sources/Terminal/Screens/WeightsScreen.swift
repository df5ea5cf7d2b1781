package import API

/// `sluice weights`: the splits of routes, and what a change made of one.
package enum WeightsScreen {
    private static let barColumns = 20

    /// The split of one route.
    package static func lines(_ weights: RouteWeights, width: Int?) -> [StyledLine] {
        var title = StyledLine(weights.route, .strong)
        if let place = weights.place { title.append("  \(place)", .faint) }
        let shares = Split.shares(weights.entries.map(\.weight))
        var table = Table([
            Table.Column("BACKEND", .left, rank: 0, minimum: 12), Table.Column("WEIGHT", rank: 0),
            Table.Column("SHARE", rank: 0), Table.Column("", .left, rank: 1),
        ])
        for (entry, share) in zip(weights.entries, shares) {
            table.rows.append(
                Table.Row([
                    name(entry), StyledLine(String(entry.weight)), StyledLine(Numbers.share(share)),
                    StyledLine(Bar.text(share, columns: barColumns), .good),
                ]))
        }
        var lines = [title] + table.lines(width: width)
        if !weights.editable {
            lines.append(StyledLine("cannot be changed from here: \(weights.reason ?? "no reason given")", .warning))
        }
        if let undo = weights.undo {
            lines.append(StyledLine("--undo restores \(Split.text(undo, like: weights))", .faint))
        }
        return lines.map { line in width.map { line.cut(to: $0) } ?? line }
    }

    /// What a change did.
    package static func change(from before: RouteWeights, to after: RouteWeights, width: Int?) -> [StyledLine] {
        let old = Dictionary(before.entries.map { ($0.as, $0.weight) }, uniquingKeysWith: { first, _ in first })
        let oldShares = Dictionary(
            zip(before.entries.map(\.as), Split.shares(before.entries.map(\.weight))),
            uniquingKeysWith: { first, _ in first })
        var table = Table([
            Table.Column("BACKEND", .left, rank: 0, minimum: 12), Table.Column("WEIGHT", rank: 0),
            Table.Column("", .left, rank: 0), Table.Column("", .left, rank: 0), Table.Column("SHARE", rank: 0),
            Table.Column("", .left, rank: 0), Table.Column("", .left, rank: 0), Table.Column("", .left, rank: 1),
        ])
        for (entry, share) in zip(after.entries, Split.shares(after.entries.map(\.weight))) {
            let isChanged = old[entry.as] != entry.weight
            let style: Style = isChanged ? .strong : .plain
            table.rows.append(
                Table.Row([
                    name(entry), StyledLine(old[entry.as].map(String.init) ?? Numbers.unknown), StyledLine("→", .faint),
                    StyledLine(String(entry.weight), style), StyledLine(Numbers.share(oldShares[entry.as])),
                    StyledLine("→", .faint), StyledLine(Numbers.share(share), style),
                    StyledLine(Bar.text(share, columns: barColumns), .good),
                ]))
        }
        var lines = [StyledLine(after.route, .strong)] + table.lines(width: width)
        if let place = after.place { lines.append(StyledLine("written to \(place)", .faint)) }
        return lines.map { line in width.map { line.cut(to: $0) } ?? line }
    }

    /// The splits of all routes that have one.
    package static func overview(_ status: Status, width: Int?) -> [StyledLine] {
        var table = Table([
            Table.Column("ROUTE", .left, rank: 0, minimum: 12), Table.Column("WEIGHT", rank: 0),
            Table.Column("SHARE", rank: 0), Table.Column("", .left, rank: 1),
        ])
        for route in status.routes where !route.backends.isEmpty {
            table.rows.append(Table.Row([StyledLine(route.name, .strong)]))
            for (entry, share) in zip(route.backends, Split.shares(route.backends.map(\.weight))) {
                var name = StyledLine("  \(entry.as)")
                if entry.as != entry.backend { name.append(" (\(entry.backend))", .faint) }
                table.rows.append(
                    Table.Row([
                        name, StyledLine(String(entry.weight)), StyledLine(Numbers.share(share)),
                        StyledLine(Bar.text(share, columns: barColumns), .good),
                    ]))
            }
        }
        guard !table.rows.isEmpty else { return [StyledLine("no route forwards to backends")] }
        return table.lines(width: width)
    }

    private static func name(_ entry: RouteWeights.Entry) -> StyledLine {
        var name = StyledLine(entry.as)
        if entry.as != entry.backend { name.append(" (\(entry.backend))", .faint) }
        return name
    }
}

enum Split {
    /// The part of each, 0...1; all 0 where there is nothing to share.
    static func shares(_ weights: [Int]) -> [Double] {
        let sum = weights.reduce(0.0) { $0 + Double(max(0, $1)) }
        return weights.map { sum > 0 ? Double(max(0, $0)) / sum : 0 }
    }

    /// `stable 90, canary 10`, in the order of the file.
    static func text(_ values: [String: Int], like weights: RouteWeights) -> String {
        weights.entries.compactMap { entry in values[entry.as].map { "\(entry.as) \($0)" } }.joined(separator: ", ")
    }
}
