import Configuration

/// Retries, faults and CORS.
extension VirtualServiceReader {
    /// - Parameter budgetPercent: what a DestinationRule says, 0...100.
    func retries(_ fields: Fields, budgetPercent: Double?) -> Route.Retries? {
        let attempts = fields.integer("attempts", in: 0...Bounds.retryAttempts.upperBound)
        var retries = Route.Retries()
        retries.attempts = attempts ?? 0
        retries.perTryTimeout = fields.duration("perTryTimeout", in: Bounds.timeout)
        let text = fields.text("retryOn") ?? Self.defaultRetryOn
        retries.on = triggers(text, at: fields.valuePosition(of: "retryOn"))
        // Istio sends everything again that it is told to.
        retries.inference = true
        budgetPercent.map { retries.budgetPercent = $0 }
        if fields.has("backoff") {
            report.warning(
                fields.position(of: "backoff"),
                "'backoff' is not taken over: the gateway has its own wait between tries")
        }
        if fields.flag("retryIgnorePreviousHosts") == false {
            report.warning(
                fields.position(of: "retryIgnorePreviousHosts"),
                "another endpoint than the one that failed is tried first, whatever 'retryIgnorePreviousHosts' says")
        }
        // None written is none: so it is in Istio's protocol buffers.
        return retries.attempts == 0 || retries.on.isEmpty ? nil : retries
    }

    private static let defaultRetryOn = "connect-failure,refused-stream,unavailable,cancelled"

    /// Envoy's words for what is tried again (its "x-envoy-retry-on" and "x-envoy-retry-grpc-on"). A gRPC status counts as the
    /// status of HTTP that stands for it.
    private static let retryWords: [String: [Route.Retries.Trigger]] = [
        "5xx": [
            .connectFailure, .refusedStream, .reset, .timeout, .status(500), .status(502), .status(503), .status(504),
        ],
        "gateway-error": [
            .connectFailure, .refusedStream, .reset, .timeout, .status(502), .status(503), .status(504),
        ],
        "reset": [.connectFailure, .refusedStream, .reset, .timeout],
        "reset-before-request": [.connectFailure, .refusedStream],
        "connect-failure": [.connectFailure],
        "refused-stream": [.refusedStream],
        "retriable-4xx": [.status(409)],
        "retriable-status-codes": [],
        "http3-post-connect-failure": [],
        "cancelled": [.status(499)],
        "deadline-exceeded": [.status(504)],
        "internal": [.status(500)],
        "resource-exhausted": [.status(429)],
        "unavailable": [.status(503)],
    ]

    private func triggers(_ text: String, at position: Position) -> [Route.Retries.Trigger] {
        var found: [Route.Retries.Trigger] = []
        for part in text.split(separator: ",") {
            let word = part.trimmed
            guard !word.isEmpty else { continue }
            let triggers: [Route.Retries.Trigger]
            if let known = Self.retryWords[word] {
                triggers = known
            } else if let status = Int(word), Bounds.retryStatus.contains(status) {
                triggers = [.status(status)]
            } else {
                let range = "\(Bounds.retryStatus.lowerBound) to \(Bounds.retryStatus.upperBound)"
                report.error(
                    position,
                    "'retryOn': \(Wording.quoted(word)) cannot be honoured, there are \(Wording.list(Self.retryWords.keys.sorted(), "and")), and statuses from \(range)"
                )
                continue
            }
            for trigger in triggers where !found.contains(trigger) { found.append(trigger) }
        }
        return found
    }

    func fault(_ fields: Fields) -> Route.Fault? {
        var fault = Route.Fault()
        fault.delay = fields.fields("delay", .faultDelay).flatMap(delay)
        fault.abort = fields.fields("abort", .faultAbort).flatMap(abort)
        if fields.written(["delay", "abort"]).isEmpty {
            report.error(fields.position, "'fault' does nothing, add 'delay' or 'abort'")
        }
        return fault == Route.Fault() ? nil : fault
    }

    private func delay(_ fields: Fields) -> Route.Fault.Delay? {
        let percent = percent(fields, whole: "percent")
        guard let duration = fields.duration("fixedDelay", in: Bounds.timeout) else {
            if !fields.has("fixedDelay") {
                report.error(fields.position, "'delay' needs a duration, write 'fixedDelay: 2s'")
            }
            return nil
        }
        return percent.map { Route.Fault.Delay(percent: $0, duration: duration) }
    }

