/// A piece of YAML on its way into a file: what it says, and where it may not be put on one line.
struct YAMLOutline {
    enum Content {
        /// A number, a flag or a word of the configuration, which never needs quotes.
        case word(String)
        /// Anything else, quoted where necessary.
        case text(String)
        case list([Item])
        case mapping([Pair])
    }

    struct Item {
        /// Lines in front of it.
        var comment: [String] = []
        var value: YAMLOutline
    }

    struct Pair {
        var key: String
        var value: YAMLOutline
    }

    var content: Content
    /// Written over several lines, even if it were short.
    var isOpen = false
    /// An empty line between the items.
    var isSpaced = false

    static func word(_ text: String) -> YAMLOutline { YAMLOutline(content: .word(text)) }
    static func word(_ number: Int) -> YAMLOutline { YAMLOutline(content: .word(String(number))) }
    static func word(_ flag: Bool) -> YAMLOutline { YAMLOutline(content: .word(flag ? "true" : "false")) }
    static func text(_ text: String) -> YAMLOutline { YAMLOutline(content: .text(text)) }

    static func list(_ values: [YAMLOutline]) -> YAMLOutline {
        YAMLOutline(content: .list(values.map { Item(value: $0) }))
    }

    static func texts(_ values: [String]) -> YAMLOutline { list(values.map { .text($0) }) }

    /// Entries without a value are left out.
    static func mapping(_ pairs: [(String, YAMLOutline?)]) -> YAMLOutline {
        YAMLOutline(
            content: .mapping(pairs.compactMap { key, value in value.map { Pair(key: key, value: $0) } }))
    }

    var isEmpty: Bool {
        switch content {
        case .word, .text: false
        case .list(let items): items.isEmpty
        case .mapping(let pairs): pairs.isEmpty
        }
    }

    /// The same, over several lines.
    var opened: YAMLOutline {
        var copy = self
        copy.isOpen = true
        return copy
    }
}
