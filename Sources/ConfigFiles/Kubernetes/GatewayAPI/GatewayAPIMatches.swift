import Base
import Configuration

/// The conditions of HTTPRoutes and GRPCRoutes.
extension GatewayAPIRoutes {
    /// `nil` after a report.
    func httpMatch(_ fields: Fields) -> Match? {
        var match = Match()
        if let path = fields.fields("path", .httpPathMatch) {
            guard let read = pathMatch(path) else { return nil }
            match.path = read.path
        }
        if let method = fields.text("method") {
            guard HeaderText.isToken(method), method == method.uppercased() else {
                report.error(
                    fields.valuePosition(of: "method"),
                    "\(Wording.quoted(method)) is no method, write one in capitals such as POST")
                return nil
            }
            match.method = method
        }
        match.headers = namedMatches("headers", fields)
        match.query = namedMatches("queryParams", fields)
        return match
    }

    /// `nil` after a report; a `nil` path for one that takes every path.
    private func pathMatch(_ fields: Fields) -> (path: Match.PathMatch?, Void)? {
        let kinds = ["PathPrefix", "Exact", "RegularExpression"].map { ($0, $0) }
        let kind = fields.choice("type", kinds) ?? (fields.has("type") ? nil : "PathPrefix")
        let text = fields.text("value") ?? (fields.has("value") ? nil : "/")
        guard let kind, let text else { return nil }
        let position = fields.valuePosition(of: "value")
        guard kind != "RegularExpression" else { return report.pattern(text, position).map { (.regex($0), ()) } }
        if let problem = PathText.problem(in: text, isWhole: true) {
            report.error(position, "the path \(Wording.quoted(text)) \(problem)")
            return nil
        }
        guard kind == "PathPrefix" else { return (.exact(text), ()) }
        let prefix = Self.withoutFinalSlash(text)
        return (prefix == "/" ? nil : .prefix(prefix), ())
    }

    /// "When specified, a trailing `/` is ignored."
    static func withoutFinalSlash(_ path: String) -> String {
        var path = path[...]
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }

    private func namedMatches(_ key: String, _ fields: Fields) -> [Match.NamedMatch] {
        var seen: [String: Position] = [:]
        let areHeaders = key == "headers"
        return fields.list(key, .namedValueMatch).compactMap { item in
            let kind = item.choice("type", ["Exact", "RegularExpression"].map { ($0, $0) })
            guard let name = required("name", item), kind != nil || !item.has("type") else { return nil }
            let position = item.valuePosition(of: "name")
            guard !areHeaders || HeaderText.isToken(name) else {
                report.error(position, "\(Wording.quoted(name)) is no header name, write one such as x-tenant")
                return nil
            }
            let wanted = areHeaders ? name.lowercased() : name
            if let earlier = seen.updateValue(position, forKey: wanted) {
                report.error(
                    position,
                    "\(Wording.quoted(name)) is already in \(report.place(earlier, from: position)), keep one of them")
                return nil
            }
            return value(item, kind, areHeaders: areHeaders).map { Match.NamedMatch(name: wanted, value: $0) }
        }
    }

    /// Values of headers may be credentials, so messages leave them out.
    private func value(_ item: Fields, _ kind: String?, areHeaders: Bool) -> Match.ValueMatch? {
        guard let entry = item.entry("value") else {
            report.error(item.position, "a match by name needs a value, write 'value: …'")
            return nil
        }
        guard let text = Section.scalar(entry.value, "'value'", "text", report) else { return nil }
        if kind == "RegularExpression" { return report.pattern(text, entry.value.position).map { .regex($0) } }
        guard !areHeaders || HeaderText.isValue(text) else {
            report.error(
                entry.value.position, "no header has this value: it has control characters or blanks around it")
            return nil
        }
        return .exact(text)
    }

    /// Text that has to be there.
    func required(_ key: String, _ fields: Fields) -> String? {
        if let text = fields.text(key) { return text }
        if !fields.has(key) { report.error(fields.position, "\(fields.schema.name) needs '\(key)', add it") }
        return nil
    }
}

/// Calls are requests whose path is the service and the method (gRPC over HTTP/2, "Requests").
extension GatewayAPIRoutes {
    var anyCall: RankedMatch { call(Match(), service: 0, method: 0) }

    func grpcMatch(_ fields: Fields) -> RankedMatch? {
        var match = Match()
        match.headers = namedMatches("headers", fields)
        guard let method = fields.fields("method", .grpcMethodMatch) else {
            return fields.has("method") ? nil : call(match, service: 0, method: 0)
        }
        let kind = method.choice("type", ["Exact", "RegularExpression"].map { ($0, $0) })
        guard kind != nil || !method.has("type") else { return nil }
        let (service, name) = (method.text("service"), method.text("method"))
        guard service != nil || name != nil else {
            if method.written(["service", "method"]).isEmpty {
                report.error(method.position, "a method match needs a 'service' or a 'method', or leave it out")
            }
            return nil
        }
        if kind == "RegularExpression" {
            let source = "/\(Self.group(service))/\(Self.group(name))"
            guard let pattern = report.pattern(source, method.position) else { return nil }
            match.path = .regex(pattern)
        } else {
            guard isName("service", service, method), isName("method", name, method) else { return nil }
            match.path =
                switch (service, name) {
                case (let service?, let name?): .exact("/\(service)/\(name)")
                case (let service?, nil): .prefix("/\(service)")
                default: report.pattern("/[^/]+/\(name ?? "")", method.position).map { .regex($0) }
                }
        }
        return call(match, service: service?.count ?? 0, method: name?.count ?? 0)
    }

    private func call(_ match: Match, service: Int, method: Int) -> RankedMatch {
        var match = match
        let headers = match.headers.count
        if !match.headers.contains(where: { $0.name == "content-type" }) {
            match.headers.append(Match.NamedMatch(name: "content-type", value: .prefix("application/grpc")))
        }
        return .grpc(match, service: service, method: method, headers: headers)
    }

    private static func group(_ expression: String?) -> String { expression.map { "(?:\($0))" } ?? "[^/]+" }

    /// Letters, digits, underscores, and between them dots in the name of a service.
    private func isName(_ key: String, _ text: String?, _ fields: Fields) -> Bool {
        guard let text else { return true }
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: byte == UInt8(ascii: ".") && key == "service"
            }
        }
        if !isName || text == "." || text == ".." {
            report.error(
                fields.valuePosition(of: key),
                "\(Wording.quoted(text)) is not the name of a \(key), write it without '/'")
            return false
        }
        return true
    }
}
