import Foundation
import Testing

@testable import ConfigFiles

/// The tables of keys are the truth; the guide has to keep up with them.
@Suite struct DocumentationTests {
    @Test func everyKeyIsInTheGuide() throws {
        let file = URL(fileURLWithPath: ExampleTests.repository + "/docs/configuration.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        for schema in Schema.all {
            for key in schema.keys {
                let isThere = text.contains("`\(key)`")
                #expect(isThere, "docs/configuration.md does not explain '\(key)' of \(schema.name)")
            }
        }
    }
}
