/// A JSON value (RFC 8259) whose members keep their order.
enum JSON {
    case object([(String, JSON)])
    case array([JSON])
    case string(String)
    case integer(Int)
    case number(Double)
    case bool(Bool)
    case null

    static func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }

    /// Indented by two blanks; what is short stays on one line.
    func text(indentation: String = "") -> String {
        let flat = flat
        if indentation.count + flat.count <= Self.lineLength { return flat }
        let inner = indentation + "  "
        switch self {
        case .object(let members) where !members.isEmpty:
            let lines = members.map { "\(inner)\(Self.quoted($0.0)): \($0.1.text(indentation: inner))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indentation)}"
        case .array(let elements) where !elements.isEmpty:
            let lines = elements.map { inner + $0.text(indentation: inner) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(indentation)]"
        default: return flat
        }
    }

    /// Longer values are broken up, except for a single text.
    private static let lineLength = 100

    private var flat: String {
        switch self {
        case .object(let members):
            members.isEmpty
                ? "{}" : "{ " + members.map { "\(Self.quoted($0.0)): \($0.1.flat)" }.joined(separator: ", ") + " }"
        case .array(let elements): "[" + elements.map(\.flat).joined(separator: ", ") + "]"
        case .string(let text): Self.quoted(text)
        case .integer(let number): "\(number)"
        case .number(let number): number == number.rounded() ? "\(Int(number))" : "\(number)"
        case .bool(let value): "\(value)"
        case .null: "null"
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
