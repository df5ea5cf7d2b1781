import Configuration

@testable import ConfigFiles

/// docs/reference.md, printed from the tables of keys.
enum ReferenceText {
    static var page: String {
        ([introduction] + Schema.all.map(section)).joined(separator: "\n\n") + "\n"
    }

    private static let introduction = """
        # Reference of the configuration

        <!-- Printed from Sources/ConfigFiles/Schema by GeneratedFileTests, which says how to print it anew. -->

        Every key with its value, its range and its default, by the place it has in a file: `listeners[]` is an item of the list
        `listeners`, `backends.NAME` a value of the mapping `backends`. [Configuration](configuration.md) says what they are for and how
        they play together. Durations are a number and a unit, `250ms`, `1.5s`, `5m`, `1h`; sizes are bytes or a whole number of `KiB`,
        `MiB`, `GiB`, `TiB`; numbers and flags may be quoted. A key that is not in these tables is an error.

        Editors know all of it from [config/sluice.schema.json](../config/sluice.schema.json), as [Configuration](configuration.md#in-an-editor)
        says.
        """

    private static func section(_ schema: Schema) -> String {
        var lines = ["## \(heading(schema))", "", "| key | value | default | meaning |", "|---|---|---|---|"]
        for key in schema.entries {
            let cells = ["`\(key.name)`", text(key.type), text(key.fallback), key.meaning]
            lines.append("| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |")
        }
        let notes = schema.rules.map(text)
        if !notes.isEmpty { lines += ["", notes.joined(separator: " ")] }
        return lines.joined(separator: "\n")
    }

    private static func heading(_ schema: Schema) -> String {
        schema.path.contains(" ") ? schema.path : "`\(schema.path)`"
    }

    /// As GitHub makes it of a heading.
    static func anchor(_ schema: Schema) -> String {
        String(schema.path.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " }).replacing(" ", with: "-")
    }

    private static func list(_ keys: [String], _ conjunction: String) -> String {
        Wording.list(keys.map { "`\($0)`" }, conjunction)
    }

    /// What may be written, with its range.
    static func text(_ type: ValueType, links: Bool = true) -> String {
        switch type {
        case .text(let kind): kind.title
        case .word(let words): list(words, "or")
        case .flag: "`true` or `false`"
        case .onlyTrue: "`true`"
        case .integer(let range): "\(grouped(range.lowerBound)) to \(grouped(range.upperBound))"
        case .percent: "0 to 100, fractions allowed"
        case .duration(let range, let orZero):
            "a duration, \(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
                + (orZero ? ", or `0s`" : "")
        case .size(let range): "a size, \(SizeText.format(range.lowerBound)) to \(SizeText.format(range.upperBound))"
        case .object(let schema): links ? "[a mapping](#\(anchor(schema)))" : "a mapping"
        case .list(let item): "a list, each \(text(item, links: links))"
        case .map(let kind, let value): "a mapping, each key \(kind.title), each value \(text(value, links: links))"
        case .either(let types): types.map { text($0, links: links) }.joined(separator: "; or ")
        }
    }

    private static func text(_ fallback: Schema.Fallback) -> String {
        switch fallback {
        case .required: "required"
        case .value(let value): "`\(value)`"
        case .absent(let words): words
        }
    }

    private static func text(_ rule: Schema.Rule) -> String {
        switch rule {
        case .one(let keys): "Exactly one of \(list(keys, "and")) is written."
        case .atMostOne(let keys): "At most one of \(list(keys, "and")) is written."
        case .some(let keys):
            keys.count == 1 ? "\(list(keys, "and")) is written." : "At least one of \(list(keys, "and")) is written."
        case .needs(let keys, let other): "Only beside `\(other)`: \(list(keys, "and"))."
        }
    }

    private static func grouped(_ number: Int) -> String {
        var digits = Array("\(number)")
        var index = digits.count - 3
        while index > 0 {
            if digits.count > 4 { digits.insert(",", at: index) }
            index -= 3
        }
        return String(digits)
    }
}