    private func abort(_ fields: Fields) -> Route.Fault.Abort? {
        let percent = percent(fields, whole: nil)
        if fields.has("httpStatus"), fields.has("grpcStatus") {
            report.error(
                fields.position(of: "grpcStatus"), "'abort' has both 'httpStatus' and 'grpcStatus', keep one of them")
        }
        let status = fields.integer("httpStatus", in: Bounds.status).map { Route.Fault.Answer.status($0) }
        let names = Self.grpcStatuses.enumerated().map { ($1, Route.Fault.Answer.grpcStatus($0 + 1)) }
        let grpc = fields.choice("grpcStatus", names)
        if fields.written(["httpStatus", "grpcStatus"]).isEmpty {
            report.error(fields.position, "'abort' needs a status, write 'httpStatus: 503'")
        }
        guard let answer = status ?? grpc, let percent else { return nil }
        return Route.Fault.Abort(percent: percent, answer: answer)
    }

    /// In the order of their numbers, from 1 (grpc/doc/statuscodes.md).
    private static let grpcStatuses = [
        "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    /// How many requests a fault is for; none where nothing is written, as in Istio.
    private func percent(_ fields: Fields, whole: String?) -> Double? {
        if let percentage = fields.fields("percentage", .percentValue) {
            return percentage.number("value", in: 0...100) ?? 0
        }
        if let whole, let percent = fields.integer(whole, in: 0...100) { return Double(percent) }
        report.warning(
            fields.position,
            "\(fields.title) is for no request, because it has no 'percentage': write 'percentage: { value: 100 }'")
        return nil
    }

    func cors(_ fields: Fields) -> Route.CORS? {
        var cors = Route.CORS()
        if fields.has("allowOrigins") {
            cors.allowOrigins = fields.list("allowOrigins", .stringMatch).compactMap(origin)
        } else {
            cors.allowOrigins = fields.texts("allowOrigin").compactMap { origin($0.text, at: $0.position) }
        }
        if fields.written(["allowOrigins", "allowOrigin"]).isEmpty {
            report.error(
                fields.position,
                "'corsPolicy' allows no origin, write 'allowOrigins: [{ exact: https://app.example.com }]'")
        }
        cors.allowMethods = tokens("allowMethods", fields)
        cors.allowHeaders = tokens("allowHeaders", fields)
        cors.exposeHeaders = tokens("exposeHeaders", fields)
        cors.maxAge = fields.duration("maxAge", in: Bounds.preflightAge)
        if let maxAge = cors.maxAge, maxAge.components.attoseconds != 0 {
            report.error(
                fields.valuePosition(of: "maxAge"), "'maxAge' must be whole seconds, which is how clients are told")
        }
        cors.allowCredentials = fields.flag("allowCredentials") ?? false
        let unmatched = [("UNSPECIFIED", true), ("FORWARD", true), ("IGNORE", false)]
        cors.forwardsUnmatchedPreflights = fields.choice("unmatchedPreflights", unmatched) ?? true
        report.warnOfCredentials(cors, at: fields.valuePosition(of: "allowCredentials"))
        return cors
    }

    private func origin(_ fields: Fields) -> Route.CORS.OriginMatch? {
        guard let (key, text, position) = comparison(fields) else { return nil }
        guard !text.isEmpty else {
            report.error(position, "'\(key)' must not be empty, write an origin such as https://app.example.com")
            return nil
        }
        switch key {
        case "regex": return report.pattern(text, position).map { .regex($0) }
        case "prefix": return .startsWith(text.lowercased())
        default: return origin(text, at: position)
        }
    }

    /// A star in the middle is none for Istio, and no origin has one.
    private func origin(_ text: String, at position: Position) -> Route.CORS.OriginMatch? {
        do throws(InvalidValue) {
            let match = try Route.CORS.OriginMatch(parsing: text)
            guard case .wildcard = match else { return match }
            report.error(position, "\(Wording.quoted(text)) is compared as it stands, write a 'regex' for many origins")
        } catch {
            report.error(position, "\(Wording.quoted(text)) \(error.message)")
        }
        return nil
    }

    /// Methods or names of headers, none of them twice in whatever case.
    private func tokens(_ key: String, _ fields: Fields) -> [String] {
        var seen: Set<String> = []
        return fields.texts(key).compactMap { text, position in
            guard text == "*" || HeaderText.isToken(text) else {
                report.error(position, "\(Wording.quoted(text)) cannot be in '\(key)', write one name for each item")
                return nil
            }
            return seen.insert(text.lowercased()).inserted ? text : nil
        }
    }
}

extension Substring {
    /// Without blanks at either end.
    fileprivate var trimmed: String {
        var rest = self
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
