import Base
import Configuration
import Credentials

/// Where a request goes on to, where a client is sent, and fixed answers.
extension VirtualServiceReader {
    /// - Parameters:
    ///   - matches: the rule's.
    ///   - host: what its header operations set `Host` to.
    func rewrite(_ rule: Fields, _ matches: [Match], host: String?) -> Route.Rewrite? {
        var rewrite = Route.Rewrite()
        rewrite.host = host
        if let fields = rule.fields("rewrite", .httpRewrite) {
            if let entry = fields.entry("authority"), entry.value.text?.isEmpty != true {
                rewrite.host = authority(entry.value, "'authority'")
                if host != nil {
                    report.error(entry.position, "'authority' is set by 'headers' too, keep one of them")
                }
            }
            rewrite.path = newPath(fields, matches)
            if fields.written(["uri", "authority", "uriRegexRewrite"]).isEmpty {
                report.error(
                    fields.position, "'rewrite' changes nothing, write 'uri', 'uriRegexRewrite' or 'authority'")
            }
        }
        return rewrite == Route.Rewrite() ? nil : rewrite
    }

    private func newPath(_ fields: Fields, _ matches: [Match]) -> Route.PathRewrite? {
        if fields.has("uri"), fields.has("uriRegexRewrite") {
            report.error(
                fields.position(of: "uriRegexRewrite"),
                "'rewrite' has both 'uri' and 'uriRegexRewrite', keep one of them")
        }
        if let regex = fields.fields("uriRegexRewrite", .regexRewrite) { return substitution(regex) }
        guard let text = target("uri", fields) else { return nil }
        let regexes = matches.filter(\.isByRegex)
        guard !regexes.isEmpty else { return .prefix(text) }
        // Envoy replaces what was matched, and that is all of the path.
        if regexes.count == matches.count { return .full(text) }
        report.error(
            fields.position(of: "uri"),
            "'uri' replaces a prefix for some matches and the whole path for those by regex, split the rule in two")
        return nil
    }

    private func target(_ key: String, mayHaveQuery: Bool = false, _ fields: Fields) -> String? {
        guard let text = fields.text(key) else { return nil }
        if let problem = PathText.problem(inTarget: text, mayHaveQuery: mayHaveQuery) {
            report.error(fields.valuePosition(of: key), "the path \(Wording.quoted(text)) \(problem)")
            return nil
        }
        return text
    }

    private func substitution(_ fields: Fields) -> Route.PathRewrite? {
        for key in ["match", "rewrite"] where !fields.has(key) {
            report.error(fields.position, "'uriRegexRewrite' needs '\(key)', add it")
        }
        let pattern = fields.text("match").flatMap { report.pattern($0, fields.valuePosition(of: "match")) }
        guard let replacement = fields.text("rewrite"), let pattern else { return nil }
        // What no path holds: the request would be refused each time. What the groups hold is a path's already.
        guard replacement.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"?#".utf8.contains($0) }) else {
            report.error(
                fields.valuePosition(of: "rewrite"),
                "'rewrite' has a '?', '#', blank or non-ASCII character, which no path has, write it percent-encoded")
            return nil
        }
        if let problem = Substitution.problem(pattern, replacement: replacement) {
            report.error(fields.valuePosition(of: "rewrite"), "'rewrite' \(problem)")
            return nil
        }
        return .regex(pattern, replacement: replacement)
    }

    func redirect(_ rule: Fields, _ matches: [Match]) -> Route.Redirect? {
        guard let fields = rule.fields("redirect", .httpRedirect) else { return nil }
        var redirect = Route.Redirect()
        redirect.code = 301
        fields.choice("redirectCode", [301, 302, 303, 307, 308].map { ("\($0)", $0) }).map { redirect.code = $0 }
        redirect.scheme = fields.choice("scheme", Match.Scheme.allCases.map { ($0.rawValue, $0) })
        if let entry = fields.entry("authority"), let host = authority(entry.value, "'authority'") {
            let place = try? HostPort(parsing: host)
            redirect.host = place.map { $0.host.contains(":") ? "[\($0.host)]" : $0.host } ?? host
            redirect.port = place.map { .number($0.port) }
        }
        port(fields).map { redirect.port = $0 }
        redirect.path = redirectPath(fields, matches)
        if fields.written(["scheme", "authority", "uri", "prefixRewrite", "port"]).isEmpty,
            redirect.port == nil || redirect.port == .ofRequest, !fields.has("derivePort") || redirect.port != nil
        {
            report.error(
                fields.position,
                "'redirect' changes nothing and would go round in circles, write 'uri' or 'authority'")
        }
        return redirect
    }

    private func port(_ fields: Fields) -> Route.RedirectPort? {
        if fields.has("port"), fields.has("derivePort") {
            report.error(
                fields.position(of: "derivePort"), "'redirect' has both 'port' and 'derivePort', keep one of them")
        }
        let derived = fields.choice(
            "derivePort", [("FROM_PROTOCOL_DEFAULT", Route.RedirectPort.ofScheme), ("FROM_REQUEST_PORT", .ofRequest)])
        return fields.integer("port", in: Bounds.port).flatMap { UInt16(exactly: $0) }.map { .number($0) } ?? derived
    }

    private func redirectPath(_ fields: Fields, _ matches: [Match]) -> Route.PathRewrite? {
        if fields.has("uri"), fields.has("prefixRewrite") {
            report.error(
                fields.position(of: "prefixRewrite"), "'redirect' has both 'uri' and 'prefixRewrite', keep one of them")
        }
        if let uri = target("uri", mayHaveQuery: true, fields) { return .full(uri) }
        guard let prefix = target("prefixRewrite", fields) else { return nil }
        if !matches.allSatisfy(\.isByPrefix) {
            report.error(
                fields.position(of: "prefixRewrite"), "'prefixRewrite' needs every match to have a 'uri' with 'prefix'")
        }
        return .prefix(prefix)
    }

    func directResponse(_ rule: Fields) -> Route.FixedResponse? {
        guard let fields = rule.fields("directResponse", .directResponse) else { return nil }
        guard let status = fields.integer("status", in: Bounds.status) else {
            if !fields.has("status") {
                report.error(fields.position, "'directResponse' needs a status, write 'status: 200'")
            }
            return nil
        }
        var answer = Route.FixedResponse(status: status)
        if let body = fields.fields("body", .httpBody) {
            if body.has("string"), body.has("bytes") {
                report.error(body.position(of: "bytes"), "'body' has both 'string' and 'bytes', keep one of them")
            }
            answer.body = body.entry("string").flatMap { Section.scalar($0.value, "'string'", "text", report) } ?? ""
            if let bytes = body.entry("bytes") { answer.body = text(base64: bytes.value) ?? "" }
            if status == 204 || status == 304, !answer.body.isEmpty {
                // RFC 9110 sections 15.3.5 and 15.4.5.
                report.error(body.position, "an answer with status \(status) has no body, leave 'body' out")
            }
        }
        return answer
    }

    private func text(base64 node: YAMLNode) -> String? {
        guard let encoded = Section.scalar(node, "'bytes'", "base64", report) else { return nil }
        guard let bytes = Base64.decode(Substring(encoded)) else {
            report.error(node.position, "'bytes' must be base64, write the body as 'string' instead")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            report.error(node.position, "'bytes' is no UTF-8, and a fixed answer is text here: let an endpoint give it")
            return nil
        }
        return text
    }
}

extension Match {
    /// Nothing says how much of the path was compared.
    fileprivate var isByRegex: Bool { if case .regex = path { true } else { false } }
    fileprivate var isByPrefix: Bool { if case .startsWith = path { true } else { false } }
}
