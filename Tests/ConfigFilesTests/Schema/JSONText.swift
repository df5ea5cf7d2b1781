/// JSON whose members keep their order.
indirect enum JSONText {
    case string(String)
    /// As it is to be printed.
    case literal(String)
    case array([JSONText])
    case object([(String, JSONText)])

    static func strings(_ texts: [String]) -> JSONText { .array(texts.map { .string($0) }) }

    /// On one line where that is short.
    func printed(indent: String = "") -> String {
        let line = compact
        if line.count + indent.count <= 100 { return line }
        let inner = indent + "  "
        switch self {
        case .string, .literal: return line
        case .array(let items):
            return "[\n" + items.map { inner + $0.printed(indent: inner) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let members):
            let lines = members.map { "\(inner)\(Self.quoted($0)): \($1.printed(indent: inner))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        }
    }

    private var compact: String {
        switch self {
        case .string(let text): Self.quoted(text)
        case .literal(let text): text
        case .array(let items): "[" + items.map(\.compact).joined(separator: ", ") + "]"
        case .object(let members):
            members.isEmpty
                ? "{}" : "{ " + members.map { "\(Self.quoted($0)): \($1.compact)" }.joined(separator: ", ") + " }"
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
