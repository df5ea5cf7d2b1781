import Base
import Configuration

/// Whose pages may use a route.
extension GatewayReader {
    func cors(_ entry: YAMLNode.Entry) -> Route.CORS? {
        guard let section = Section(entry.value, .cors, title: "'cors'", report) else { return nil }
        var cors = Route.CORS()
        if let entry = section.entry("allowOrigins", report) {
            cors.allowOrigins = Section.items(entry, "[https://app.example.com]", isRequired: true, report)
                .compactMap(originMatch)
        } else if !section.has("allowOrigins") {
            report.error(section.position, "'cors' allows no origin, write 'allowOrigins: [https://app.example.com]'")
        }
        cors.allowMethods = tokens("allowMethods", "a method", "POST", section) { method($0, at: $1) }
        cors.allowHeaders = tokens("allowHeaders", "a header", "content-type", section) { headerName($0, at: $1) }
        cors.exposeHeaders = tokens("exposeHeaders", "a header", "x-request-id", section) { headerName($0, at: $1) }
        section.flag("allowCredentials", report).map { cors.allowCredentials = $0 }
        cors.maxAge = wholeSeconds("maxAge", section)
        section.choice("unmatchedPreflights", [("ignore", false), ("forward", true)], report)
            .map { cors.forwardsUnmatchedPreflights = $0 }
        report.warnOfCredentials(cors, at: section.valuePosition(of: "allowCredentials", report))
        return cors
    }

    private func originMatch(_ node: YAMLNode) -> Route.CORS.OriginMatch? {
        guard case .mapping = node.content else {
            guard let text = Section.text(node, "an origin", report) else { return nil }
            do throws(InvalidValue) {
                let match = try Route.CORS.OriginMatch(parsing: text)
                if let warning = match.warning { report.warning(node.position, "\(Wording.quoted(text)) \(warning)") }
                return match
            } catch {
                report.error(node.position, "\(Wording.quoted(text)) \(error.message)")
                return nil
            }
        }
        let example = "{ startsWith: \"http://localhost:\" }"
        guard let (key, value) = single(node, .originMatch, "an origin", example: example),
            let text = Section.text(value, "'\(key)'", report)
        else { return nil }
        return key == "regex" ? report.pattern(text, value.position).map { .regex($0) } : .startsWith(text.lowercased())
    }

    /// A list of `*` and what `read` takes, none of it twice in whatever case.
    private func tokens(
        _ key: String, _ title: String, _ example: String, _ section: Section,
        _ read: (String, Position) -> String?
    ) -> [String] {
        guard let entry = section.entry(key, report) else { return [] }
        var seen: Set<String> = []
        return Section.items(entry, "[\(example)]", report).compactMap { item in
            guard let text = Section.text(item, title, report) else { return nil }
            guard let token = text == "*" ? text : read(text, item.position) else { return nil }
            guard seen.insert(token.lowercased()).inserted else {
                report.error(item.position, "\(Wording.quoted(text)) is in this list already, keep one")
                return nil
            }
            return token
        }
    }

    private func headerName(_ text: String, at position: Position) -> String? {
        guard HeaderText.isToken(text) else {
            report.error(position, "\(Wording.quoted(text)) is no header name, write one such as x-tenant")
            return nil
        }
        return text
    }

    /// A duration for a header field that counts in seconds.
    func wholeSeconds(_ key: String, _ section: Section) -> Duration? {
        guard let value = section.duration(key, report) else { return nil }
        guard value.components.attoseconds == 0 else {
            report.error(
                section.valuePosition(of: key, report), "'\(key)' must be whole seconds, which is how clients are told")
            return nil
        }
        return value
    }
}

extension Bounds {
    /// Browsers forget after a day at most; what proxies are configured with elsewhere goes up to weeks.
    static let preflightAge: ClosedRange<Duration> = .zero ... .seconds(365 * 24 * 3600)
}

extension Report {
    /// Credentials that are allowed in vain.
    func warnOfCredentials(_ cors: Route.CORS, at position: Position) {
        guard cors.allowCredentials, cors.allowOrigins.contains(.any) else { return }
        warning(
            position,
            "credentials are never allowed for origins that only '*' allows, name those that may send them in "
                + "'allowOrigins'")
    }
}
