import Yams

/// Turns the parser's nodes into `YAMLNode`s: follows aliases, finds keys written twice, and refuses what a configuration has
/// no use for (tags, merge keys, keys that are not text).
struct YAMLTree {
    /// Values in one file after its aliases are followed; a gateway with ten thousand routes has about 300,000. Aliases of
    /// aliases could otherwise stand for more values than there are atoms, in a kilobyte.
    static let maximumNodes = 500_000
    /// The configuration itself is 7 levels deep; recursion is bounded by this.
    static let maximumDepth = 32

    private struct Anchored {
        var node: YAMLNode
        var count: Int
        var height: Int
    }

    /// A finished value and what it weighs.
    private typealias Built = Anchored

    private let renamed: [YAMLText.Place: String]
    private let file: Int
    private let report: Report
    private var anchors: [String: Anchored] = [:]
    private var total = 0

    init(renamed: [YAMLText.Place: String], file: Int, report: Report) {
        self.renamed = renamed
        self.file = file
        self.report = report
    }

    /// Anchors do not reach over documents (YAML 1.2.2 section 3.2.2.2).
    mutating func document(_ root: Node) -> YAMLNode {
        anchors = [:]
        return build(root, depth: 0).node
    }

    private mutating func build(_ node: Node, depth: Int) -> Built {
        let position = position(of: node)
        let nothing = Built(node: YAMLNode(position: position, content: .plain("")), count: 1, height: 0)
        guard total < Self.maximumNodes else {
            report.error(
                Position(file: file, line: 1, column: 1),
                "more than \(Self.maximumNodes) values, aliases counted as often as they are used: split the file")
            return nothing
        }
        guard depth < Self.maximumDepth else {
            report.unreadable(position, "nested too deeply, at most \(Self.maximumDepth) levels are read")
            return nothing
        }
        total += 1
        var built: Built
        switch node {
        case .scalar(let scalar):
            if let alias = alias(scalar) { return follow(alias, position: position, depth: depth) ?? nothing }
            refuseTag(scalar.tag, position)
            let text = YAMLText.restored(scalar.string)
            let content = scalar.style == .plain ? YAMLNode.Content.plain(text) : .quoted(text)
            built = Built(node: YAMLNode(position: position, content: content), count: 1, height: 0)
        case .sequence(let sequence):
            refuseTag(sequence.tag, position)
            let items = sequence.map { build($0, depth: depth + 1) }
            built = Built(
                node: YAMLNode(position: position, content: .sequence(items.map(\.node))),
                count: 1 + items.reduce(0) { $0 + $1.count }, height: 1 + (items.map(\.height).max() ?? 0))
        case .mapping(let mapping):
            refuseTag(mapping.tag, position)
            built = build(mapping, position: position, depth: depth)
        case .alias:
            // The parser follows aliases, and never saw one.
            return nothing
        }
        if let anchor = node.anchor { anchors[anchor.rawValue] = built }
        return built
    }

    private mutating func build(_ mapping: Node.Mapping, position: Position, depth: Int) -> Built {
        var entries: [YAMLNode.Entry] = []
        var first: [String: Position] = [:]
        var count = 1
        var height = 0
        for (keyNode, valueNode) in mapping {
            let keyPosition = self.position(of: keyNode)
            let value = build(valueNode, depth: depth + 1)
            count += value.count + 1
            height = max(height, value.height)
            guard let key = key(keyNode, keyPosition) else { continue }
            if let earlier = first.updateValue(keyPosition, forKey: key) {
                first[key] = earlier
                report.error(
                    keyPosition,
                    "\(Wording.quoted(key)) is already in \(report.place(earlier, from: keyPosition)), keep one of them"
                )
                continue
            }
            entries.append(YAMLNode.Entry(key: key, position: keyPosition, value: value.node))
        }
        return Built(node: YAMLNode(position: position, content: .mapping(entries)), count: count, height: height + 1)
    }

    private func key(_ node: Node, _ position: Position) -> String? {
        guard case .scalar(let scalar) = node else {
            report.error(position, "a key must be text, not a list or a mapping")
            return nil
        }
        if let name = renamed[YAMLText.Place(line: position.line, column: position.column)] { return name }
        let key = YAMLText.restored(scalar.string)
        if alias(scalar) != nil {
            report.error(position, "a key must not be an alias, write it out, or quote it if it begins with '*'")
            return nil
        }
        if key == "<<", scalar.style == .plain {
            report.error(position, "merge keys ('<<') are not supported, write the keys out")
            return nil
        }
        refuseTag(scalar.tag, position)
        return key
    }

    /// The name behind the `*` of an alias. No other plain text may begin with one (YAML 1.2.2 section 7.3.3).
    private func alias(_ scalar: Node.Scalar) -> String? {
        guard scalar.style == .plain, scalar.string.unicodeScalars.first == YAMLText.asterisk else { return nil }
        return YAMLText.restored(String(scalar.string.unicodeScalars.dropFirst()))
    }

    private mutating func follow(_ alias: String, position: Position, depth: Int) -> Anchored? {
        guard let anchored = anchors[alias] else {
            report.unreadable(
                position,
                "\(Wording.quoted("*\(alias)")) is an alias without an anchor before it, put text that begins with '*' in quotes"
            )
            return nil
        }
        total += anchored.count
        guard depth + anchored.height < Self.maximumDepth else {
            report.unreadable(position, "nested too deeply, at most \(Self.maximumDepth) levels are read")
            return nil
        }
        return anchored
    }

    /// The parser itself gives quoted text and the keys it compares the tag of a string.
    private func refuseTag(_ tag: Tag, _ position: Position) {
        guard tag.rawValue != Tag.Name.implicit.rawValue, tag.rawValue != Tag.Name.str.rawValue else { return }
        let standard = "tag:yaml.org,2002:"
        let name = tag.rawValue.hasPrefix(standard) ? "!!" + tag.rawValue.dropFirst(standard.count) : tag.rawValue
        report.error(position, "the tag \(Wording.quoted(name)) is not supported, leave it out")
    }

    private func position(of node: Node) -> Position {
        Position(file: file, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    }
}
