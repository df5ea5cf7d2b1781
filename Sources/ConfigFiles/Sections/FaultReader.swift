import Configuration

/// Trouble made on purpose, and what keeps a client on its side of a split.
extension GatewayReader {
    func fault(_ entry: YAMLNode.Entry) -> Route.Fault? {
        guard let section = Section(entry.value, .fault, title: "'fault'", report) else { return nil }
        var fault = Route.Fault()
        fault.delay = section.entry("delay", report).flatMap(faultDelay)
        fault.abort = section.entry("abort", report).flatMap(faultAbort)
        if section.written(["delay", "abort"]).isEmpty {
            report.error(
                section.position, "'fault' does nothing, add 'delay: { duration: 2s }' or 'abort: { status: 503 }'")
        }
        return fault
    }

    private func faultDelay(_ entry: YAMLNode.Entry) -> Route.Fault.Delay? {
        guard let section = Section(entry.value, .faultDelay, title: "'delay'", report) else { return nil }
        let percent = section.percent("percent", report)
        let duration = section.duration("duration", report)
        if !section.has("duration") {
            report.error(section.position, "'delay' needs a duration, write 'duration: 2s'")
        }
        return duration.map { Route.Fault.Delay(percent: percent ?? 100, duration: $0) }
    }

    private func faultAbort(_ entry: YAMLNode.Entry) -> Route.Fault.Abort? {
        guard let section = Section(entry.value, .faultAbort, title: "'abort'", report) else { return nil }
        let percent = section.percent("percent", report)
        let status = section.integer("status", report)
        let grpcStatus = section.integer("grpcStatus", report)
        let written = section.written(["status", "grpcStatus"])
        guard written.count < 2 else {
            report.error(
                section.position(of: "grpcStatus"),
                "'abort' has both 'status' and 'grpcStatus', keep one of them: each is translated for the others")
            return nil
        }
        if written.isEmpty { report.error(section.position, "'abort' needs a status, write 'status: 503'") }
        let answer = status.map { Route.Fault.Answer.status($0) } ?? grpcStatus.map { .grpcStatus($0) }
        return answer.map { Route.Fault.Abort(percent: percent ?? 100, answer: $0) }
    }

    func sticky(_ entry: YAMLNode.Entry) -> Route.Sticky? {
        guard let section = Section(entry.value, .sticky, title: "'sticky'", report) else { return nil }
        let ttl = wholeSeconds("ttl", section)
        if section.has("ttl"), !section.has("cookie") {
            report.error(section.position(of: "ttl"), "'ttl' is of a cookie, write 'cookie' beside it or leave it out")
        }
        let written = section.written(["header", "cookie", "clientAddress"])
        guard written.count <= 1 else {
            report.error(
                section.position(of: written[1]),
                "'sticky' has both '\(written[0])' and '\(written[1])', keep one of them")
            return nil
        }
        switch written.first {
        case "header": return keyName("header", "x-user", section).map { .header($0.lowercased()) }
        case "cookie": return keyName("cookie", "side", section).map { .cookie($0, ttl: ttl) }
        case "clientAddress":
            if section.flag("clientAddress", report) == false {
                report.error(
                    section.valuePosition(of: "clientAddress", report),
                    "'clientAddress: false' leaves nothing to go by, write true or leave 'sticky' out")
            }
            return .clientAddress
        default:
            if section.isEmpty || section.has("ttl") {
                report.error(
                    section.position,
                    "'sticky' does not say what to go by, write { header: x-user }, { cookie: side } or "
                        + "{ clientAddress: true }")
            }
            return nil
        }
    }
}

extension Bounds {
    /// gRPC's codes but OK (grpc/doc/statuscodes.md).
    static let grpcStatus = 1...16
    /// Cookies count in seconds; no browser keeps one for longer than 400 days (RFC 6265bis section 5.5).
    static let cookieAge: ClosedRange<Duration> = .seconds(1) ... .seconds(400 * 24 * 3600)
}
