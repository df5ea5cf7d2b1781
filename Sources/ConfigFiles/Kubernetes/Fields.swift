/// The fields of one kind of mapping in a manifest.
struct FieldSchema: Sendable {
    /// What messages call such a mapping: `an HTTP rule`.
    var name: String
    /// Fields that are read.
    var fields: [String]
    /// Fields that need no doing here, and why: the second half of a sentence that begins with the field.
    var noted: [String: String] = [:]
    /// Fields that exist and cannot be honoured, and what to do instead.
    var refused: [String: String] = [:]
    /// Protobuf's JSON takes names as the .proto file has them, too: `mirror_percent`.
    var takesSnakeCase = false
}

/// A mapping of a manifest, read by a schema: every field is read, noted or refused, so that nothing is dropped in silence.
///
/// Fields without a value, and empty lists, are as if they were not written, as in Kubernetes.
struct Fields {
    let position: Position
    let title: String
    let schema: FieldSchema
    let report: Report
    private let entries: [String: YAMLNode.Entry]

    /// `nil`, after a report, if the value is no mapping.
    ///
    /// - Parameter title: how messages call the value, such as `'spec'`.
    init?(_ node: YAMLNode, _ schema: FieldSchema, title: String, _ report: Report) {
        guard case .mapping(let written) = node.content else {
            report.error(node.position, "\(title) must be a mapping of fields to values, not \(node.kind)")
            return nil
        }
        position = node.position
        self.title = title
        self.schema = schema
        self.report = report
        var entries: [String: YAMLNode.Entry] = [:]
        for var entry in written where !Self.isAbsent(entry.value) {
            entry.key = schema.canonical(entry.key)
            if schema.fields.contains(entry.key) {
                if let earlier = entries[entry.key] {
                    report.error(
                        entry.position,
                        "'\(entry.key)' is already in \(report.place(earlier.position, from: entry.position)), keep one of them"
                    )
                } else {
                    entries[entry.key] = entry
                }
            } else if let reason = schema.noted[entry.key] {
                report.note(entry.position, "'\(entry.key)' \(reason)")
            } else if let advice = schema.refused[entry.key] {
                report.error(entry.position, "'\(entry.key)' cannot be honoured: \(advice)")
            } else {
                let key = entry.key
                report.error(entry.position, "unknown field \(Wording.quoted(key))\(Self.hint(key, schema, report))")
            }
        }
        self.entries = entries
    }

    private static func hint(_ key: String, _ schema: FieldSchema, _ report: Report) -> String {
        let known = schema.fields + schema.noted.keys + schema.refused.keys
        let nearest = report.nearest(to: key, among: known).map { ", did you mean '\($0)'?" }
        return nearest ?? ", the fields of \(schema.name) are \(Wording.list(schema.fields, "and"))"
    }

    private static func isAbsent(_ node: YAMLNode) -> Bool {
        if case .sequence(let items) = node.content { items.isEmpty } else { node.isNull }
    }

    /// The entry of a field of the schema, if it has a value.
    func entry(_ key: String) -> YAMLNode.Entry? {
        assert(schema.fields.contains(key), "\(key) is missing in the schema of \(schema.name)")
        return entries[key]
    }

    func has(_ key: String) -> Bool { entry(key) != nil }

    /// Those that have a value, of the fields asked for.
    func written(_ keys: [String]) -> [String] { keys.filter { has($0) } }

    /// Where a field is written; the mapping itself if it is not.
    func position(of key: String) -> Position { entry(key)?.position ?? position }

    /// Where a field's value is written.
    func valuePosition(of key: String) -> Position { entry(key)?.value.position ?? position }

    /// No field that is read has a value.
    var isEmpty: Bool { entries.isEmpty }
}

extension FieldSchema {
    /// The name of a field as the schema has it.
    fileprivate func canonical(_ key: String) -> String {
        guard takesSnakeCase, key.contains("_") else { return key }
        let words = key.split(separator: "_", omittingEmptySubsequences: false)
        guard words.allSatisfy({ !$0.isEmpty }) else { return key }
        let camel = words.dropFirst().reduce(String(words[0])) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
        return fields.contains(camel) || noted[camel] != nil || refused[camel] != nil ? camel : key
    }
}
