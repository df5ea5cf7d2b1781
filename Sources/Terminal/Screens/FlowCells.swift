import API

/// The columns that all flows have.
enum FlowCells {
    static let count = 5

    static func columns(from rank: Int) -> [Table.Column] {
        [
            Table.Column("RATE", rank: rank), Table.Column("ERRORS", rank: rank + 1),
            Table.Column("P50", rank: rank + 4), Table.Column("P99", rank: rank + 2),
            Table.Column("QUEUE", rank: rank + 3),
        ]
    }

    /// - Parameter flow: `nil` where nothing is known of it, which is not the same as nothing having come.
    static func make(_ flow: Flow?) -> [StyledLine] {
        guard let flow else { return Array(repeating: StyledLine(), count: count) }
        return [
            StyledLine(Numbers.rate(flow.rate), flow.rate > 0 ? .plain : .faint),
            errors(flow.errors, of: flow.rate),
            time(flow.p50), time(flow.p99), time(flow.queue),
        ]
    }

    static func errors(_ errors: Double, of rate: Double) -> StyledLine {
        guard rate > 0 else { return StyledLine(Numbers.unknown, .faint) }
        return StyledLine(Numbers.share(errors / rate), ErrorStyle.of(errors / rate))
    }

    private static func time(_ seconds: Double?) -> StyledLine {
        StyledLine(Numbers.time(seconds), seconds == nil ? .faint : .plain)
    }
}
