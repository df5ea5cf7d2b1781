import Configuration

/// Changes of header fields.
extension VirtualServiceReader {
    struct Operations {
        var operations = HeaderOperations()
        /// What `Host` is set to, which is no header field for the gateway but where the request goes.
        var host: String?
    }

    /// - Parameter fields: `headers`.
    func headerOperations(_ fields: Fields, of message: HeaderRules.Message) -> Operations {
        var result = Operations()
        guard let written = fields.fields(message == .request ? "request" : "response", .headerOperations) else {
            return result
        }
        var names = Names()
        result.operations.set = self.fields("set", written, of: message, &result.host, &names.set)
        result.operations.add = self.fields("add", written, of: message, &result.host, &names.add)
        for (name, position) in written.texts("remove") {
            let lowercased = name.lowercased()
            if let problem = HeaderRules.problem(changing: name, of: message) {
                report.error(position, "\(Wording.quoted(name)) \(problem)")
            } else if names.set[lowercased] == nil, !result.operations.remove.contains(lowercased) {
                // What is set takes the place of what there was anyway.
                result.operations.remove.append(lowercased)
            }
        }
        for field in result.operations.add {
            let name = field.name.lowercased()
            guard let position = names.add[name] else { continue }
            if names.set[name] != nil {
                report.error(
                    position, "\(Wording.quoted(field.name)) is in 'set' too, which takes one value: keep one of them")
            } else if result.operations.remove.contains(name) {
                // Removed and added again, which is to set it.
                result.operations.remove.removeAll { $0 == name }
                result.operations.add.removeAll { $0.name.lowercased() == name }
                result.operations.set.append(field)
            }
        }
        return result
    }

    private struct Names {
        var set: [String: Position] = [:]
        var add: [String: Position] = [:]
    }

    private func fields(
        _ key: String, _ written: Fields, of message: HeaderRules.Message, _ host: inout String?,
        _ names: inout [String: Position]
    ) -> [HeaderOperations.Field] {
        written.pairs(key).compactMap { pair in
            let title = Wording.quoted(pair.key)
            let name = pair.key.lowercased()
            if message == .request, name == "host" || name == ":authority" {
                if host != nil { report.error(pair.position, "the host is set twice, keep one of them") }
                host = authority(pair.value, title) ?? host
                return nil
            }
            if let problem = HeaderRules.problem(changing: pair.key, of: message) {
                report.error(pair.position, "\(title) \(problem)")
                return nil
            }
            if let earlier = names.updateValue(pair.position, forKey: name) {
                report.error(
                    pair.position, "\(title) is already in \(report.place(earlier, from: pair.position)), keep one")
                return nil
            }
            return template(pair.value, title).map { HeaderOperations.Field(name: pair.key, value: $0) }
        }
    }

    /// A value may be a credential, so messages leave it out.
    private func template(_ node: YAMLNode, _ title: String) -> HeaderTemplate? {
        guard let text = Section.scalar(node, title, "text", report) else { return nil }
        guard HeaderText.isValue(text) else {
            report.error(node.position, "the value of \(title) must not hold control characters or blanks around it")
            return nil
        }
        do throws(InvalidValue) {
            return try HeaderTemplate(Self.translated(text))
        } catch {
            report.error(node.position, "the value of \(title) \(error.message)")
            return nil
        }
    }

    /// What Envoy puts into a value between percent signs, in the words of the gateway.
    private static let variables: [String: HeaderTemplate.Variable] = [
        "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": .clientAddress, "REQ(X-REQUEST-ID)": .requestID,
        "ROUTE_NAME": .route,
    ]

    private static func translated(_ text: String) throws(InvalidValue) -> String {
        var result = ""
        var rest = text[...]
        while let percent = rest.firstIndex(of: "%") {
            result += rest[..<percent]
            rest = rest[rest.index(after: percent)...]
            if rest.first == "%" {
                // A brace behind it must not make a variable of it.
                rest = rest.dropFirst()
                result += rest.first == "{" ? "%%" : "%"
                continue
            }
            guard let end = rest.firstIndex(of: "%"), isCommand(rest[..<end]) else {
                result += rest.first == "{" ? "%%" : "%"
                continue
            }
            guard let variable = variables[rest[..<end].uppercased()] else {
                let known = HeaderTemplate.Variable.allCases.map { "%{\($0.rawValue)}" }.joined(separator: ", ")
                throw InvalidValue(
                    "has a variable of Envoy's that has no equal here, write it as native YAML, which has \(known)")
            }
            result += "%{\(variable.rawValue)}"
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    /// `REQ(X-USER)`, `START_TIME`: Envoy's command operators begin with a capital letter.
    private static func isCommand(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) else { return false }
        return text.utf8.prefix { $0 != UInt8(ascii: "(") }.allSatisfy {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "_")
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
    }

    /// What a `Host` field holds: a host, and a port where it is not the scheme's (RFC 9110 section 7.2).
    func authority(_ node: YAMLNode, _ title: String) -> String? {
        guard let text = Section.text(node, title, report) else { return nil }
        if let address = try? HostPort(parsing: text) { return address.description }
        let host = text.lowercased()
        let literal = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host[...]
        if IPAddress(literal) != nil { return literal.contains(":") ? "[\(literal)]" : host }
        guard HostName.isValid(host) else {
            report.error(
                node.position, "\(title): \(Wording.quoted(text)) is no host, write a name, with a port if it needs one"
            )
            return nil
        }
        return host
    }

    /// A fixed answer with the headers its rule sets: written beside its status as far as they are plain text.
    func withHeaders(_ answer: Route.FixedResponse, _ operations: inout HeaderOperations) -> Route.FixedResponse {
        var answer = answer
        var left: [HeaderOperations.Field] = []
        for field in operations.set {
            switch field.value.parts.first {
            case nil: answer.headers.append(Route.FixedResponse.Header(name: field.name, value: ""))
            case .text(let text) where field.value.parts.count == 1:
                answer.headers.append(Route.FixedResponse.Header(name: field.name, value: text))
            default: left.append(field)
            }
        }
        operations.set = left
        // As Envoy does.
        let isTyped = answer.headers.contains { $0.name.lowercased() == "content-type" }
        if !answer.body.isEmpty, !isTyped {
            answer.headers.append(Route.FixedResponse.Header(name: "content-type", value: "text/plain"))
        }
        return answer
    }
}
