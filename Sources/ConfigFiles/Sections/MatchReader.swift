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
            match.path = section.entry("path", report).flatMap(pathMatch)
            match.method = method(section)
            match.headers = section.entry("headers", report).map { namedMatches($0, areHeaders: true) } ?? []
            match.query = section.entry("query", report).map { namedMatches($0, areHeaders: false) } ?? []
            match.model = element("model", section)
            match.version = element("version", section)
            return match
        }
    }

    private func method(_ section: Section) -> String? {
        guard let method = section.text("method", report) else { return nil }
        let position = section.entry("method", report)?.value.position ?? section.position
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
    private func element(_ key: String, _ section: Section) -> String? {
        guard let text = section.text(key, report) else { return nil }
        guard !text.contains("/") else {
            let position = section.entry(key, report)?.value.position ?? section.position
            report.error(position, "'\(key)' must not hold '/', write the name of one \(key)")
            return nil
        }
        return text
    }

    private func pathMatch(_ entry: YAMLNode.Entry) -> Match.PathMatch? {
        guard let (key, value) = single(entry, .pathMatch, "'path'", example: "{ prefix: /v2 }"),
            let text = Section.text(value, "'\(key)'", report)
        else { return nil }
        if key == "regex" { return pattern(text, value.position).map { .regex($0) } }
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
            while prefix.count > 1, prefix.hasSuffix("/") { prefix.removeLast() }
            return .prefix(String(prefix))
        }
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
        guard let (key, value) = single(pair, .valueMatch, title, example: "{ exact: gold }") else { return nil }
        if key == "present" {
            guard let word = value.text, let flag = ["true": true, "false": false][word] else {
                report.error(value.position, "'present' must be true or false")
                return nil
            }
            return .present(flag)
        }
        guard let text = Section.scalar(value, "'\(key)'", "text", report) else { return nil }
        switch key {
        case "regex": return pattern(text, value.position).map { .regex($0) }
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

    /// The one entry of a mapping that says how to compare.
    private func single(_ entry: YAMLNode.Entry, _ schema: Schema, _ title: String, example: String) -> (
        String, YAMLNode
    )? {
        let hint = "write one of \(Wording.list(schema.keys))"
        guard case .mapping = entry.value.content else {
            report.error(
                entry.value.position,
                "\(title) must say how to compare: \(hint), such as \(example)")
            return nil
        }
        guard let section = Section(entry.value, schema, title: title, report) else { return nil }
        let written = section.written(schema.keys)
        guard written.count == 1, let key = written.first else {
            if written.count > 1 {
                report.error(section.position(of: written[1]), "\(title) compares in two ways, \(hint)")
            } else if isEmptyMapping(entry.value) {
                report.error(section.position, "\(title) is empty, \(hint)")
            }
            return nil
        }
        return section.entry(key, report).map { (key, $0.value) }
    }

    private func isEmptyMapping(_ node: YAMLNode) -> Bool {
        if case .mapping(let pairs) = node.content { pairs.isEmpty } else { false }
    }

    private func pattern(_ source: String, _ position: Position) -> Pattern? {
        do throws(Pattern.Failure) {
            return try Pattern(source)
        } catch {
            report.error(position, "bad regular expression: \(error.message)")
            return nil
        }
    }
}
