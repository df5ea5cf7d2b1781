import Base
import Configuration

/// Mappings that say in which of several ways something is compared: `{ prefix: /v2 }`.
extension GatewayReader {
    /// The one entry of such a mapping.
    func single(_ node: YAMLNode, _ schema: Schema, _ title: String, example: String) -> (String, YAMLNode)? {
        comparison(node, schema, ways: schema.keys, title, example: example)
            .flatMap { way($0, among: schema.keys, title) }
    }

    /// - Parameter ways: those of the schema's keys that say how to compare.
    func comparison(_ node: YAMLNode, _ schema: Schema, ways: [String], _ title: String, example: String) -> Section? {
        guard case .mapping = node.content else {
            report.error(
                node.position, "\(title) must say how to compare: \(Self.hint(ways)), such as \(example)")
            return nil
        }
        return Section(node, schema, title: title, report)
    }

    /// The one way that is written, and its value.
    func way(_ section: Section, among ways: [String], _ title: String) -> (String, YAMLNode)? {
        let written = section.written(ways)
        guard written.count == 1, let key = written.first else {
            if written.count > 1 {
                report.error(section.position(of: written[1]), "\(title) compares in two ways, \(Self.hint(ways))")
            } else if section.isEmpty {
                report.error(section.position, "\(title) is empty, \(Self.hint(ways))")
            } else if !section.written(section.schema.keys).isEmpty {
                report.error(section.position, "\(title) does not say what to compare with, \(Self.hint(ways))")
            }
            return nil
        }
        return section.entry(key, report).map { (key, $0.value) }
    }

    private static func hint(_ ways: [String]) -> String { "write one of \(Wording.list(ways))" }
}
