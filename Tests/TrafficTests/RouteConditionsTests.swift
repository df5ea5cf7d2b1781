import Base
import Configuration
import Testing
import Traffic

/// What a match may ask for beside path, method, header and query.
struct RouteConditionsTests {
    private func isTaken(_ request: Request, _ change: (inout Match) -> Void) throws -> Bool {
        var match = Match()
        change(&match)
        return try request.isTaken(by: match)
    }

    @Test(
        arguments: [
            (.exact("a.example"), "a.example", true), (.exact("a.example"), "A.Example", true),
            (.exact("a.example"), "b.example", false), (.prefix("a."), "A.example", true),
            (.prefix("a."), "b.a.example", false), (.regex(try! Pattern("[ab][.]example")), "B.example", true),
            (.regex(try! Pattern("[ab][.]example")), "c.example", false), (.present(true), "a", true),
        ] as [(Match.ValueMatch, String, Bool)])
    func host(_ test: Match.ValueMatch, _ host: String, _ expected: Bool) throws {
        #expect(try isTaken(Request(host: host)) { $0.host = test } == expected)
    }

    @Test(arguments: [
        (Match.Scheme.http, false, true), (.http, true, false), (.https, true, true), (.https, false, false),
    ])
    func scheme(_ scheme: Match.Scheme, _ isSecure: Bool, _ expected: Bool) throws {
        #expect(try isTaken(Request(isSecure: isSecure)) { $0.scheme = scheme } == expected)
    }

    @Test func port() throws {
        #expect(try isTaken(Request(port: 8080)) { $0.port = 8080 })
        #expect(try !isTaken(Request(port: 8081)) { $0.port = 8080 })
    }

    @Test(arguments: [
        ("", true), ("x-a: 1\r\n", false), ("X-A: 1\r\n", false), ("x-a: 2\r\n", true), ("x-b: 1\r\n", true),
        ("x-a: 2\r\nx-c: any\r\n", false),
    ])
    func withoutHeaders(_ headers: String, _ expected: Bool) throws {
        let taken = try isTaken(Request(headers: headers)) {
            $0.withoutHeaders = [
                Match.NamedMatch(name: "x-a", value: .exact("1")), Match.NamedMatch(name: "x-c", value: .present(true)),
            ]
        }
        #expect(taken == expected)
    }

    @Test(
        arguments: [
            (.exact("/V2/Models"), "/v2/models", true), (.exact("/V2/Models"), "/v2/models/", false),
            (.prefix("/V2"), "/v2/x", true), (.prefix("/v2/"), "/V2", true), (.prefix("/v2"), "/V2x", false),
            (.startsWith("/v2"), "/V2x", true), (.startsWith("/v2"), "/v1", false),
        ] as [(Match.PathMatch, String, Bool)])
    func pathsOfAnyCase(_ test: Match.PathMatch, _ path: String, _ expected: Bool) throws {
        let taken = try isTaken(Request(path)) {
            $0.path = test
            $0.ignoresPathCase = true
        }
        #expect(taken == expected)
    }

    /// The first route in file order wins, however its path is compared.
    @Test func orderAcrossWaysToCompare() throws {
        var folded = match(path: .prefix("/a"))
        folded.ignoresPathCase = true
        let table = RouteTable([makeRoute([match(path: .exact("/a/b"))]), makeRoute([folded]), makeRoute()])
        #expect(try Request("/a/b").route(in: table) == 0)
        #expect(try Request("/A/b").route(in: table) == 1)
        #expect(try Request("/b").route(in: table) == 2)
    }

    // MARK: Alternatives

    @Test(
        arguments: [
            ("/a/x", "", 0), ("/b/x", "", 1), ("/b/x", "x-late: 1\r\n", 1), ("/c", "", nil), ("/c", "x-late: 1\r\n", 2),
            ("/ax", "", nil),
        ] as [(String, String, Int?)])
    func alternatives(_ path: String, _ headers: String, _ expected: Int?) {
        let late = Match.NamedMatch(name: "x-late", value: .present(true))
        let route = makeRoute([match(path: .prefix("/a")), match(path: .startsWith("/b")), match(headers: [late])])
        let alternatives = RouteAlternatives(route)
        #expect(Request(path, headers: headers).view { alternatives.first(matching: $0) } == .some(expected))
        let found = Request(path, headers: headers).view { alternatives.path(matching: $0) }
        #expect(found == .some(expected.flatMap { route.match[$0].path }))
    }
}
