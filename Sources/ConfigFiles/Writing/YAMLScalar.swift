/// How a text is written as one YAML scalar: bare where that is safe, in quotes where it is not (YAML 1.2.2 section 7.3).
enum YAMLScalar {
    /// Words that some reader of YAML takes for something other than text (YAML 1.1, `tag:yaml.org,2002:bool` and `null`).
    private static let words: Set<String> = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "=", "<<",
    ]
    /// Those of them that YAML 1.2 has taken for text ever since 2009. Nobody quotes them in front of a colon.
    private static let oldWords: Set<String> = ["y", "n", "yes", "no", "on", "off"]
    /// What begins something other than text, or looks as if it did (YAML 1.2.2 section 5.3).
    private static let indicators = Set("-?:,[]{}#&*!|>'\"%@`~=<".unicodeScalars)
    /// What ends text inside brackets.
    private static let flowIndicators = Set(",[]{}".unicodeScalars)

    /// The text on one line.
    ///
    /// - Parameter inFlow: whether it stands inside brackets.
    static func line(_ text: String, inFlow: Bool) -> String {
        if isPlain(text, inFlow: inFlow) { return text }
        let isSimple = text.unicodeScalars.allSatisfy(isPrintable)
        // Single quotes know no escapes: what holds backslashes or double quotes is easier to read between them.
        if isSimple, text.contains("\\") || text.contains("\""), !text.contains("'") { return "'\(text)'" }
        return doubleQuoted(text)
    }

    /// The text as a key.
    static func key(_ text: String, inFlow: Bool) -> String {
        oldWords.contains(text.lowercased()) ? text : line(text, inFlow: inFlow)
    }

    /// Whether it is read as this very text, and as nothing else, without quotes.
    static func isPlain(_ text: String, inFlow: Bool) -> Bool {
        let scalars = text.unicodeScalars
        guard let first = scalars.first, let last = scalars.last, !indicators.contains(first), last != ":" else {
            return false
        }
        guard first != " ", last != " ", scalars.allSatisfy(isPrintable) else { return false }
        if inFlow, scalars.contains(where: flowIndicators.contains) { return false }
        return !text.contains(": ") && !text.contains(" #") && !words.contains(text.lowercased()) && !looksNumeric(text)
    }

    /// Whether it is or resembles a number, a time or a date; durations and sizes do not, addresses with a port do not.
    private static func looksNumeric(_ text: String) -> Bool {
        guard let first = text.utf8.first, isDigit(first) || first == UInt8(ascii: ".") || first == UInt8(ascii: "+")
        else { return false }
        if text.hasPrefix("0x") || text.hasPrefix("0o") || Double(text) != nil { return true }
        if text.lowercased().hasPrefix(".inf") || text.lowercased().hasPrefix(".nan") { return true }
        // Networks and addresses of IPv6 may be all digits and colons, which YAML 1.1 reads in base 60.
        let separators = Set("_:.-+".utf8)
        let isAddress = text.utf8.count { $0 == UInt8(ascii: ".") } == 3
        return !isAddress && text.utf8.allSatisfy { isDigit($0) || separators.contains($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Whether it may stand in a file as it is, and shows.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E: true
        case 0...0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE...0xFFFF, 0xE000...0xF8FF, 0xF0000...: false
        default: scalar.properties.generalCategory != .format
        }
    }

    private static func doubleQuoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where isPrintable(scalar): result.unicodeScalars.append(scalar)
            default:
                let code = String(scalar.value, radix: 16, uppercase: true)
                let (mark, width) = scalar.value <= 0xFF ? ("x", 2) : scalar.value <= 0xFFFF ? ("u", 4) : ("U", 8)
                result += "\\" + mark + String(repeating: "0", count: width - code.count) + code
            }
        }
        return result + "\""
    }

    /// The lines of a text that reads best as a block (`|`), or `nil` if it has only one or a block would change it.
    static func block(_ text: String) -> (header: String, lines: [Substring])? {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let endsLine = lines.last == ""
        if endsLine { lines.removeLast() }
        // Blanks in front of the first line would be taken for indentation, and line breaks at the end are clipped.
        guard lines.count > 1, let first = lines.first, let last = lines.last, !first.isEmpty, !last.isEmpty,
            first.first != " ", lines.allSatisfy({ $0.unicodeScalars.allSatisfy(isPrintable) })
        else { return nil }
        return (endsLine ? "|" : "|-", lines)
    }
}
