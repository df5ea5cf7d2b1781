import API

/// The last requests that failed, the newest first.
enum ErrorTable {
    /// A screen is for what is going on; the rest is in the access log.
    private static let most = 8

    static func make(_ state: LiveState, now: Double) -> Table {
        var table = Table([
            Table.Column("ERROR AT", .left, rank: 0), Table.Column("STATUS", .left, rank: 0),
            Table.Column("CAUSE", .left, rank: 1), Table.Column("REQUEST", .left, rank: 2, minimum: 16),
            Table.Column("ROUTE", .left, rank: 3, minimum: 8), Table.Column("ENDPOINT", .left, rank: 4),
            Table.Column("REQUEST ID", .left, rank: 6), Table.Column("TRACE ID", .left, rank: 5),
        ])
        for record in state.errors.prefix(most) {
            let status = record.grpcStatus.map { "\(record.status) grpc \($0)" } ?? String(record.status)
            table.rows.append(
                Table.Row([
                    StyledLine(UTC.clock(record.time, now: now)), StyledLine(status, .bad),
                    StyledLine(record.cause.isEmpty ? "the endpoint's own" : record.cause),
                    StyledLine("\(record.method) \(record.path)"), StyledLine(record.route),
                    StyledLine(record.endpoint),
                    StyledLine(record.requestId, .faint), StyledLine(record.traceId, .faint),
                ]))
        }
        return table
    }
}
