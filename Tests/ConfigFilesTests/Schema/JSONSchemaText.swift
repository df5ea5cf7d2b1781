import Configuration

@testable import ConfigFiles

/// config/sluice.schema.json, printed from the tables of keys, in the draft that editors know best (draft-07).
///
/// It takes everything that the gateway takes. What only shows when two places are compared, such as a name that no backend has,
/// it cannot refuse.
enum JSONSchemaText {
    static var file: String {
        JSONText.object([
            ("$schema", .string("http://json-schema.org/draft-07/schema#")),
            ("title", .string("Sluice")),
            ("description", .string("A file of Sluice's configuration, or a Kubernetes manifest beside one.")),
            ("type", .string("object")),
            ("if", .object([("anyOf", .array([required(["apiVersion"]), required(["kind"])]))])),
            (
                "then",
                .object([
                    ("required", .strings(["apiVersion", "kind"])),
                    ("properties", .object([("apiVersion", string), ("kind", string)])),
                ])
            ),
            ("else", reference(.gateway)),
            ("definitions", .object(Schema.all.map { (name($0), definition($0)) })),
        ]).printed() + "\n"
    }

    private static let string = JSONText.object([("type", .string("string"))])

    private static func name(_ schema: Schema) -> String { ReferenceText.anchor(schema) }

    private static func reference(_ schema: Schema) -> JSONText {
        .object([("$ref", .string("#/definitions/\(name(schema))"))])
    }

    private static func required(_ keys: [String]) -> JSONText { .object([("required", .strings(keys))]) }

    private static func definition(_ schema: Schema) -> JSONText {
        var members: [(String, JSONText)] = [("type", .string("object")), ("additionalProperties", .literal("false"))]
        let needed = schema.entries.filter { if case .required = $0.fallback { true } else { false } }.map(\.name)
        // A file of a directory need not say everything.
        if !needed.isEmpty, name(schema) != name(.gateway) { members.append(("required", .strings(needed))) }
        members += rules(schema)
        members.append(("properties", .object(schema.entries.map { ($0.name, property($0)) })))
        return .object(members)
    }

    private static func rules(_ schema: Schema) -> [(String, JSONText)] {
        var all: [JSONText] = []
        var dependencies: [(String, JSONText)] = []
        for rule in schema.rules {
            switch rule {
            case .one(let keys): all.append(.object([("oneOf", .array(keys.map { required([$0]) }))]))
            case .atMostOne(let keys):
                for (index, key) in keys.enumerated() {
                    for other in keys[(index + 1)...] { all.append(.object([("not", required([key, other]))])) }
                }
            case .some(let keys): all.append(.object([("anyOf", .array(keys.map { required([$0]) }))]))
            case .needs(let keys, let other): dependencies += keys.map { ($0, .strings([other])) }
            }
        }
        return (all.isEmpty ? [] : [("allOf", .array(all))])
            + (dependencies.isEmpty ? [] : [("dependencies", .object(dependencies))])
    }

    private static func property(_ key: Schema.Key) -> JSONText {
        var description = key.meaning.prefix(1).uppercased() + key.meaning.dropFirst() + ". "
        description += "Value: \(ReferenceText.text(key.type, links: false)). "
        var fallback: [(String, JSONText)] = []
        switch key.fallback {
        case .required: description += "Required."
        case .value(let text):
            description += "Default: \(text)."
            fallback = [("default", value(text, key.type))]
        case .absent(let words): description += "Default: \(words)."
        }
        let head: [(String, JSONText)] = [("description", .string(description.replacing("`", with: "")))] + fallback
        switch members(key.type) {
        // In draft-07 nothing beside a `$ref` counts.
        case let members where members.first?.0 == "$ref":
            return .object(head + [("allOf", .array([.object(members)]))])
        case let members: return .object(head + members)
        }
    }

    private static func value(_ text: String, _ type: ValueType) -> JSONText {
        switch type {
        case .flag, .integer, .percent: .literal(text)
        case .list: .strings(text.dropFirst().dropLast().split(separator: ", ").map { String($0) })
        default: .string(text)
        }
    }

