import API

/// The lines above the tables: the process, its traffic, its configuration, and what is wrong with that.
struct Header {
    let screen: StatusScreen
    let state: LiveState

    /// Diagnostics of a rejected reload; `sluice check` shows all.
    private static let mostDiagnostics = 3

    var lines: [StyledLine] {
        var lines = [first]
        if let notice = screen.notice { lines.append(notice) }
        lines.append(traffic)
        // What is wrong stands before what is right: a small screen cuts from below.
        let configuration = state.status.configuration
        if let rejected = configuration.lastRejected, configuration.lastReload?.outcome == "rejected" {
            lines += complaint(rejected)
        }
        lines.append(file)
        if let rejected = configuration.lastRejected, configuration.lastReload?.outcome != "rejected" {
            lines.append(
                StyledLine("        before that, rejected \(clock(rejected.time)): \(rejected.message)", .faint))
        }
        return lines
    }

    private var first: StyledLine {
        let status = state.status
        var line = StyledLine("sluice \(status.version)", .strong)
        line.append("  ")
        line.append(status.state.rawValue, status.state == .serving ? .good : .warning)
        if let start = UTC.seconds(status.startedAt) { line.append("  up \(Numbers.age(screen.now - start))") }
        line.append("  pid \(status.processID)  \(Plural.text(status.loops, "loop"))")
        if status.readOnly { line.append("  read-only", .faint) }
        line.append("  \(screen.source)", .faint)
        return line
    }

    private var traffic: StyledLine {
        var line = StyledLine("traffic ", .faint)
        if let total = state.total {
            line.append("\(Numbers.rate(total.rate))")
            let errors = total.rate > 0 ? total.errors / total.rate : 0
            line.append("  ")
            line.append("\(Numbers.share(errors)) errors", ErrorStyle.of(errors))
            line.append("  ")
        }
        line.append("\(Numbers.count(state.inFlight)) in flight")
        if state.queued > 0 { line.append("  \(Numbers.count(state.queued)) queued", .warning) }
        line.append("  \(Plural.text(state.connections, "connection"))")
        let memory = state.status.memory
        line.append("  memory \(Numbers.bytes(memory.bytes))")
        if let limit = memory.limitBytes { line.append(" of \(Numbers.bytes(limit))") }
        if memory.state != .normal {
            line.append(" \(memory.state.rawValue)", memory.state == .tight ? .warning : .bad)
        }
        return line
    }

    private var file: StyledLine {
        let configuration = state.status.configuration
        var line = StyledLine("config  ", .faint)
        line.append("\(configuration.path)  \(configuration.hash)")
        if let reload = configuration.lastReload, reload.outcome != "rejected" {
            line.append("  \(reload.outcome) \(clock(reload.time))", .faint)
        }
        return line
    }

    private func complaint(_ rejected: Status.Reload) -> [StyledLine] {
        var lines = [StyledLine("reload rejected \(clock(rejected.time)): \(rejected.message)", .bad)]
        let shown = rejected.diagnostics.prefix(Self.mostDiagnostics)
        lines += shown.map { StyledLine("        \($0)", .bad) }
        let hidden = rejected.diagnostics.count - shown.count
        if hidden > 0 { lines.append(StyledLine("        … \(hidden) more, see sluice check", .bad)) }
        return lines
    }

    private func clock(_ time: String) -> String { UTC.clock(time, now: screen.now) }
}

enum Plural {
    static func text(_ count: Int, _ word: String) -> String {
        "\(Numbers.count(count)) \(word)\(count == 1 ? "" : "s")"
    }
}

/// From which share of errors on somebody should look.
enum ErrorStyle {
    private static let warning = 0.001
    private static let bad = 0.01

    static func of(_ share: Double) -> Style { share >= bad ? .bad : share >= warning ? .warning : .plain }
}
