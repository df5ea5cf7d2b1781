/// A mapping whose keys a schema knows. Making one reports every key that the schema does not read, so that nothing in a file
/// is ignored in silence.
struct Section {
    let position: Position
    let schema: Schema
    private let entries: [String: YAMLNode.Entry]

    /// `nil`, after a report, if the value is no mapping.
    ///
    /// - Parameter title: how messages call the value, such as `'limits'` or `route 'infer'`.
    init?(_ node: YAMLNode, _ schema: Schema, title: String, _ report: Report) {
        guard case .mapping(let written) = node.content else {
            report.error(node.position, "\(title) must be a mapping of keys to values, not \(node.kind)")
            return nil
        }
        self.position = node.position
        self.schema = schema
        entries = Dictionary(written.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        for entry in written where !schema.reads(entry.key) {
            let key = entry.key
            report.error(entry.position, "unknown key \(Wording.quoted(key))\(Self.hint(key, schema, report))")
        }
    }

    private static func hint(_ key: String, _ schema: Schema, _ report: Report) -> String {
        let nearest = report.nearest(to: key, among: schema.keys).map { ", did you mean '\($0)'?" }
        return nearest ?? ", the keys of \(schema.name) are \(Wording.list(schema.keys, "and"))"
    }

    /// The entry of a key of the schema, if it is written; a key without a value is reported and counts as absent.
    func entry(_ key: String, _ report: Report) -> YAMLNode.Entry? {
        assert(schema.reads(key), "\(key) is missing in the schema of \(schema.name)")
        guard let entry = entries[key] else { return nil }
        guard !entry.value.isNull else {
            if !report.isUnreadable(entry.value.position) {
                report.error(entry.position, "'\(key)' has no value, write one or leave the key out")
            }
            return nil
        }
        return entry
    }

    /// Whether nothing at all is written in it.
    var isEmpty: Bool { entries.isEmpty }

    /// Whether a key is written at all, whatever its value.
    func has(_ key: String) -> Bool { entries[key] != nil }

    /// Where a key is written.
    func position(of key: String) -> Position { entries[key]?.position ?? position }

    /// Where a key's value is written.
    func valuePosition(of key: String, _ report: Report) -> Position {
        entry(key, report)?.value.position ?? position(of: key)
    }

    /// The keys that are written, of those asked for.
    func written(_ keys: [String]) -> [String] { keys.filter { entries[$0] != nil } }
}
