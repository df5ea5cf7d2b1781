import Base
import Configuration

/// The alternatives of a route's `match`.
extension GatewayReader {
    func matches(_ entry: YAMLNode.Entry) -> [Match] {
        Section.items(entry, "[{ path: { prefix: /v2 } }]", report).compactMap { item in
            guard let section = Section(item, .match, title: "a match", report) else { return nil }
            if case .mapping(let pairs) = item.content, pairs.isEmpty {
                report.error(item.position, "this match is empty and takes every request, leave 'match' out for that")
            }
            var match = Match()
            section.entry("path", report).map { readPath($0, into: &match) }
            match.host = section.entry("host", report).flatMap(hostMatch)
            match.scheme = section.choice("scheme", Match.Scheme.allCases.map { ($0.rawValue, $0) }, report)
            match.port = section.integer("port", report).flatMap { UInt16(exactly: $0) }
            match.method = section.text("method", report).flatMap {
                method($0, at: section.valuePosition(of: "method", report))
            }
            match.headers = section.entry("headers", report).map { namedMatches($0, areHeaders: true) } ?? []
            match.withoutHeaders =
                section.entry("withoutHeaders", report).map { namedMatches($0, areHeaders: true) } ?? []
            match.query = section.entry("query", report).map { namedMatches($0, areHeaders: false) } ?? []
            match.model = element("model", section)
            match.version = element("version", section)
            return match
        }
    }

    func method(_ method: String, at position: Position) -> String? {
        guard HeaderText.isToken(method) else {
            report.error(position, "\(Wording.quoted(method)) is no method, write one such as POST")
            return nil
        }
        // Methods are case-sensitive (RFC 9110 section 9.1), and those with small letters are not in use.
        guard method == method.uppercased() else {
            report.error(position, "methods are in capitals, write \(method.uppercased())")
            return nil
        }
        return method
    }

    /// A model or version, which is one element of a path.
    func element(_ key: String, _ section: Section) -> String? {
        guard let text = section.text(key, report) else { return nil }
        let position = section.valuePosition(of: key, report)
        guard !text.contains("/") else {
            report.error(position, "'\(key)' must not hold '/', write the name of one \(key)")
            return nil
        }
        // What an element of a path can never be, not even with escapes.
        guard text != ".", text != "..", !text.contains("\\") else {
            report.error(position, "'\(key)' must not be '.' or '..' nor hold a backslash, which no path may have")
            return nil
        }
        return text
    }

    private func readPath(_ entry: YAMLNode.Entry, into match: inout Match) {
        guard
            let section = comparison(
                entry.value, .pathMatch, ways: Self.pathWays, "'path'", example: "{ prefix: /v2 }")
        else { return }
        match.ignoresPathCase = section.flag("ignoreCase", report) ?? false
        match.path = way(section, among: Self.pathWays, "'path'").flatMap(pathMatch)
        if section.has("regex"), match.ignoresPathCase {
            report.error(
                section.position(of: "ignoreCase"),
                "'ignoreCase' does not go with 'regex', begin the expression with (?i) instead")
        }
    }

    private static let pathWays = ["exact", "prefix", "startsWith", "regex"]

    private func pathMatch(_ key: String, _ value: YAMLNode) -> Match.PathMatch? {
        guard let text = Section.text(value, "'\(key)'", report) else { return nil }
        if key == "regex" { return report.pattern(text, value.position).map { .regex($0) } }
        if let problem = PathText.problem(in: text, isWhole: key != "startsWith") {
            report.error(value.position, "the path \(Wording.quoted(text)) \(problem)")
            return nil
        }
        switch key {
        case "exact": return .exact(text)
        case "startsWith": return .startsWith(text)
        default:
            // Whole elements: a slash at the end adds nothing (as in Gateway API).
            var prefix = text[...]
            while prefix.utf8.count > 1, prefix.hasSuffix("/") { prefix.removeLast() }
            return .prefix(String(prefix))
        }
    }

    /// What the request's host is compared with, in lower case as that comes.
    private func hostMatch(_ entry: YAMLNode.Entry) -> Match.ValueMatch? {
        guard case .mapping = entry.value.content else { return hostName(entry.value, "'host'").map { .exact($0) } }
        guard let (key, value) = single(entry.value, .hostMatch, "'host'", example: "{ exact: models.example.com }")
        else { return nil }
        guard key != "exact" else { return hostName(value, "'exact'").map { .exact($0) } }
        guard let text = Section.text(value, "'\(key)'", report) else { return nil }
        return key == "regex" ? report.pattern(text, value.position).map { .regex($0) } : .prefix(text.lowercased())
    }

    private func namedMatches(_ entry: YAMLNode.Entry, areHeaders: Bool) -> [Match.NamedMatch] {
        var seen: [String: Position] = [:]
        let example = areHeaders ? "{ x-tenant: gold }" : "{ debug: \"1\" }"
        let pairs = Section.pairs(entry, example, report)
        if pairs.isEmpty, case .mapping = entry.value.content {
            report.error(entry.position, "'\(entry.key)' is empty, write it such as \(example) or leave it out")
        }
        return pairs.compactMap { pair in
            if areHeaders, !HeaderText.isToken(pair.key) {
                report.error(pair.position, "\(Wording.quoted(pair.key)) is no header name, write one such as x-tenant")
                return nil
            }
            guard !pair.key.isEmpty else {
                report.error(pair.position, "a query parameter needs a name")
                return nil
            }
            let name = areHeaders ? pair.key.lowercased() : pair.key
            if let earlier = seen.updateValue(pair.position, forKey: name) {
                report.error(
                    pair.position,
                    "\(Wording.quoted(pair.key)) is already in \(report.place(earlier, from: pair.position)), keep one")
            }
            guard let value = valueMatch(pair, areHeaders: areHeaders) else { return nil }
            return Match.NamedMatch(name: name, value: value)
        }
    }

    /// A value as it is, or a mapping that says how to compare. Values of headers may be credentials, so messages leave them out.
    private func valueMatch(_ pair: YAMLNode.Entry, areHeaders: Bool) -> Match.ValueMatch? {
        let title = Wording.quoted(pair.key)
        guard !pair.value.isNull else {
            report.error(pair.position, "\(title) has no value, write one, in quotes if it is null or empty")
            return nil
        }
        if let text = pair.value.text {
            return exact(text, title, pair.value.position, areHeaders: areHeaders)
        }
        guard let (key, value) = single(pair.value, .valueMatch, title, example: "{ exact: gold }") else { return nil }
        if key == "present" {
            guard let word = value.text, let flag = ["true": true, "false": false][word] else {
                report.error(value.position, "'present' must be true or false")
                return nil
            }
            return .present(flag)
        }
        guard let text = Section.scalar(value, "'\(key)'", "text", report) else { return nil }
        switch key {
        case "regex": return report.pattern(text, value.position).map { .regex($0) }
        case "prefix":
            if areHeaders, !HeaderText.isValuePart(text) || text.utf8.first == UInt8(ascii: " ") {
                report.error(
                    value.position, "no value of \(title) begins so: it has control characters or a blank in front")
                return nil
            }
            return .prefix(text)
        default: return exact(text, title, value.position, areHeaders: areHeaders)
        }
    }

    private func exact(_ text: String, _ title: String, _ position: Position, areHeaders: Bool) -> Match.ValueMatch? {
        guard !areHeaders || HeaderText.isValue(text) else {
            report.error(position, "\(title) never has this value: it has control characters or blanks around it")
            return nil
        }
        return .exact(text)
    }
}
