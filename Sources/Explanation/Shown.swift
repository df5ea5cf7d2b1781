import Base
import Configuration

/// How values are shown: on one line, and without anybody's credentials.
enum Shown {
    /// Unicode scalars of a value in a sentence; more say nothing to a reader.
    static let longest = 120
    /// Stands for what is not shown.
    static let hidden = "…"

    static func value(_ bytes: UnsafeRawBufferPointer) -> String { value(text(bytes)) }

    /// What a terminal can be trusted with.
    static func value(_ text: String) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isPrintable = ![.control, .format, .lineSeparator, .paragraphSeparator].contains(
                scalar.properties.generalCategory)
            shown.append(isPrintable ? scalar : "\u{FFFD}")
        }
        return String(shown)
    }

    /// As part of a sentence: not endless, and never invisible.
    static func word(_ text: String) -> String {
        let shown = value(String(text.unicodeScalars.prefix(longest)))
        if shown.isEmpty { return "\"\"" }
        return text.unicodeScalars.count > longest ? shown + "…" : shown
    }

    static func word(_ bytes: [UInt8]) -> String { word(String(decoding: bytes, as: UTF8.self)) }

    /// The value of a header or parameter. Of credentials their scheme is shown, such as `Basic …`.
    static func value(of name: String, _ text: String) -> String {
        guard SecretNames.contains(name) else { return value(text) }
        let scheme = text.prefix { $0.isASCII && ($0.isLetter || $0 == "-") }
        let hasScheme = name.lowercased().hasSuffix("authorization") && text.dropFirst(scheme.count).first == " "
        return hasScheme ? "\(scheme) \(hidden)" : hidden
    }

    static func wanted(_ path: Match.PathMatch) -> String {
        switch path {
        case .exact(let text): "exact \(word(text))"
        case .prefix(let text): "prefix \(word(text))"
        case .startsWith(let text): "startsWith \(word(text))"
        case .regex(let pattern): "regex \(word(pattern.source))"
        }
    }

    static func wanted(_ match: Match.ValueMatch) -> String { wanted("", match) }
    static func wanted(_ field: Match.NamedMatch) -> String { wanted(field.name, field.value) }

    private static func wanted(_ name: String, _ match: Match.ValueMatch) -> String {
        switch match {
        case .exact(let text): "exact \(word(value(of: name, text)))"
        case .prefix(let text): "prefix \(word(value(of: name, text)))"
        case .regex(let pattern): "regex \(word(value(of: name, pattern.source)))"
        case .present(true): "present"
        case .present(false): "absent"
        }
    }

    /// `remove server`, `set x-a: b`, in the order in which it is done.
    static func operations(_ operations: HeaderOperations) -> [String] {
        let field = { (word: String, field: HeaderOperations.Field) in
            "\(word) \(field.name): \(value(of: field.name, field.value.text))"
        }
        return operations.remove.map { "remove \($0)" } + operations.set.map { field("set", $0) }
            + operations.add.map { field("add", $0) }
    }

    /// `a, b or c`, and no more than three of them.
    static func list(_ words: [String], _ conjunction: String = "or", most: Int = 3) -> String {
        if words.count > most + 1 {
            return words.prefix(most).joined(separator: ", ") + " \(conjunction) \(words.count - most) others"
        }
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " \(conjunction) \(last)"
    }

    /// `33.3`, `100`
    static func percent(_ percent: Double) -> String {
        // Shares below that are shown as they are: nobody's share is nothing.
        let digits = percent < 0.1 ? 10_000.0 : 10.0
        let rounded = (percent * digits).rounded() / digits
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }
}

extension CIDR {
    /// As a configuration writes it: a network of one address without its prefix length.
    var text: String {
        let address = IPAddress(high: high, low: low)
        if prefixLength == 128 { return "\(address)" }
        return "\(address)/\(address.isIPv4 && prefixLength >= 96 ? prefixLength - 96 : prefixLength)"
    }
}
