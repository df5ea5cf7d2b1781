/// One value of a YAML file and where it stands.
///
/// Every scalar keeps its position, so that a later change of a value can be written into the file at that place and leave
/// comments and layout alone.
struct YAMLNode {
    var position: Position
    var content: Content

    enum Content {
        /// Written without quotes: only such text can be a number, a word or an alias rather than a string.
        case plain(String)
        /// Between quotes or as a block.
        case quoted(String)
        case sequence([YAMLNode])
        case mapping([Entry])
    }

    /// A key and its value.
    struct Entry {
        var key: String
        var position: Position
        var value: YAMLNode
    }

    /// Nothing was written: `key:`, `key: ~` or `key: null`.
    var isNull: Bool {
        guard case .plain(let text) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The text of a scalar, however it is quoted.
    var text: String? {
        switch content {
        case .plain(let text), .quoted(let text): text
        case .sequence, .mapping: nil
        }
    }

    /// Whether it is a mapping with this key.
    func names(_ key: String) -> Bool {
        if case .mapping(let entries) = content { entries.contains { $0.key == key } } else { false }
    }

    /// What a mapping has under a key.
    func entry(_ key: String) -> Entry? {
        if case .mapping(let entries) = content { entries.first { $0.key == key } } else { nil }
    }

    /// `a list`, for messages.
    var kind: String {
        switch content {
        case .plain, .quoted: isNull ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
