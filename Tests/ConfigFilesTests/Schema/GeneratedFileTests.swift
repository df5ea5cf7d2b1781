import Foundation
import Testing

@testable import ConfigFiles

/// Two files are printed from the tables of keys. After a change of those, `SLUICE_PRINT=1 swift test --filter GeneratedFileTests`
/// writes them anew.
@Suite struct GeneratedFileTests {
    @Test(arguments: ["docs/reference.md", "config/sluice.schema.json"])
    func isCurrent(name: String) throws {
        let file = URL(fileURLWithPath: ExampleTests.repository + "/" + name)
        let text = name.hasSuffix(".md") ? ReferenceText.page : JSONSchemaText.file
        if getenv("SLUICE_PRINT") != nil { try Data(text.utf8).write(to: file) }
        let isCurrent = (try? String(contentsOf: file, encoding: .utf8)) == text
        #expect(
            isCurrent,
            "\(name) differs from the code, print it with SLUICE_PRINT=1 swift test --filter GeneratedFileTests")
    }

    /// A place to go to belongs to one schema.
    @Test func pathsAreUnique() {
        #expect(Set(Schema.all.map(ReferenceText.anchor)).count == Schema.all.count)
    }
}
