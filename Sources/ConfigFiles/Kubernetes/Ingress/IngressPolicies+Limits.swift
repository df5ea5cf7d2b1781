import Configuration

/// Retries and rates.
extension IngressPolicies {
    /// nginx counts the first try too.
    private static let defaultTries = 3
    /// `limit-burst-multiplier`
    private static let defaultBurstMultiplier = 5
    private static let multipliers = 0...1000

    /// `nil` where nothing is written: what an endpoint certainly has not seen is sent again all the same.
    func retries() -> Route.Retries? {
        checkRetryTimeout()
        let names = ["proxy-next-upstream", "proxy-next-upstream-tries"]
        guard names.contains(where: annotations.has) else { return nil }
        let words = annotations.text(names[0]).map(AnnotationText.words) ?? ["error", "timeout"]
        guard !words.contains("off") else { return nil }
        var triggers: [Route.Retries.Trigger] = []
        for word in words { add(word, to: &triggers) }
        let tries = tries()
        guard tries > 1, !triggers.isEmpty else { return nil }
        var retries = Route.Retries()
        retries.attempts = tries - 1
        retries.on = triggers
        return retries
    }

    private func tries() -> Int {
        let name = "proxy-next-upstream-tries"
        guard let tries = annotations.number(name, in: 0...11) else { return Self.defaultTries }
        if tries == 0 { annotations.error(name, "'\(name)' cannot be unlimited, write \"1\" to \"11\"") }
        return tries
    }

    private func checkRetryTimeout() {
        let name = "proxy-next-upstream-timeout"
        guard let text = annotations.text(name), text != "0" else { return }
        annotations.error(
            name,
            "'\(name)' limits the time in which tries begin, which is not done here: leave it out, or write 'timeout' or "
                + "'retries: { perTryTimeout: … }' in a native route")
    }

    private func add(_ word: String, to triggers: inout [Route.Retries.Trigger]) {
        let name = "proxy-next-upstream"
        switch word {
        case "error":
            for trigger in [Route.Retries.Trigger.connectFailure, .refusedStream, .reset] { insert(trigger, &triggers) }
        case "timeout": insert(.timeout, &triggers)
        case "invalid_header":
            annotations.note(name, "'invalid_header': an answer that is no HTTP is 502 here and not asked for again")
        case "non_idempotent":
            annotations.error(
                name,
                "'non_idempotent' may run a request twice: leave it out, and write 'retries: { inference: true }' in a "
                    + "native route for inferences, which may be")
        default:
            guard word.hasPrefix("http_"), let status = Int(word.dropFirst(5)), (400...599).contains(status) else {
                annotations.error(
                    name,
                    "'\(name)' has \(Wording.quoted(word)), write error, timeout, off or statuses such as http_503")
                return
            }
            insert(.status(status), &triggers)
        }
    }

    private func insert(_ trigger: Route.Retries.Trigger, _ triggers: inout [Route.Retries.Trigger]) {
        if !triggers.contains(trigger) { triggers.append(trigger) }
    }

    /// For each client address, as nginx does it.
    func rateLimit() -> Route.RateLimit? {
        let perSecond = rate("limit-rps")
        let perMinute = rate("limit-rpm")
        let multiplier =
            annotations.number("limit-burst-multiplier", in: Self.multipliers) ?? Self.defaultBurstMultiplier
        if perSecond != nil, perMinute != nil {
            annotations.error("limit-rpm", "a route has one limit: keep one of 'limit-rps' and 'limit-rpm'")
            return nil
        }
        guard let requests = perSecond ?? perMinute else { return nil }
        annotations.note(
            perSecond == nil ? "limit-rpm" : "limit-rps",
            "a client over the limit is answered 429 instead of 503, and each route counts for itself")
        var limit = Route.RateLimit(
            requests: requests, per: perSecond == nil ? .seconds(60) : .seconds(1), burst: max(1, requests * multiplier)
        )
        limit.key = .clientAddress
        return limit
    }

    /// 0 is no limit.
    private func rate(_ name: String) -> Int? {
        annotations.number(name, in: 0...Bounds.count.upperBound).flatMap { $0 == 0 ? nil : $0 }
    }
}
