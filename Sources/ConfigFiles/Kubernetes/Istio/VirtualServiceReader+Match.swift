import Base
import Configuration

/// Which requests a rule takes.
extension VirtualServiceReader {
    /// The alternatives; none if one of them takes everything.
    ///
    /// - Parameter keepingRoot: whether a `prefix` of `/` is kept although every path has it.
    func matches(_ rule: Fields, keepingRoot: Bool) -> [Match] {
        let matches = rule.list("match", .httpMatch).flatMap { alternatives($0, keepingRoot: keepingRoot) }
        return matches.contains(Match()) ? [] : matches
    }

    private func alternatives(_ fields: Fields, keepingRoot: Bool) -> [Match] {
        var match = Match()
        match.path = fields.fields("uri", .stringMatch).flatMap { path($0, keepingRoot: keepingRoot) }
        let ignoresCase = fields.flag("ignoreUriCase") ?? false
        switch match.path {
        case .exact, .startsWith: match.ignoresPathCase = ignoresCase && match.path != .startsWith("/")
        case .prefix, .regex, nil:
            if ignoresCase, match.path != nil {
                report.note(fields.position(of: "ignoreUriCase"), "'ignoreUriCase' means nothing beside a regex")
            }
        }
        match.host = fields.fields("authority", .stringMatch).flatMap(authority)
        match.port = fields.integer("port", in: Bounds.port).flatMap { UInt16(exactly: $0) }
        match.port.map { warnOfUnknownPort($0, fields.valuePosition(of: "port")) }
        match.headers = namedMatches("headers", fields)
        match.withoutHeaders = namedMatches("withoutHeaders", fields)
        match.query = namedMatches("queryParams", fields)
        var found = [match]
        if let scheme = fields.fields("scheme", .stringMatch),
            let schemes = words(["http", "https"], scheme, title: "scheme"), schemes.count == 1
        {
            for index in found.indices { found[index].scheme = Match.Scheme(rawValue: schemes[0]) }
        }
        if let method = fields.fields("method", .stringMatch),
            let methods = words(Self.methods, method, title: "method"), methods.count < Self.methods.count
        {
            found = found.flatMap { match in
                methods.map { method in
                    var match = match
                    match.method = method
                    return match
                }
            }
        }
        return found
    }

