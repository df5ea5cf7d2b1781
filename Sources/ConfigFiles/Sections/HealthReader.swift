import Configuration

/// How a backend finds out which of its endpoints can be used.
extension GatewayReader {
    /// - Parameter section: the backend's, of which protocol, ports and endpoints have been read.
    func health(_ section: Section, of backend: Backend) -> Backend.HealthCheck? {
        guard let entry = section.entry("health", report),
            let written = Section(entry.value, .health, title: "'health'", report)
        else { return nil }
        var health = Backend.HealthCheck()
        health.path = healthPath(written)
        health.grpc = written.flag("grpc", report)
        written.duration("interval", report).map { health.interval = $0 }
        written.duration("timeout", report).map { health.timeout = $0 }
        written.integer("unhealthyThreshold", report).map { health.unhealthyThreshold = $0 }
        written.integer("healthyThreshold", report).map { health.healthyThreshold = $0 }
        warnOfLongTimeout(health, written)
        if health.grpc == true { checkGRPC(written, section, backend) }
        return health
    }

    /// Path and query as they go on the wire.
    private func healthPath(_ section: Section) -> String? {
        guard let path = section.text("path", report) else { return nil }
        let problem: String
        if path.utf8.first != UInt8(ascii: "/") {
            problem = path.contains("://") ? "must be a path alone, such as /v2/health/ready" : "must begin with '/'"
        } else if !path.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) {
            problem = "has a blank or non-ASCII character, write it percent-encoded"
        } else if path.utf8.contains(UInt8(ascii: "#")) {
            // The fragment of a reference is never sent (RFC 9110 section 7.1).
            problem = "has a '#', which no request has, write %23"
        } else {
            return path
        }
        report.error(section.valuePosition(of: "path", report), "the path \(Wording.quoted(path)) \(problem)")
        return nil
    }

    /// A check that is under way is not overtaken by the next.
    private func warnOfLongTimeout(_ health: Backend.HealthCheck, _ section: Section) {
        // A value that could not be read is a default here, and that is not what the user meant to compare.
        guard health.timeout > health.interval, !report.hasErrors else { return }
        let (timeout, interval) = (DurationText.format(health.timeout), DurationText.format(health.interval))
        let key = section.has("timeout") ? "timeout" : "interval"
        report.warning(
            section.valuePosition(of: key, report),
            "a check may take \(timeout) but is due every \(interval), so an endpoint that hangs is asked less often: "
                + "write a timeout of at most \(interval)")
    }

    private func checkGRPC(_ section: Section, _ backendSection: Section, _ backend: Backend) {
        let position = section.valuePosition(of: "grpc", report)
        let hasPort = backend.hasGRPCPort
        if backend.protocol == .http2 {
            if !hasPort, section.has("path") {
                report.warning(
                    section.position(of: "path"),
                    "with 'grpc: true' the endpoints' own port is asked by gRPC and not for a 'path', leave one of "
                        + "them out")
            }
            return
        }
        // Whoever names a port or protocol in the wrong way is told so there.
        guard !hasPort, !Self.mentionsGRPC(backendSection, report) else { return }
        report.error(
            position,
            "'grpc: true' has nobody to ask, because no endpoint takes gRPC: write 'triton: { grpcPort: 8001 }' or "
                + "'protocol: http2' on the backend, or leave 'grpc' out")
    }

    /// Whether a port for gRPC, or another protocol than `http1`, is written anywhere, well or badly.
    private static func mentionsGRPC(_ section: Section, _ report: Report) -> Bool {
        if let text = section.entry("protocol", report)?.value.text, text != "http1" { return true }
        if section.entry("triton", report)?.value.names("grpcPort") == true { return true }
        guard case .sequence(let endpoints) = section.entry("endpoints", report)?.value.content else { return false }
        return endpoints.contains { $0.names("triton") }
    }

    func outlierDetection(_ entry: YAMLNode.Entry) -> Backend.OutlierDetection {
        var detection = Backend.OutlierDetection()
        guard let section = Section(entry.value, .outlierDetection, title: "'outlierDetection'", report) else {
            return detection
        }
        section.integer("consecutiveErrors", report)
            .map { detection.consecutiveErrors = $0 }
        section.duration("baseEjectionTime", report)
            .map { detection.baseEjectionTime = $0 }
        section.percent("maxEjectionPercent", report).map { detection.maxEjectionPercent = $0 }
        return detection
    }
}

extension Bounds {
    /// More often would be load, and less often no check.
    static let checkInterval: ClosedRange<Duration> = .milliseconds(100) ... .seconds(3600)
    /// Checks in a row: with 0 nothing would ever change.
    static let checkThreshold = 1...1000
    /// What is counted for each endpoint has sixteen bits. 0 turns detection off.
    static let consecutiveErrors = 0...Int(UInt16.max)
    /// Each end of an ejection is work; the end of the range is that of all times.
    static let ejectionTime: ClosedRange<Duration> = .milliseconds(100)...timeout.upperBound
}
