import Configuration

/// Where spans go.
extension GatewayReader {
    private static let endpointExample = "'endpoint: http://127.0.0.1:4318'"

    func tracing(_ entry: YAMLNode.Entry) -> TracingSettings? {
        guard let section = Section(entry.value, .tracing, title: "'tracing'", report) else { return nil }
        let tls = section.entry("tls", report).flatMap(backendTLS)
        let percent = section.percent("samplePercent", report)
        let name = section.text("serviceName", report)
        let headers = section.entry("headers", report).map(collectorHeaders)
        guard section.has("endpoint") else {
            report.error(section.position, "'tracing' needs an endpoint, write \(Self.endpointExample)")
            return nil
        }
        guard var settings = collector(section) else { return nil }
        percent.map { settings.samplePercent = $0 }
        name.map { settings.serviceName = $0 }
        headers.map { settings.headers = $0 }
        if case .secure(let place, _) = settings.address {
            settings.address = .secure(place, tls ?? BackendTLS())
        } else if section.has("tls") {
            report.error(
                section.position(of: "tls"), "'tls' is for an endpoint with https://, write that or leave 'tls' out")
        }
        return settings
    }

    /// The base of a collector's addresses, as OTLP has it (opentelemetry.io/docs/specs/otel/protocol/exporter).
    private func collector(_ section: Section) -> TracingSettings? {
        guard let text = section.text("endpoint", report) else { return nil }
        let position = section.valuePosition(of: "endpoint", report)
        guard let scheme = ["http://", "https://"].first(where: { text.lowercased().hasPrefix($0) }) else {
            report.error(
                position, "'endpoint' must begin with http:// or https://, write it such as http://127.0.0.1:4318")
            return nil
        }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        let place: HostPort
        do throws(InvalidValue) {
            // A name and password in it would be shown to everybody who asks for the configuration.
            guard !rest.contains("@") else { throw InvalidValue("must not have a password, write it in 'headers'") }
            place = try HostPort(parsing: String(authority))
            guard place.port > 0 else { throw InvalidValue("needs a port above 0") }
        } catch {
            let shown = rest.contains("@") ? "" : " \(Wording.quoted(text))"
            report.error(position, "'endpoint'\(shown) \(error.message)")
            return nil
        }
        guard let path = collectorPath(rest.dropFirst(authority.count), position) else { return nil }
        let isPlain = scheme == "http://"
        return TracingSettings(address: isPlain ? .plain(place) : .secure(place, BackendTLS()), path: path)
    }

    private func collectorPath(_ text: Substring, _ position: Position) -> String? {
        var path = text
        while path.hasSuffix("/") { path = path.dropLast() }
        let problem: String
        if !path.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) {
            problem = "has a blank or non-ASCII character, write it percent-encoded"
        } else if path.contains("?") || path.contains("#") {
            problem = "must not have a query or fragment, leave it out"
        } else if path.hasSuffix(TracingSettings.pathSuffix) {
            problem = "is where '\(TracingSettings.pathSuffix)' is added to, leave that out"
        } else {
            return path + TracingSettings.pathSuffix
        }
        report.error(position, "'endpoint' \(problem)")
        return nil
    }

    /// Values may be secrets, so messages leave them out.
    private func collectorHeaders(_ entry: YAMLNode.Entry) -> [TracingSettings.HeaderPair] {
        let example = "{ authorization: Bearer TOKEN }"
        var seen: Set<String> = []
        return Section.pairs(entry, example, report).compactMap { pair in
            let name = pair.key.lowercased()
            let title = Wording.quoted(pair.key)
            guard HeaderText.isToken(name) else {
                report.error(pair.position, "\(title) is no header name, write one such as authorization")
                return nil
            }
            guard !HeaderRules.framing.contains(name), !["content-type", "host"].contains(name) else {
                report.error(pair.position, "\(title) is written by the gateway itself, leave it out")
                return nil
            }
            guard seen.insert(name).inserted else {
                report.error(pair.position, "\(title) is written twice (case does not count), keep one")
                return nil
            }
            guard let value = Section.scalar(pair.value, title, "text", report) else { return nil }
            guard HeaderText.isValue(value) else {
                report.error(
                    pair.value.position,
                    "the value of \(title) must not hold control characters or blanks around it")
                return nil
            }
            return TracingSettings.HeaderPair(name: pair.key, value: value)
        }
    }
}
