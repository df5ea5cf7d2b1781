import Base
import Configuration

/// Where a request goes on to, and where a client is sent.
extension GatewayReader {
    /// - Parameter matches: the route's, whose prefix `prefix` replaces.
    func rewrite(_ entry: YAMLNode.Entry, of matches: [Match]) -> Route.Rewrite? {
        guard let section = Section(entry.value, .rewrite, title: "'rewrite'", report) else { return nil }
        var rewrite = Route.Rewrite()
        rewrite.path = pathRewrite(["prefix", "path", "regex"], "'rewrite'", of: matches, section)
        rewrite.host = section.entry("host", report).flatMap { authority($0.value) }
        if section.isEmpty {
            report.error(section.position, "'rewrite' changes nothing, write 'prefix', 'path', 'regex' or 'host'")
        }
        return rewrite
    }

    func redirect(_ entry: YAMLNode.Entry, of matches: [Match]) -> Route.Redirect? {
        guard let section = Section(entry.value, .redirect, title: "'redirect'", report) else { return nil }
        var redirect = Route.Redirect()
        redirect.scheme = section.choice("scheme", Match.Scheme.allCases.map { ($0.rawValue, $0) }, report)
        redirect.host = section.entry("host", report).flatMap { hostName($0.value, "'host'") }
        redirect.port = redirectPort(section)
        redirect.path = pathRewrite(["prefix", "path"], "'redirect'", of: matches, section)
        section.choice("code", Route.Redirect.codes.map { ("\($0)", $0) }, report).map { redirect.code = $0 }
        let changes = section.written(["scheme", "host", "path", "prefix"])
        if changes.isEmpty, !section.has("port") || redirect.port == .ofRequest {
            report.error(
                section.position,
                "'redirect' changes nothing and would go round in circles, write 'scheme: https' or a 'host'")
        }
        return redirect
    }

    private func redirectPort(_ section: Section) -> Route.RedirectPort? {
        guard let entry = section.entry("port", report) else { return nil }
        switch entry.value.text {
        case "scheme": return .ofScheme
        case "request": return .ofRequest
        case .some(let text) where text.utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } == true:
            return section.integer("port", report).flatMap { UInt16(exactly: $0) }.map { .number($0) }
        default:
            let instead = entry.value.text.map { Wording.quoted($0) } ?? entry.value.kind
            report.error(entry.value.position, "'port' must be a number, scheme or request, not \(instead)")
            return nil
        }
    }

    /// The new path, of which one way to say it may be written.
    private func pathRewrite(_ ways: [String], _ title: String, of matches: [Match], _ section: Section)
        -> Route.PathRewrite?
    {
        let written = section.written(ways)
        guard written.count <= 1 else {
            report.error(
                section.position(of: written[1]),
                "\(title) has both '\(written[0])' and '\(written[1])', keep one of them")
            return nil
        }
        switch written.first {
        case "regex": return section.entry("regex", report).flatMap(substitution)
        case "prefix":
            if matches.contains(where: \.isRegex) {
                report.error(
                    section.position(of: "prefix"),
                    "'prefix' has nothing to replace where the route matches a path by 'regex', write "
                        + (ways.contains("regex") ? "'regex' or 'path'" : "'path'"))
            }
            return target("prefix", section).map { .prefix($0) }
        case "path": return target("path", mayHaveQuery: !ways.contains("regex"), section).map { .full($0) }
        default: return nil
        }
    }

    private func target(_ key: String, mayHaveQuery: Bool = false, _ section: Section) -> String? {
        guard let text = section.text(key, report) else { return nil }
        if let problem = PathText.problem(inTarget: text, mayHaveQuery: mayHaveQuery) {
            report.error(section.valuePosition(of: key, report), "the path \(Wording.quoted(text)) \(problem)")
            return nil
        }
        return text
    }

    private func substitution(_ entry: YAMLNode.Entry) -> Route.PathRewrite? {
        guard let section = Section(entry.value, .rewriteRegex, title: "'regex'", report) else { return nil }
        for key in ["match", "replace"] where !section.has(key) {
            report.error(
                section.position,
                "'regex' needs '\(key)', write it such as { match: \"^/v1/(.*)\", replace: '/v2/\\1' }")
        }
        let pattern = section.text("match", report).flatMap {
            report.pattern($0, section.valuePosition(of: "match", report))
        }
        guard let entry = section.entry("replace", report),
            let replacement = Section.scalar(entry.value, "'replace'", "text", report), let pattern
        else { return nil }
        // What no path holds: the request would be refused each time. What the groups hold is a path's already.
        guard replacement.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"?#".utf8.contains($0) }),
            !replacement.contains("\\\\")
        else {
            report.error(
                entry.value.position,
                "'replace' has a '?', '#', backslash, blank or non-ASCII character, which no path has, write it "
                    + "percent-encoded or leave it out")
            return nil
        }
        if let problem = Substitution.problem(pattern, replacement: replacement) {
            report.error(entry.value.position, "'regex' \(problem)")
            return nil
        }
        return .regex(pattern, replacement: replacement)
    }

    /// What a `Host` field holds: a host, and a port where it is not the scheme's (RFC 9110 section 7.2).
    private func authority(_ node: YAMLNode) -> String? {
        guard let text = node.text, text.contains(":"), !text.hasSuffix("]"), IPAddress(text) == nil else {
            return hostName(node, "'host'")
        }
        do throws(InvalidValue) {
            return try HostPort(parsing: text).description
        } catch {
            report.error(node.position, "'host': \(Wording.quoted(text)) \(error.message)")
            return nil
        }
    }
}

extension Match {
    /// Whether nothing says how much of the path was compared.
    var isRegex: Bool { if case .regex = path { true } else { false } }
}
