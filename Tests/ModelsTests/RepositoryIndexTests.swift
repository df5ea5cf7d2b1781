import Models
import Testing

@Suite struct RepositoryIndexTests {
    private func read(_ text: String) throws -> [RepositoryIndex.Model] {
        try RepositoryIndex(Array(text.utf8)).models
    }

    @Test func states() throws {
        let found = try read(
            """
            [{"name":"a","version":"1","state":"READY"},{"name":"b","version":"1","state":"LOADING","reason":""},
             {"name":"c","version":"2","state":"UNAVAILABLE","reason":"unloaded"},{"name":"d"},{"name":"e","state":"ready"}]
            """)
        #expect(
            found == [
                .init(name: "a", version: "1", state: "READY"), .init(name: "b", version: "1", state: "LOADING"),
                .init(name: "c", version: "2", state: "UNAVAILABLE", reason: "unloaded"),
                .init(name: "d", version: "", state: "UNKNOWN"), .init(name: "e", version: "", state: "UNKNOWN"),
            ])
    }

    @Test func longTexts() throws {
        let long = String(repeating: "m", count: 257)
        let reason = String(repeating: "r", count: 5000)
        let found = try read(
            #"[{"name":"\#(long)"},{"name":""},{"name":"m","version":"\#(long)"},{"name":"n","reason":"\#(reason)"}]"#)
        #expect(found.map(\.name) == ["n"] && found.first?.reason?.count == 1000)
    }

    @Test(arguments: [
        "", "{}", "<html>", #"{"name":"m"}"#, #"[{"version":"1"}]"#, #"[{"name":1}]"#, "[5]",
        String(repeating: "[", count: 100_000),
    ])
    func noList(text: String) {
        #expect(refusal { _ = try read(text) } == "answered with a list of models that cannot be read")
    }

    @Test func tooMany() throws {
        func list(_ count: Int) -> String {
            "[" + (0..<count).map { #"{"name":"m\#($0)"}"# }.joined(separator: ",") + "]"
        }
        #expect(try read(list(CounterLimits.models)).count == CounterLimits.models)
        #expect(
            refusal { _ = try read(list(CounterLimits.models + 1)) }
                == "lists 2001 models, more than 2000 are not shown")
    }
}