    /// RFC 9110 section 9.3 and RFC 5789. A prefix or regular expression can only mean some of these.
    private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]

    /// The one comparison that is written; `nil` after a report, and if there is none.
    ///
    /// - Parameter mayBeEmpty: whether `{}` has a meaning.
    func comparison(_ fields: Fields, mayBeEmpty: Bool = false) -> (key: String, text: String, Position)? {
        let written = fields.written(["exact", "prefix", "regex"])
        guard written.count < 2 else {
            report.error(
                fields.position(of: written[1]), "either '\(written[0])' or '\(written[1])' compares, keep one of them")
            return nil
        }
        guard let key = written.first, let value = fields.entry(key)?.value else {
            if !mayBeEmpty { report.error(fields.position, "\(fields.title) needs 'exact', 'prefix' or 'regex'") }
            return nil
        }
        return Section.scalar(value, "'\(key)'", "text", report).map { (key, $0, value.position) }
    }

    private func path(_ fields: Fields, keepingRoot: Bool) -> Match.PathMatch? {
        guard let (key, text, position) = comparison(fields) else { return nil }
        if key == "regex" { return report.pattern(text, position).map { .regex($0) } }
        // Every path begins with a slash.
        if key == "prefix", text.isEmpty || text == "/" { return keepingRoot ? .startsWith("/") : nil }
        if let problem = PathText.problem(in: text, isWhole: key == "exact") {
            report.error(position, "the path \(Wording.quoted(text)) \(problem)")
            return nil
        }
        return key == "exact" ? .exact(text) : .startsWith(text)
    }

    /// The host without its port, which is all that a route compares.
    private func authority(_ fields: Fields) -> Match.ValueMatch? {
        guard let (key, text, position) = comparison(fields) else { return nil }
        switch key {
        case "regex": return report.pattern(text, position).map { .regex($0) }
        case "prefix": return .prefix(text.lowercased())
        default:
            if !text.hasSuffix("]"), text.contains(":") {
                report.error(
                    position, "a host is compared without its port, write it without one, and 'port' beside it")
            }
            return .exact(text.lowercased())
        }
    }

    /// Those of a few words that a comparison takes; `nil` after a report.
    private func words(_ all: [String], _ fields: Fields, title: String) -> [String]? {
        guard let (key, text, position) = comparison(fields) else { return nil }
        let found: [String]
        switch key {
        case "exact":
            // Any token may be a method (RFC 9110 section 9.1).
            found = all.contains(text) || (title == "method" && isMethod(text)) ? [text] : []
        case "prefix": found = all.filter { $0.hasPrefix(text) }
        default:
            guard let pattern = report.pattern(text, position) else { return nil }
            found = all.filter { word in Array(word.utf8).withUnsafeBytes { pattern.matchesWhole($0) } }
        }
        guard !found.isEmpty else {
            report.error(
                position, "\(Wording.quoted(text)) is no \(title), write \(Wording.list(all))")
            return nil
        }
        return found
    }

    private func isMethod(_ text: String) -> Bool { HeaderText.isToken(text) && text == text.uppercased() }

    /// Istio compares the scheme and the like by fields of their own, and passes these names over.
    private static let passedOver: Set<String> = ["uri", "scheme", "method", "authority"]

    private func namedMatches(_ key: String, _ fields: Fields) -> [Match.NamedMatch] {
        let areHeaders = key != "queryParams"
        var seen: [String: Position] = [:]
        return fields.pairs(key).compactMap { pair in
            let title = Wording.quoted(pair.key)
            if areHeaders {
                if Self.passedOver.contains(pair.key) {
                    report.note(pair.position, "\(title) is passed over among headers, as Istio does")
                    return nil
                }
                guard HeaderText.isToken(pair.key) else {
                    let advice =
                        pair.key.hasPrefix("@")
                        ? "is of a token that nobody has checked here, leave it out"
                        : "is no header name, write one such as x-tenant"
                    report.error(pair.position, "\(title) \(advice)")
                    return nil
                }
            } else if pair.key.isEmpty {
                report.error(pair.position, "a query parameter needs a name")
                return nil
            }
            let name = areHeaders ? pair.key.lowercased() : pair.key
            if let earlier = seen.updateValue(pair.position, forKey: name) {
                report.error(
                    pair.position, "\(title) is already in \(report.place(earlier, from: pair.position)), keep one")
            }
            return value(pair, title, areHeaders: areHeaders).map { Match.NamedMatch(name: name, value: $0) }
        }
    }

    /// Values of headers may be credentials, so messages leave them out.
    private func value(_ pair: YAMLNode.Entry, _ title: String, areHeaders: Bool) -> Match.ValueMatch? {
        // Nothing to compare with asks for the name alone.
        guard !pair.value.isNull else { return .present(true) }
        guard let fields = Fields(pair.value, .stringMatch, title: title, report) else { return nil }
        guard !fields.isEmpty else {
            if case .mapping(let pairs) = pair.value.content, pairs.allSatisfy(\.value.isNull) { return .present(true) }
            return nil
        }
        guard let (key, text, position) = comparison(fields) else { return nil }
        switch key {
        case "regex": return text == "*" ? .present(true) : report.pattern(text, position).map { .regex($0) }
        case "prefix":
            if text.isEmpty { return .present(true) }
            if areHeaders, !HeaderText.isValuePart(text) || text.utf8.first == UInt8(ascii: " ") {
                report.error(
                    position, "no value of \(title) begins so: it has control characters or a blank in front")
                return nil
            }
            return .prefix(text)
        default:
            guard !areHeaders || HeaderText.isValue(text) else {
                report.error(position, "\(title) never has this value: it has control characters or blanks around it")
                return nil
            }
            return .exact(text)
        }
    }

    /// A port means that of a listener, which need not be the one that Istio's gateway has.
    private func warnOfUnknownPort(_ port: UInt16, _ position: Position) {
        let ports = conversion.native.listeners.map { $0.address.hostPort?.port }
        guard !ports.isEmpty, ports.allSatisfy({ $0 != nil && $0 != port }) else { return }
        report.warning(position, "no listener has the port \(port), so nothing matches; write the port of a listener")
    }
}
