import Testing

@testable import Configuration

@Suite struct OriginTextTests {
    typealias Origin = Route.CORS.OriginMatch

    @Test(
        arguments: [
            ("*", .any),
            ("https://App.example.com", .exact("https://app.example.com")),
            ("http://localhost:3000", .exact("http://localhost:3000")),
            ("http://a:443", .exact("http://a:443")),
            ("https://[::1]", .exact("https://[::1]")),
            ("https://192.0.2.1:8443", .exact("https://192.0.2.1:8443")),
            ("capacitor://localhost", .exact("capacitor://localhost")),
            ("null", .exact("null")),
            ("https://*.Example.com", .wildcard(prefix: "https://", suffix: ".example.com")),
            ("https://*.example.com:8443", .wildcard(prefix: "https://", suffix: ".example.com:8443")),
            ("https://pr-*.example.com", .wildcard(prefix: "https://pr-", suffix: ".example.com")),
            ("http://localhost:*", .wildcard(prefix: "http://localhost:", suffix: "")),
            ("http://localhost:80*", .wildcard(prefix: "http://localhost:80", suffix: "")),
            ("https://*", .wildcard(prefix: "https://", suffix: "")),
        ] as [(String, Origin)])
    func origins(_ text: String, origin: Origin) throws {
        #expect(try Origin(parsing: text) == origin)
        #expect(try Origin(parsing: text).warning == nil)
    }

    @Test(arguments: [
        "", "a", "example.com", "*.example.com", "://a", "1http://a", "h*p://a", "https://", "https:///", "https://a/",
        "https://a/b", "https://a?b", "https://a#b", "https://a:443", "http://a:80", "https://a:", "https://a:0",
        "https://a:65536", "https://a:+1", "https://a:b", "https://a b", "https://ä", "https://a..b", "https://user@a",
        "https://[::1", "https://[a]", "https://*.*.a", "https://**", "https://a.", "https://a:8*8*",
    ])
    func noOrigins(text: String) {
        #expect(throws: InvalidValue.self) { try Origin(parsing: text) }
    }

    @Test func aStarThatStandsForTooMuch() throws {
        #expect(
            try Origin(parsing: "https://*example.com").warning
                == "also allows https://evilexample.com, write https://*.example.com")
    }
}
