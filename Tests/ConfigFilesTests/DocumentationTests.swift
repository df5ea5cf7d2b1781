import Foundation
import Testing

@testable import ConfigFiles

/// The tables of keys are the truth; the reference and the example have to keep up with them.
@Suite struct DocumentationTests {
    @Test func everyKeyIsInTheReference() throws {
        let file = URL(fileURLWithPath: ExampleTests.repository + "/docs/configuration.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        for schema in Schema.all {
            for key in schema.keys + schema.planned {
                let isThere = text.contains("`\(key)`")
                #expect(isThere, "docs/configuration.md does not explain '\(key)' of \(schema.name)")
            }
        }
    }

    @Test func everySupportedKeyIsInTheExample() throws {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: ExampleTests.repository + "/config/full.yaml")))
        let report = Report()
        let documents = try #require(
            YAMLReader.documents(of: bytes, file: report.add(file: "full.yaml"), report: report))
        var written: Set<String> = []
        for document in documents { collectKeys(of: document, into: &written) }
        for schema in Schema.all {
            let missing = schema.keys.filter { !written.contains($0) }
            #expect(missing == [], "config/full.yaml shows no \(missing) of \(schema.name)")
        }
    }

    private func collectKeys(of node: YAMLNode, into keys: inout Set<String>) {
        switch node.content {
        case .plain, .quoted: break
        case .sequence(let items): for item in items { collectKeys(of: item, into: &keys) }
        case .mapping(let entries):
            for entry in entries {
                keys.insert(entry.key)
                collectKeys(of: entry.value, into: &keys)
            }
        }
    }
}
