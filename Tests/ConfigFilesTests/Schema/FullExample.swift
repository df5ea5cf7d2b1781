import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// config/full.yaml as a tree whose values can be exchanged one at a time.
struct FullExample {
    enum Step: Hashable {
        case key(String)
        case index(Int)
    }

    /// A value that a schema gives the type of.
    struct Occurrence {
        var path: [Step]
        var schema: Schema
        /// The key it stands under, itself or in a list or mapping of the user's.
        var key: Schema.Key
        var type: ValueType
        /// Where the value stands, and where its key does if it has one.
        var positions: Set<Position>
        var isWhole: Bool

        var title: String { "\(key.name) of \(schema.path)" }
    }

    /// A mapping that a schema describes.
    struct Mapping {
        var path: [Step]
        var schema: Schema
        var keys: [String]
    }

    let root: YAMLNode
    private(set) var occurrences: [Occurrence] = []
    private(set) var mappings: [Mapping] = []

    static let file = ExampleTests.repository + "/config/full.yaml"

    init() throws {
        let report = Report()
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: Self.file)))
        let documents = YAMLReader.documents(of: bytes, file: report.add(file: Self.file), report: report)
        root = try #require(documents?.first)
        collect(root, .gateway, [])
    }

    private mutating func collect(_ node: YAMLNode, _ schema: Schema, _ path: [Step]) {
        guard case .mapping(let entries) = node.content else { return }
        mappings.append(Mapping(path: path, schema: schema, keys: entries.map(\.key)))
        for entry in entries {
            guard let key = schema.entries.first(where: { $0.name == entry.key }) else { continue }
            let occurrence = Occurrence(
                path: path + [.key(entry.key)], schema: schema, key: key, type: key.type,
                positions: [entry.position, entry.value.position], isWhole: true)
            collect(entry.value, occurrence)
        }
    }

    private mutating func collect(_ node: YAMLNode, _ occurrence: Occurrence) {
        occurrences.append(occurrence)
        for type in occurrence.type.alternatives {
            switch (type, node.content) {
            case (.object(let schema), .mapping): collect(node, schema, occurrence.path)
            case (.list(let type), .sequence(let items)):
                for (index, item) in items.enumerated() {
                    var inner = occurrence
                    inner.path.append(.index(index))
                    inner.type = type
                    inner.positions = [item.position]
                    inner.isWhole = false
                    collect(item, inner)
                }
            case (.map(_, let type), .mapping(let entries)):
                for entry in entries {
                    var inner = occurrence
                    inner.path.append(.key(entry.key))
                    inner.type = type
                    inner.positions = [entry.position, entry.value.position]
                    inner.isWhole = false
                    collect(entry.value, inner)
                }
            default: break
            }
        }
    }

    func node(at path: [Step]) -> YAMLNode? {
        path.reduce(root) { node, step in
            switch (step, node?.content) {
            case (.key(let key), .mapping(let entries)): entries.first { $0.key == key }?.value
            case (.index(let index), .sequence(let items)): items[index]
            default: nil
            }
        }
    }

    /// The tree with other content at a place, or with an entry more or less.
    func changed(at path: [Step], to content: YAMLNode.Content?) -> YAMLNode {
        changed(root, at: path[...], to: content)
    }

    private func changed(_ node: YAMLNode, at path: ArraySlice<Step>, to content: YAMLNode.Content?) -> YAMLNode {
        var node = node
        guard let step = path.first else {
            if let content { node.content = content }
            return node
        }
        switch (step, node.content) {
        case (.key(let key), .mapping(var entries)):
            if let index = entries.firstIndex(where: { $0.key == key }) {
                if content == nil, path.count == 1 {
                    entries.remove(at: index)
                } else {
                    entries[index].value = changed(entries[index].value, at: path.dropFirst(), to: content)
                }
            } else if let content {
                let value = YAMLNode(position: node.position, content: content)
                entries.append(YAMLNode.Entry(key: key, position: node.position, value: value))
            }
            node.content = .mapping(entries)
        case (.index(let index), .sequence(var items)):
            items[index] = changed(items[index], at: path.dropFirst(), to: content)
            node.content = .sequence(items)
        default: break
        }
        return node
    }

    /// What a value written so is.
    static func content(_ text: String) throws -> YAMLNode.Content {
        let report = Report()
        let documents = YAMLReader.documents(of: Array(text.utf8), file: report.add(file: "value"), report: report)
        return try #require(documents?.first).content
    }

    struct Outcome {
        var gateway: Gateway
        var diagnostics: [Diagnostic]

        var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

        func errors(at positions: Set<Position>) -> [String] {
            errors.filter { error in positions.contains { $0.line == error.line && $0.column == error.column } }
                .map(\.message)
        }
    }

    /// - Parameter path: where it was changed. Routes and listeners that have nothing to do with that are left out, since
    ///   expressions and certificates take their time.
    static func load(_ root: YAMLNode, near path: [Step]) -> Outcome {
        guard case .mapping(var entries) = root.content else { return load(root) }
        for (index, entry) in entries.enumerated() {
            guard case .sequence(let items) = entry.value.content, let last = items.last else { continue }
            switch (entry.key, path.first, path.dropFirst().first) {
            case ("routes", .key("routes"), .index(let place)), ("listeners", .key("listeners"), .index(let place)):
                entries[index].value.content = .sequence([items[place]])
            case ("routes", let first, _), ("listeners", let first, _):
                if first != .key(entry.key) { entries[index].value.content = .sequence([last]) }
            default: break
            }
        }
        return load(YAMLNode(position: root.position, content: .mapping(entries)))
    }

    static func load(_ root: YAMLNode) -> Outcome {
        let report = Report()
        _ = report.add(file: file)
        let gateway = GatewayReader(report: report, sources: SourceFiles(report: report)).gateway(root)
        return Outcome(gateway: gateway, diagnostics: report.sorted())
    }
}
