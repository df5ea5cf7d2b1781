/// How values and names are put into messages.
enum Wording {
    /// Longer values are cut: a message is a line.
    static let longestQuote = 60
    /// Paths are only of use whole.
    static let longestPath = 4096
    /// How password hashes begin. A value that holds one stands in the wrong place, and is still nobody's business.
    private static let secretMarks = ["$1$", "$2", "$5$", "$6$", "$apr1$", "$argon2", "$y$", "{SHA}", "{SSHA}"]

    /// The text in single quotes, printable, cut when long, hidden when it could be a password hash.
    static func quoted(_ text: String, upTo limit: Int = longestQuote) -> String {
        guard !secretMarks.contains(where: text.contains) else { return "'(not shown)'" }
        var result = ""
        for scalar in text.unicodeScalars.prefix(limit) {
            let isPrintable = scalar.value >= 0x20 && scalar.properties.generalCategory != .control
            result.unicodeScalars.append(isPrintable ? scalar : "\u{FFFD}")
        }
        return text.unicodeScalars.count > limit ? "'\(result)…'" : "'\(result)'"
    }

    /// `a, b or c`
    static func list(_ words: [String], _ conjunction: String = "or") -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " \(conjunction) \(last)"
    }
}
