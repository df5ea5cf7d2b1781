import Models
import Testing

@Suite struct ModelVersionTests {
    @Test func versionsAreNumbers() {
        let written = ["b/1", "a/10", "a/2", "a/", "a/x", "a/18446744073709551615"]
        let sorted = written.map { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            return ModelVersion(name: String(parts[0]), version: String(parts[1]))
        }.sorted()
        #expect(
            sorted.map { "\($0.name)/\($0.version)" } == ["a/", "a/x", "a/2", "a/10", "a/18446744073709551615", "b/1"])
    }
}
