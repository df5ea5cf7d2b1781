/// Lays out YAML as the examples of this project are: short things on one line in brackets, long ones line by line.
struct YAMLPrinter {
    /// Brackets that would reach beyond are opened.
    private static let width = 110
    /// More values than these in one pair of brackets are hard to take in.
    private static let mostLeaves = 8
    /// Longer keys need a `?` in front (YAML 1.2.2 section 7.4.2).
    private static let longestKey = 1000

    private(set) var text = ""

    /// The pairs of a mapping at the left edge, an empty line between them if it is spaced.
    static func document(_ outline: YAMLOutline) -> String {
        var printer = YAMLPrinter()
        guard case .mapping(let pairs) = outline.content else { return "" }
        for (index, pair) in pairs.enumerated() {
            if index > 0, outline.isSpaced { printer.text += "\n" }
            printer.pair(pair, indent: 0)
        }
        return printer.text
    }

    private static func margin(_ indent: Int) -> String { String(repeating: " ", count: indent) }

    /// `key: value`, the cursor being where the key goes.
    private mutating func pair(_ pair: YAMLOutline.Pair, indent: Int) {
        let key = YAMLScalar.key(pair.key, inFlow: false)
        let length = key.unicodeScalars.count
        text += length > Self.longestKey ? "? \(key)\n\(Self.margin(indent)):" : "\(key):"
        value(pair.value, indent: indent, column: indent + (length > Self.longestKey ? 1 : length + 1))
    }

    /// What follows a colon: on the same line if it fits.
    private mutating func value(_ value: YAMLOutline, indent: Int, column: Int) {
        if case .text(let content) = value.content, let block = YAMLScalar.block(content) {
            text += " \(block.header)\n"
            for line in block.lines { text += line.isEmpty ? "\n" : "\(Self.margin(indent + 2))\(line)\n" }
            return
        }
        if let line = Self.line(value, room: Self.width - column - 1) {
            text += " \(line)\n"
            return
        }
        text += "\n"
        switch value.content {
        case .list(let items):
            for (index, item) in items.enumerated() {
                if index > 0, value.isSpaced { text += "\n" }
                self.item(item, indent: indent + 2)
            }
        case .mapping(let pairs):
            for pair in pairs {
                text += Self.margin(indent + 2)
                self.pair(pair, indent: indent + 2)
            }
        case .word, .text: break
        }
    }

    private mutating func item(_ item: YAMLOutline.Item, indent: Int) {
        for line in item.comment { text += "\(Self.margin(indent))# \(line)\n" }
        text += Self.margin(indent) + "- "
        switch item.value.content {
        case .mapping(let pairs) where !pairs.isEmpty:
            // Braces around a single key say nothing.
            if pairs.count > 1, let line = Self.line(item.value, room: Self.width - indent - 2) {
                text += "\(line)\n"
                return
            }
            for (index, pair) in pairs.enumerated() {
                if index > 0 { text += Self.margin(indent + 2) }
                self.pair(pair, indent: indent + 2)
            }
        default: text += Self.flow(item.value, inFlow: false) + "\n"
        }
    }

    /// The value on one line, or `nil` if that would not be short.
    private static func line(_ value: YAMLOutline, room: Int) -> String? {
        switch value.content {
        case .word, .text: return flow(value, inFlow: false)
        case .list, .mapping:
            if value.isEmpty { return flow(value, inFlow: false) }
            guard isFlat(value), leaves(value) <= mostLeaves else { return nil }
            let line = flow(value, inFlow: false)
            return line.unicodeScalars.count <= room ? line : nil
        }
    }

    private static func isFlat(_ value: YAMLOutline) -> Bool {
        guard !value.isOpen else { return false }
        switch value.content {
        case .word: return true
        case .text(let text): return YAMLScalar.block(text) == nil
        case .list(let items):
            let hasMappings = items.contains { if case .mapping = $0.value.content { true } else { false } }
            return (items.count == 1 || !hasMappings) && items.allSatisfy { $0.comment.isEmpty && isFlat($0.value) }
        case .mapping(let pairs): return pairs.allSatisfy { isFlat($0.value) }
        }
    }

    private static func leaves(_ value: YAMLOutline) -> Int {
        switch value.content {
        case .word, .text: 1
        // A list of words is one thing to the eye.
        case .list(let items): items.map { leaves($0.value) }.max() ?? 1
        case .mapping(let pairs): pairs.reduce(0) { $0 + leaves($1.value) }
        }
    }

    private static func flow(_ value: YAMLOutline, inFlow: Bool) -> String {
        switch value.content {
        case .word(let word): return word
        case .text(let text): return YAMLScalar.line(text, inFlow: inFlow)
        case .list(let items):
            return "[" + items.map { flow($0.value, inFlow: true) }.joined(separator: ", ") + "]"
        case .mapping(let pairs):
            guard !pairs.isEmpty else { return "{}" }
            let inside = pairs.map { "\(flowKey($0.key)): \(flow($0.value, inFlow: true))" }
            return "{ \(inside.joined(separator: ", ")) }"
        }
    }

    private static func flowKey(_ key: String) -> String {
        let line = YAMLScalar.key(key, inFlow: true)
        return line.unicodeScalars.count > longestKey ? "? \(line) " : line
    }
}
