import Configuration

/// Filters that send requests elsewhere.
extension GatewayAPIRoutes {
    func redirect(_ fields: Fields, _ matches: [Match]) -> Route.Redirect {
        var redirect = Route.Redirect()
        redirect.scheme = fields.choice("scheme", Match.Scheme.allCases.map { ($0.rawValue, $0) })
        redirect.host = hostname(fields)
        redirect.path = fields.fields("path", .pathModifier).flatMap { pathModifier($0, matches, mayHaveQuery: true) }
        // "The default status code is 302."
        redirect.code = fields.choice("statusCode", [301, 302, 303, 307, 308].map { ("\($0)", $0) }) ?? 302
        if let port = fields.integer("port", in: Bounds.port) {
            redirect.port = UInt16(exactly: port).map { .number($0) }
        } else if redirect.host != nil, redirect.scheme == nil {
            // Without a scheme it is the listener's, whatever the host.
            redirect.port = .ofRequest
        }
        if fields.written(["scheme", "hostname", "path", "port"]).isEmpty {
            report.error(
                fields.position,
                "'requestRedirect' changes nothing and would go round in circles, write 'scheme: https' or a 'hostname'"
            )
        }
        return redirect
    }

    func rewrite(_ fields: Fields, _ matches: [Match]) -> Route.Rewrite {
        var rewrite = Route.Rewrite()
        rewrite.host = hostname(fields)
        rewrite.path = fields.fields("path", .pathModifier).flatMap { pathModifier($0, matches, mayHaveQuery: false) }
        if fields.written(["hostname", "path"]).isEmpty {
            report.error(fields.position, "'urlRewrite' changes nothing, write 'hostname' or 'path'")
        }
        return rewrite
    }

    private func hostname(_ fields: Fields) -> String? {
        guard let text = fields.text("hostname") else { return nil }
        guard HostName.isValid(text), !HostName.looksNumeric(text) else {
            report.error(
                fields.valuePosition(of: "hostname"),
                "\(Wording.quoted(text)) is no host name, write one without a port or wildcard")
            return nil
        }
        return text.lowercased()
    }

    private func pathModifier(_ fields: Fields, _ matches: [Match], mayHaveQuery: Bool) -> Route.PathRewrite? {
        let keys = [("ReplaceFullPath", "replaceFullPath"), ("ReplacePrefixMatch", "replacePrefixMatch")]
        guard let key = fields.choice("type", keys.map { (word: $0.0, value: $0.1) }) else {
            if !fields.has("type") {
                report.error(fields.position, "'path' needs a 'type', write ReplaceFullPath or ReplacePrefixMatch")
            }
            return nil
        }
        for other in keys.map(\.1) where other != key && fields.has(other) {
            report.error(fields.position(of: other), "'\(other)' is no part of this type, leave it out")
        }
        guard let entry = fields.entry(key) else {
            report.error(fields.position, "this type of 'path' needs '\(key)', add it")
            return nil
        }
        guard let text = Section.scalar(entry.value, "'\(key)'", "a path", report) else { return nil }
        let isPrefix = key == "replacePrefixMatch"
        let path = isPrefix ? Self.withoutFinalSlash(text.isEmpty ? "/" : text) : text
        if let problem = PathText.problem(inTarget: path, mayHaveQuery: mayHaveQuery && !isPrefix) {
            report.error(entry.value.position, "the path \(Wording.quoted(text)) \(problem)")
            return nil
        }
        guard isPrefix else { return .full(path) }
        let isComparable = matches.allSatisfy { match in
            switch match.path {
            case .prefix, nil: true
            case .exact, .startsWith, .regex: false
            }
        }
        guard isComparable else {
            report.error(
                entry.position,
                "'replacePrefixMatch' needs every match of the rule to be a PathPrefix, write 'replaceFullPath' or a rule "
                    + "of its own")
            return nil
        }
        return .prefix(path)
    }

    /// `nil` after a report.
    func cors(_ fields: Fields) -> Route.CORS? {
        var cors = Route.CORS()
        for (text, position) in fields.texts("allowOrigins") {
            do throws(InvalidValue) {
                cors.allowOrigins.append(try Route.CORS.OriginMatch(parsing: Self.withoutDefaultPort(text)))
            } catch {
                report.error(position, "\(Wording.quoted(text)) \(error.message)")
            }
        }
        if !fields.has("allowOrigins") {
            report.error(fields.position, "'cors' allows no origin, write 'allowOrigins: [https://app.example.com]'")
        }
        cors.allowMethods = tokens("allowMethods", "a method", fields)
        cors.allowHeaders = tokens("allowHeaders", "a header", fields)
        cors.exposeHeaders = tokens("exposeHeaders", "a header", fields)
        cors.allowCredentials = fields.flag("allowCredentials") ?? false
        // "When the MaxAge field is unspecified, the gateway sets the response header 'Access-Control-Max-Age: 5'."
        let age = fields.integer("maxAge", in: 1...Int(Bounds.preflightAge.upperBound.components.seconds)) ?? 5
        cors.maxAge = .seconds(age)
        report.warnOfCredentials(cors, at: fields.valuePosition(of: "allowCredentials"))
        return cors
    }

    /// Browsers leave the port of the scheme out of origins.
    private static func withoutDefaultPort(_ origin: String) -> String {
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")]
        where origin.lowercased().hasPrefix(scheme) && origin.hasSuffix(port) {
            return String(origin.dropLast(port.count))
        }
        return origin
    }

    private func tokens(_ key: String, _ title: String, _ fields: Fields) -> [String] {
        var seen: Set<String> = []
        return fields.texts(key).compactMap { text, position in
            guard HeaderText.isToken(text) else {
                report.error(position, "\(Wording.quoted(text)) is not \(title), write one without blanks or commas")
                return nil
            }
            return seen.insert(text.lowercased()).inserted ? text : nil
        }
    }
}
