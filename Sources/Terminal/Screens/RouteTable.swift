import API

/// Routes and under each its split, as it should be and as it is, and its mirrors.
enum RouteTable {
    /// Columns of the bar that stands for all of a route's requests.
    private static let barColumns = 10
    /// From how much on a split that is not as wanted is marked, and from how many requests a second: few fall as they
    /// fall.
    private static let deviation = 0.05
    private static let enoughRate = 50.0

    static func make(_ state: LiveState) -> Table {
        var table = Table(
            [
                Table.Column("ROUTE", .left, rank: 0, minimum: 16), Table.Column("WEIGHT", rank: 7),
                Table.Column("WANTED", rank: 1), Table.Column("NOW", rank: 2),
            ] + FlowCells.columns(from: 3) + [
                Table.Column("SPLIT", .left, rank: 9), Table.Column("TREND", .left, rank: 10),
            ])
        for route in state.status.routes {
            table.rows.append(row(route, state))
            // One entry is no split.
            if route.backends.count > 1 { table.rows += route.backends.map { row($0, of: route, state) } }
            table.rows += route.mirrors.map { row($0, of: route, state) }
        }
        if let strays = state.routes[""], strays.flow.rate > 0 {
            table.rows.append(
                Table.Row(
                    [StyledLine("(no route)", .faint)] + blanks(3) + FlowCells.make(strays.flow),
                    isTrouble: strays.flow.errors > 0))
        }
        return table
    }

    private static func row(_ route: Status.Route, _ state: LiveState) -> Table.Row {
        var name = StyledLine(route.name, .strong)
        switch route.action {
        case .forward:
            if route.backends.count == 1, let only = route.backends.first { name.append(" → \(only.as)", .faint) }
        case .redirect, .respond: name.append("  \(route.action.rawValue)", .faint)
        }
        let flow = state.hasTraffic ? state.routes[route.name]?.flow ?? Flow() : nil
        // One point is no trend.
        let trail = state.trails[route.name].flatMap { $0.count > 1 ? Sparkline.text($0) : nil } ?? ""
        return Table.Row(
            [name] + blanks(3) + FlowCells.make(flow) + [StyledLine(), StyledLine(trail, .faint)],
            isTrouble: (flow?.errors ?? 0) > 0)
    }

    private static func row(_ entry: Status.Route.Entry, of route: Status.Route, _ state: LiveState) -> Table.Row {
        var name = StyledLine("  \(entry.as)")
        if entry.as != entry.backend { name.append(" (\(entry.backend))", .faint) }
        let wanted = LiveState.wanted(entry, of: route)
        let actual = state.actual(entry, of: route)
        let flow = state.hasTraffic ? state.entries[.init(route.name, entry.as)]?.flow ?? Flow() : nil
        let isOff =
            (state.routes[route.name]?.flow.rate ?? 0) >= enoughRate
            && abs((actual ?? 0) - (wanted ?? 0)) > deviation
        let now = state.hasTraffic ? StyledLine(Numbers.share(actual), isOff ? .warning : .plain) : StyledLine()
        let bar = StyledLine(Bar.text(actual ?? wanted ?? 0, columns: barColumns), actual == nil ? .faint : .good)
        return Table.Row(
            [name, StyledLine(Numbers.count(entry.weight)), StyledLine(Numbers.share(wanted)), now]
                + FlowCells.make(flow) + [bar],
            isTrouble: (flow?.errors ?? 0) > 0)
    }

    private static func row(_ mirror: Status.Route.Mirror, of route: Status.Route, _ state: LiveState) -> Table.Row {
        let name = StyledLine("  ⇢ \(mirror.backend)", .faint)
        var cells = [name, StyledLine(), StyledLine(Numbers.share(mirror.percent / 100)), StyledLine()]
        guard state.hasTraffic else { return Table.Row(cells) }
        let copies = state.mirrors[.init(route.name, mirror.backend)]
        let failed = ["error", "timeout", "dropped"].reduce(0) { $0 + (copies?.outcomes[$1] ?? 0) }
        cells.append(StyledLine(Numbers.rate(copies?.rate ?? 0), (copies?.rate ?? 0) > 0 ? .plain : .faint))
        cells.append(FlowCells.errors(failed, of: copies?.rate ?? 0))
        return Table.Row(cells, isTrouble: failed > 0)
    }

    private static func blanks(_ count: Int) -> [StyledLine] { Array(repeating: StyledLine(), count: count) }
}
