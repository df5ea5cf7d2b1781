import API

/// Backends and under each its endpoints, with what is wrong with those that are not used.
enum BackendTable {
    static func make(_ state: LiveState) -> Table {
        let hasModels = state.hasModelNumbers
        let modelColumns =
            hasModels ? [Table.Column("MODEL QUEUE", rank: 4), Table.Column("PENDING", rank: 8)] : []
        let expectedColumns =
            state.status.backends.contains(where: isBalancedByQueue)
            ? [Table.Column("EXPECTED", rank: 4, minimum: 8)] : []
        var table = Table(
            [
                Table.Column("BACKEND", .left, rank: 0, minimum: 16), Table.Column("STATE", .left, rank: 1),
                Table.Column("IN FLIGHT", rank: 2), Table.Column("QUEUED", rank: 7),
            ] + FlowCells.columns(from: 4) + modelColumns + expectedColumns + [
                Table.Column("CONNECTIONS", rank: 9), Table.Column("REASON", .left, rank: 3, minimum: 14),
            ])
        for backend in state.status.backends {
            table.rows.append(row(backend, state))
            table.rows += backend.endpoints.map { row($0, of: backend, state) }
        }
        return table
    }

    private static func row(_ backend: Status.Backend, _ state: LiveState) -> Table.Row {
        let live = state.backends[backend.name]
        let up = backend.endpoints.count { $0.state == .up }
        let queued = live?.queued ?? backend.queued
        let style: Style = up == backend.endpoints.count ? .plain : up == 0 ? .bad : .warning
        var name = StyledLine(backend.name, .strong)
        name.append("  \(backend.server)", .faint)
        if let activation = backend.activation, activation.state != .running {
            let state = StyledLine(activation.state.rawValue, activation.state == .failed ? .bad : .faint)
            return Table.Row(
                [
                    name, state, StyledLine(Numbers.count(live?.inFlight ?? backend.inFlight)),
                    StyledLine(Numbers.count(queued), queued > 0 ? .warning : .faint),
                ])
        }
        var cells = [
            name, StyledLine("\(up) of \(backend.endpoints.count) up", style),
            StyledLine(Numbers.count(live?.inFlight ?? backend.inFlight)),
            StyledLine(Numbers.count(queued), queued > 0 ? .warning : .faint),
        ]
        // Which model its endpoints' times are about.
        if let model = live.map(\.expectedModel) ?? backend.expectedModel {
            let before = FlowCells.count + (state.hasModelNumbers ? 2 : 0)
            cells += Array(repeating: StyledLine(), count: before) + [StyledLine(model, .faint)]
        }
        return Table.Row(cells)
    }

    private static func row(_ endpoint: Status.Endpoint, of backend: Status.Backend, _ state: LiveState) -> Table.Row {
        let live = state.endpoints[.init(backend.name, endpoint.address)]
        var name = StyledLine("  \(endpoint.address)")
        if let pod = endpoint.pod { name.append(" \(pod)", .faint) }
        if endpoint.weight != 1 { name.append(" ×\(endpoint.weight)", .faint) }
        let isUp = endpoint.state == .up
        let flow = state.hasTraffic ? live?.flow ?? Flow() : nil
        return Table.Row(
            [
                name, StyledLine(endpoint.state.rawValue, style(endpoint.state)),
                StyledLine(Numbers.count(live?.inFlight ?? endpoint.inFlight)), StyledLine(),
            ] + FlowCells.make(flow) + models(endpoint, live, state) + expected(endpoint, live, of: backend, state) + [
                StyledLine(Numbers.count(live?.connections ?? endpoint.connections)),
                isUp ? StyledLine() : StyledLine(reason(endpoint)),
            ], isTrouble: !isUp)
    }

    /// How the queues of its models look, where any server says.
    private static func models(
        _ endpoint: Status.Endpoint, _ live: TrafficReport.Endpoint?, _ state: LiveState
    ) -> [StyledLine] {
        guard state.hasModelNumbers else { return [] }
        let wait = live.map(\.queueMilliseconds) ?? endpoint.queueMilliseconds
        let pending = live.map(\.pending) ?? endpoint.pending
        return [
            StyledLine(Numbers.time(wait.map { $0 / 1e3 }), wait == nil ? .faint : .plain),
            pending.map { StyledLine(Numbers.count($0), $0 > 0 ? .plain : .faint) }
                ?? StyledLine(Numbers.unknown, .faint),
        ]
    }

    /// What its requests are balanced by, where that is a time.
    private static func expected(
        _ endpoint: Status.Endpoint, _ live: TrafficReport.Endpoint?, of backend: Status.Backend, _ state: LiveState
    ) -> [StyledLine] {
        guard state.status.backends.contains(where: isBalancedByQueue) else { return [] }
        guard isBalancedByQueue(backend) else { return [StyledLine()] }
        guard let time = live.map(\.expectedMilliseconds) ?? endpoint.expectedMilliseconds else {
            return [StyledLine("no data", .faint)]
        }
        let isGuess = (live.map(\.expectedLikeOthers) ?? endpoint.expectedLikeOthers) ?? false
        return [StyledLine((isGuess ? "~" : "") + Numbers.time(time / 1e3))]
    }

    private static func isBalancedByQueue(_ backend: Status.Backend) -> Bool { backend.balance == "leastQueue" }

    private static func reason(_ endpoint: Status.Endpoint) -> String {
        [endpoint.reason, endpoint.detail].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ": ")
    }

    private static func style(_ state: Status.Endpoint.State) -> Style {
        switch state {
        case .up: .good
        case .unhealthy: .bad
        case .ejected, .probing, .draining: .warning
        }
    }
}
