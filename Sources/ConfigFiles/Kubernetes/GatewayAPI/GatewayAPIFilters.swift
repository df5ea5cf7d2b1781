import Configuration

/// What filters do, to requests of a rule or of one of its backends.
struct GatewayAPIFilters {
    var requestHeaders = HeaderOperations()
    var responseHeaders = HeaderOperations()
    var mirrors: [Route.Mirror] = []
    var redirect: Route.Redirect?
    var rewrite: Route.Rewrite?
    var cors: Route.CORS?
    /// Where filters begin, by their types.
    var positions: [String: Position] = [:]
}

extension GatewayAPIRoutes {
    /// What may stand at a backend: the others would have to be done before a backend is chosen.
    private static let ofBackends: Set<String> = ["RequestHeaderModifier", "ResponseHeaderModifier"]

    /// - Parameters:
    ///   - owner: a rule or a reference to a backend.
    ///   - matches: of the rule; `nil` for a backend.
    func filters(_ owner: Fields, _ manifest: Manifest, _ schema: FieldSchema, matches: [Match]?) -> GatewayAPIFilters {
        var filters = GatewayAPIFilters()
        for item in owner.list("filters", schema) {
            guard let type = required("type", item) else { continue }
            let position = item.valuePosition(of: "type")
            let key = Self.key(of: type)
            guard schema.fields.contains(key), type != "type", FieldSchema.unsupportedFilters[key] == nil else {
                refuse(type, at: position, schema)
                continue
            }
            for other in item.written(schema.fields) where other != key && other != "type" {
                report.error(
                    item.position(of: other), "'\(other)' is no part of a filter of type \(type), leave it out")
            }
            guard item.has(key) else {
                report.error(position, "a filter of type \(type) needs '\(key)', add it")
                continue
            }
            if let earlier = filters.positions.updateValue(position, forKey: type), type != "RequestMirror" {
                report.error(
                    position,
                    "there is a filter of type \(type) in \(report.place(earlier, from: position)), put both into one")
                continue
            }
            guard matches != nil || Self.ofBackends.contains(type) else {
                report.error(
                    position, "a filter of type \(type) cannot stand at a backend, write it in the rule's own 'filters'"
                )
                continue
            }
            read(key, item, manifest, matches ?? [], into: &filters)
        }
        if filters.redirect != nil, filters.rewrite != nil, let position = filters.positions["URLRewrite"] {
            report.error(position, "a rule has either a RequestRedirect or a URLRewrite, keep one of them")
        }
        return filters
    }

    /// `RequestMirror` is written in `requestMirror`.
    private static func key(of type: String) -> String {
        let special = ["URLRewrite": "urlRewrite", "CORS": "cors"]
        return special[type] ?? type.prefix(1).lowercased() + type.dropFirst()
    }

    private func refuse(_ type: String, at position: Position, _ schema: FieldSchema) {
        if let advice = FieldSchema.unsupportedFilters[Self.key(of: type)] {
            report.error(position, "a filter of type \(type) cannot be honoured: \(advice)")
        } else {
            let known = schema.fields.filter { $0 != "type" && FieldSchema.unsupportedFilters[$0] == nil }.map(
                Self.type)
            let hint = report.suggestion(for: type, among: known)
            report.error(position, "there is no filter of type \(Wording.quoted(type))\(hint)")
        }
    }

    private static func type(of key: String) -> String {
        let special = ["urlRewrite": "URLRewrite", "cors": "CORS"]
        return special[key] ?? key.prefix(1).uppercased() + key.dropFirst()
    }

    private func read(
        _ key: String, _ item: Fields, _ manifest: Manifest, _ matches: [Match], into filters: inout GatewayAPIFilters
    ) {
        switch key {
        case "requestHeaderModifier": filters.requestHeaders = headers(key, of: .request, item)
        case "responseHeaderModifier": filters.responseHeaders = headers(key, of: .response, item)
        case "requestMirror":
            item.fields(key, .requestMirror).flatMap { mirror($0, manifest) }.map { filters.mirrors.append($0) }
        case "requestRedirect": filters.redirect = item.fields(key, .requestRedirect).map { redirect($0, matches) }
        case "urlRewrite": filters.rewrite = item.fields(key, .urlRewrite).map { rewrite($0, matches) }
        case "cors": filters.cors = item.fields(key, .corsFilter).flatMap(cors)
        default: break
        }
    }

    private func headers(_ key: String, of message: HeaderRules.Message, _ item: Fields) -> HeaderOperations {
        var operations = HeaderOperations()
        guard let modifier = item.fields(key, .headerModifier) else { return operations }
        var seen: [String: Position] = [:]
        operations.set = headerFields("set", modifier, message, &seen)
        operations.add = headerFields("add", modifier, message, &seen)
        operations.remove = modifier.texts("remove").compactMap { name, position in
            isChangeable(name, message, position, &seen) ? name.lowercased() : nil
        }
        if operations.isEmpty, modifier.isEmpty {
            report.error(modifier.position, "'\(key)' changes nothing, write 'set', 'add' or 'remove'")
        }
        return operations
    }

    private func headerFields(
        _ key: String, _ modifier: Fields, _ message: HeaderRules.Message, _ seen: inout [String: Position]
    ) -> [HeaderOperations.Field] {
        modifier.list(key, .headerField).compactMap { item in
            guard let name = required("name", item),
                isChangeable(name, message, item.valuePosition(of: "name"), &seen)
            else { return nil }
            guard let entry = item.entry("value") else {
                report.error(item.position, "a header needs a value, write 'value: …'")
                return nil
            }
            guard let text = Section.scalar(entry.value, "'value'", "text", report) else { return nil }
            guard HeaderText.isValue(text) else {
                report.error(
                    entry.value.position,
                    "the value of \(Wording.quoted(name)) must not hold control characters or blanks around it")
                return nil
            }
            return HeaderOperations.Field(name: name, value: HeaderTemplate(literal: text))
        }
    }

    private func isChangeable(
        _ name: String, _ message: HeaderRules.Message, _ position: Position, _ seen: inout [String: Position]
    ) -> Bool {
        if message == .request, name.lowercased() == "host" {
            report.error(position, "'host' is where the request goes, write it as 'hostname' in a URLRewrite filter")
            return false
        }
        if let problem = HeaderRules.problem(changing: name, of: message) {
            report.error(position, "\(Wording.quoted(name)) \(problem)")
            return false
        }
        if let earlier = seen.updateValue(position, forKey: name.lowercased()) {
            report.error(
                position,
                "\(Wording.quoted(name)) is already in \(report.place(earlier, from: position)), keep one of them")
            return false
        }
        return true
    }
}
