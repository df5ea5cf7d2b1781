import Configuration
import Testing

@testable import ConfigFiles

/// How the fields of manifests are read, whichever kind they are of.
@Suite struct ManifestFieldsTests {
    private static let schema = FieldSchema(
        name: "a thing", fields: ["maxAge", "items", "consecutive5xxErrors"],
        noted: ["labelSet": "is ignored: nobody asks"],
        refused: ["oldName": "write 'maxAge'"], takesSnakeCase: true)

    private func read(_ yaml: String, _ schema: FieldSchema = schema, _ body: (Fields) -> Void = { _ in }) throws
        -> [String]
    {
        let report = Report()
        let file = report.add(file: "m.yaml")
        let documents = try #require(YAMLReader.documents(of: Array(yaml.utf8), file: file, report: report))
        Fields(documents[0], schema, title: "'thing'", report).map(body)
        return report.sorted().map(\.description)
    }

    @Test func whatHasNoValueIsNotThere() throws {
        let lines = try read("{ maxAge: , items: [], unknown: ~, oldName: null }") { fields in
            #expect(!fields.has("maxAge") && !fields.has("items") && fields.isEmpty)
        }
        #expect(lines == [])
    }

    @Test func namesOfProtocolBuffers() throws {
        let lines = try read("{ max_age: 1s, label_set: x, old_name: 1, consecutive_5xx_errors: 2, max__age: 3 }") {
            fields in
            #expect(fields.duration("maxAge", in: .zero ... .seconds(9)) == .seconds(1))
            #expect(fields.integer("consecutive5xxErrors", in: 0...9) == 2)
        }
        #expect(
            lines == [
                "m.yaml:1:16: note: 'labelSet' is ignored: nobody asks",
                "m.yaml:1:30: error: 'oldName' cannot be honoured: write 'maxAge'",
                "m.yaml:1:70: error: unknown field 'max__age', did you mean 'maxAge'?",
            ])
        var other = Self.schema
        other.takesSnakeCase = false
        #expect(
            try read("{ max_age: 1s }", other) == ["m.yaml:1:3: error: unknown field 'max_age', did you mean 'maxAge'?"]
        )
    }

    @Test func bothNamesAtOnce() throws {
        #expect(
            try read("{ max_age: 1s, maxAge: 2s }") == [
                "m.yaml:1:16: error: 'maxAge' is already in line 1 (column 3), keep one of them"
            ])
    }

    @Test(arguments: [
        ("300s", 300_000), ("1.5s", 1_500), ("1h30m", 5_400_000), ("250ms", 250), ("1m0s", 60_000), ("0s", 0),
        ("0.5h", 1_800_000), ("1s1s", 2_000),
    ])
    func durations(text: String, milliseconds: Int) throws {
        #expect(try Fields.duration(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "5", "s", "-1s", "1 s", "1d", "1.s", ".", "1e3s", "99999999999999999h", "1µs", "1S"])
    func noDurations(text: String) { #expect(throws: InvalidValue.self) { try Fields.duration(text) } }
}
