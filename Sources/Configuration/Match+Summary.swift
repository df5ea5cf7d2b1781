import Base

extension Match {
    /// Unicode scalars of a value in a summary; more say nothing to a reader.
    private static let longestValue = 120
    /// Stands for credentials.
    private static let hidden = "…"

    /// All conditions on one line, such as `POST /v2/models/*, x-tenant exact gold`; `*` where there are none. Values of what
    /// `SecretNames` lists are `…`.
    package var summary: String {
        let request = [method, path.map(pathWords)].compactMap(\.self).joined(separator: " ")
        var parts = request.isEmpty ? [] : [request]
        if let scheme { parts.append(scheme.rawValue) }
        if let host { parts.append("host \(Self.words(host, of: ""))") }
        if let port { parts.append("port \(port)") }
        parts += headers.map(Self.words)
        parts += withoutHeaders.map { "not \(Self.words($0))" }
        parts += query.map { "?\(Self.words($0))" }
        if let model { parts.append("model \(Self.shown(model))") }
        if let version { parts.append("version \(Self.shown(version))") }
        return parts.isEmpty ? "*" : parts.joined(separator: ", ")
    }

    private func pathWords(_ path: PathMatch) -> String {
        let words =
            switch path {
            case .exact(let text): Self.shown(text)
            case .prefix(let text): Self.shown(text.hasSuffix("/") ? text : text + "/") + "*"
            case .startsWith(let text): Self.shown(text) + "*"
            case .regex(let pattern): "regex \(Self.shown(pattern.source))"
            }
        return ignoresPathCase ? "\(words) in any case" : words
    }

    private static func words(_ field: NamedMatch) -> String {
        "\(shown(field.name)) \(words(field.value, of: field.name))"
    }

    private static func words(_ value: ValueMatch, of name: String) -> String {
        let isSecret = SecretNames.contains(name)
        return switch value {
        case .exact(let text): "exact \(isSecret ? hidden : shown(text))"
        case .prefix(let text): "prefix \(isSecret ? hidden : shown(text))"
        case .regex(let pattern): "regex \(isSecret ? hidden : shown(pattern.source))"
        case .present(true): "present"
        case .present(false): "absent"
        }
    }

    /// Never empty, endless, or invisible.
    private static func shown(_ text: String) -> String {
        if text.isEmpty { return "\"\"" }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(longestValue) {
            let isPrintable = ![.control, .format, .lineSeparator, .paragraphSeparator].contains(
                scalar.properties.generalCategory)
            result.append(isPrintable ? scalar : "\u{FFFD}")
        }
        return String(result) + (text.unicodeScalars.count > longestValue ? "…" : "")
    }
}
