import Configuration

/// Sending a route's requests once more.
extension GatewayReader {
    /// - Parameter timeout: the route's.
    func retries(_ entry: YAMLNode.Entry, timeout: Duration?) -> Route.Retries? {
        guard let section = Section(entry.value, .retries, title: "'retries'", report) else { return nil }
        var retries = Route.Retries()
        section.integer("attempts", report).map { retries.attempts = $0 }
        section.entry("on", report).map { retries.on = triggers($0) }
        retries.perTryTimeout = section.duration("perTryTimeout", report)
            .flatMap { $0 == .zero ? nil : $0 }
        section.percent("budgetPercent", report).map { retries.budgetPercent = $0 }
        section.size("maxBufferedBytes", report).map {
            retries.maxBufferedBytes = Int($0)
        }
        section.flag("inference", report).map { retries.inference = $0 }
        warnOfIdle(retries, section, timeout: timeout)
        return retries
    }

    /// Of what is written and does nothing.
    private func warnOfIdle(_ retries: Route.Retries, _ section: Section, timeout: Duration?) {
        guard !report.hasErrors else { return }
        if retries.budgetPercent == 0 {
            report.warning(
                section.valuePosition(of: "budgetPercent", report),
                "'budgetPercent: 0' allows no retry at all, write a number above 0 or leave 'retries' out")
        }
        guard let perTry = retries.perTryTimeout else { return }
        let position = section.valuePosition(of: "perTryTimeout", report)
        if let timeout, perTry >= timeout {
            let limit = DurationText.format(timeout)
            report.warning(
                position,
                "'perTryTimeout' ends no try, because the route's 'timeout' of \(limit) is over first, write less than "
                    + "\(limit) or leave it out")
        } else if !retries.on.contains(.timeout) {
            report.warning(
                position,
                "a try that 'perTryTimeout' ends is the last one, because 'on' does not list timeout, add it there")
        }
    }

    private static let triggerWords: [(word: String, trigger: Route.Retries.Trigger)] = [
        ("connectFailure", .connectFailure), ("refusedStream", .refusedStream), ("reset", .reset),
        ("timeout", .timeout),
    ]

    private func triggers(_ entry: YAMLNode.Entry) -> [Route.Retries.Trigger] {
        var seen: [Route.Retries.Trigger: Position] = [:]
        return Section.items(entry, "[connectFailure, refusedStream, 503]", report).compactMap { item in
            guard let trigger = trigger(item) else { return nil }
            if let earlier = seen[trigger] {
                report.error(
                    item.position,
                    "\(Wording.quoted(item.text ?? "")) is already in \(report.place(earlier, from: item.position)), "
                        + "keep one")
                return nil
            }
            seen[trigger] = item.position
            return trigger
        }
    }

    private func trigger(_ node: YAMLNode) -> Route.Retries.Trigger? {
        guard let text = Section.text(node, "a reason to try again", report) else { return nil }
        if let known = Self.triggerWords.first(where: { $0.word == text }) { return known.trigger }
        let words = Self.triggerWords.map(\.word)
        let range = "\(Bounds.retryStatus.lowerBound) to \(Bounds.retryStatus.upperBound)"
        // `Int` itself would also take `+503`.
        if text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            if let status = Int(text), Bounds.retryStatus.contains(status) { return .status(status) }
            report.error(
                node.position, "a status to try again after must be from \(range), not \(Wording.quoted(text))")
        } else if text.hasSuffix("xx") {
            report.error(node.position, "\(Wording.quoted(text)) is no status, write each one, such as 502, 503, 504")
        } else {
            let hint =
                report.nearest(to: text, among: words).map { "did you mean '\($0)'?" }
                ?? "write \(Wording.list(words + ["a status from \(range)"]))"
            report.error(node.position, "\(Wording.quoted(text)) is no reason to try again, \(hint)")
        }
        return nil
    }
}

extension Bounds {
    /// Tries beside the first: more than these help nobody, and hold the client's request for seconds.
    static let retryAttempts = 1...10
    /// Answers that say that something went wrong.
    static let retryStatus = 400...599
    /// Of one request, in memory until its answer begins. 0 is for requests without a body.
    static let retryBufferedBytes: ClosedRange<Int64> = 0...1 << 30
}
