import Testing

@testable import ConfigFiles

/// A configuration and exactly what is said of it.
struct Golden: Sendable, CustomTestStringConvertible {
    let title: String
    let yaml: String
    let expected: [String]

    init(_ title: String, _ yaml: String, _ expected: [String]) {
        self.title = title
        self.yaml = yaml
        self.expected = expected
    }

    var testDescription: String { title }

    /// What is said, as lines. A configuration is refused if and only if one of them is an error.
    func reported() throws -> [String] {
        let scratch = try ScratchDirectory(["sluice.yaml": yaml])
        let outcome = scratch.load()
        #expect((outcome.gateway == nil) == outcome.diagnostics.contains { $0.severity == .error })
        return scratch.lines(outcome)
    }
}