    private static func members(_ type: ValueType) -> [(String, JSONText)] {
        switch type {
        case .text(let kind): return members(kind)
        case .word(let words):
            // Without quotes, `1.2` is a number to an editor.
            let numbers = words.filter { $0.allSatisfy { $0.isNumber || $0 == "." } }.map { JSONText.literal($0) }
            return [("enum", .array(words.map { .string($0) } + numbers))]
        case .flag: return [("type", .strings(["boolean", "string"])), ("pattern", .string("^(true|false)$"))]
        case .onlyTrue: return [("enum", .array([.literal("true"), .string("true")]))]
        case .integer(let range): return number("integer", "\(range.lowerBound)", "\(range.upperBound)", "^[0-9]+$")
        case .percent: return number("number", "0", "100", "^([0-9]+[.]?[0-9]*|[.][0-9]+)$")
        case .duration:
            return [("type", .string("string")), ("pattern", .string("^[0-9]+([.][0-9]+)?(ns|us|ms|s|m|h)$"))]
        case .size(let range):
            return number(
                "integer", "\(range.lowerBound)", "\(range.upperBound)", "^[0-9]+(B|KiB|MiB|GiB|TiB)?$")
        case .object(let schema): return [("$ref", .string("#/definitions/\(name(schema))"))]
        case .list(let item):
            return [("type", .string("array")), ("minItems", .literal("1")), ("items", .object(members(item)))]
        case .map(let kind, let value):
            return [
                ("type", .string("object")), ("propertyNames", .object(pattern(kind))),
                ("additionalProperties", .object(members(value))),
            ]
        case .either(let types): return [("anyOf", .array(types.map { .object(members($0)) }))]
        }
    }

    /// Numbers may be quoted; a range is of those that are not.
    private static func number(_ type: String, _ least: String, _ most: String, _ pattern: String)
        -> [(String, JSONText)]
    {
        [
            ("type", .strings([type, "string"])), ("minimum", .literal(least)), ("maximum", .literal(most)),
            ("pattern", .string(pattern)),
        ]
    }

    private static func members(_ kind: TextKind) -> [(String, JSONText)] {
        switch kind {
        case .retryStatus: number("integer", "400", "599", "^[45][0-9]{2}$")
        // What cannot be taken for a number or a flag.
        case .path, .target, .targetWithQuery, .origin, .passwordHash, .listeningAddress, .endpointAddress, .hostPort,
            .network, .healthPath, .rateKey, .collector:
            [("type", .string("string"))] + pattern(kind)
        default: [("type", .strings(["string", "number", "boolean"]))] + pattern(kind)
        }
    }

    private static func pattern(_ kind: TextKind) -> [(String, JSONText)] {
        let host = "([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\\[[0-9A-Fa-f:.]+\\])"
        let bare = "(?=.*:.*:)[0-9A-Fa-f:.]+"
        let token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
        // JSON Schema's expressions have no flag for any case.
        let frame =
            "("
            + HeaderRules.framing.sorted().map { name in
                name.map { $0.isLetter ? "[\($0.uppercased())\($0)]" : "\($0)" }.joined()
            }.joined(separator: "|") + ")"
        let pattern: String? =
            switch kind {
            case .body, .pattern: nil
            case .any, .file, .queryName, .realm, .bearerToken: "^[^\\x00-\\x1f]+$"
            case .name: "^\\S(.{0,510}\\S)?$"
            case .host: "^(\(host)|\(bare))$"
            case .hostPattern: "^([*][.])?(\(host)|\(bare))$"
            case .authority: "^(\(host)(:[0-9]{1,5})?|\(bare))$"
            case .changedHeader: "^(?!\(frame)$|[Xx]-[Ss][Ll][Uu][Ii][Cc][Ee]-)\(token)$"
            case .headerName, .cookieName: "^\(token)$"
            case .headerValue, .template: "^(\\S(.*\\S)?)?$"
            case .method: "^[!#$%&'*+.^_`|~0-9A-Z-]+$"
            case .path, .target: "^/[^?#\\\\\\s]*$"
            case .targetWithQuery: "^/[^?#\\\\\\s]*([?][^#\\s]*)?$"
            case .replacement: "^[^?#\\s]*$"
            case .origin: "^([*]|[Nn][Uu][Ll][Ll]|[A-Za-z][A-Za-z0-9+.-]*://[^/?#\\s]+)$"
            case .user: "^[^:]+$"
            case .passwordHash: "^([$]|[{]SHA[}])"
            case .listeningAddress: "^(unix:.+|systemd:.+|\(host):[0-9]{1,5})$"
            case .endpointAddress: "^(unix:.+|\(host):[0-9]{1,5})$"
            case .hostPort: "^\(host):[0-9]{1,5}$"
            case .network: "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"
            case .rateKey: "^(route|user|clientAddress|header:\(token))$"
            case .pathElement: "^[^/\\\\]+$"
            case .healthPath: "^/[^#\\s]*$"
            case .socketPath: "^(?!unix:).+$"
            case .collector: "^https?://\(host):[0-9]{1,5}(/[^?#\\s]*)?$"
            case .kubernetesName: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
            case .podName: "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
            case .servicePort: "^([1-9][0-9]{0,4}|(?![0-9]+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$"
            case .retryStatus: "^[45][0-9]{2}$"
            }
        return pattern.map { [("pattern", .string($0))] } ?? []
    }
}
