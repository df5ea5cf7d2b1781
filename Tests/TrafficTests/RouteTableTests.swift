import Base
import Configuration
import Testing
import Traffic

struct RouteTableTests {
    // MARK: Hosts

    @Test(arguments: [
        ([], "anything", true), (["*"], "anything", true), (["*", "a"], "b", true), (["a.com"], "a.com", true),
        (["a.com"], "A.Com", true),
        (["A.COM"], "a.com", true), (["a.com"], "b.com", false), (["a.com"], "a.com.", false),
        (["a.com"], "xa.com", false), (["a.com"], "a.co", false),
        (["a.com"], "", false), (["a.com", "b.com"], "b.com", true),
        (["*.a.com"], "x.a.com", true), (["*.a.com"], "y.x.A.com", true), (["*.A.com"], "x.a.COM", true),
        (["*.a.com"], "a.com", false),
        (["*.a.com"], ".a.com", false), (["*.a.com"], "xa.com", false), (["*.a.com"], "x.a.com.evil", false),
        (["*.a.com"], "a.com.", false),
        (["*.a.com"], "", false), (["127.0.0.1"], "127.0.0.1", true), (["[::1]"], "[::1]", true),
    ])
    func hosts(_ hosts: [String], _ host: String, _ expected: Bool) throws {
        let table = RouteTable([makeRoute(hosts: hosts)])
        #expect((try Request(host: host).route(in: table) == 0) == expected)
    }

    // MARK: Paths

    @Test(
        arguments: [
            (.exact("/a"), "/a", true), (.exact("/a"), "/a/", false), (.exact("/a"), "/A", false),
            (.exact("/a"), "/ab", false), (.exact("/a"), "/", false),
            (.prefix("/v2"), "/v2", true), (.prefix("/v2"), "/v2/", true), (.prefix("/v2"), "/v2/models", true),
            (.prefix("/v2"), "/v2x", false),
            (.prefix("/v2"), "/v", false), (.prefix("/v2"), "/V2", false), (.prefix("/v2"), "/x/v2", false),
            (.prefix("/v2/"), "/v2", true),
            (.prefix("/v2/"), "/v2/a", true), (.prefix("/v2/"), "/v2x", false), (.prefix("/"), "/", true),
            (.prefix("/"), "/any/thing", true),
            (.prefix("/"), "//", true), (.prefix("/a/b"), "/a/b/c", true), (.prefix("/a/b"), "/a/bc", false),
            (.prefix("/v2"), "/v2%20", false),
            (.startsWith("/v2"), "/v2", true), (.startsWith("/v2"), "/v2x", true), (.startsWith("/v2"), "/v2/m", true),
            (.startsWith("/v2"), "/v", false),
            (.startsWith("/v2/"), "/v2", false), (.startsWith(""), "/", true), (.startsWith("/v2"), "/V2", false),
        ] as [(Match.PathMatch, String, Bool)])
    func paths(_ test: Match.PathMatch, _ path: String, _ expected: Bool) throws {
        #expect(try Request(path).isTaken(by: match(path: test)) == expected)
    }

    @Test(arguments: [
        ("/v2/models/[^/]+/infer", "/v2/models/m/infer", true),
        ("/v2/models/[^/]+/infer", "/v2/models/m/n/infer", false),
        ("/v2", "/v2/", false), ("/v2.*", "/v2/x", true), ("v2", "/v2", false), ("/(a|b)", "/b", true),
        ("(?i)/abc", "/ABC", true),
    ])
    func patterns(_ pattern: String, _ path: String, _ expected: Bool) throws {
        #expect(try Request(path).isTaken(by: match(path: .regex(try Pattern(pattern)))) == expected)
    }

    // MARK: Methods

    @Test(arguments: [
        ("GET", "GET", true), ("GET", "get", false), ("GET", "HEAD", false), ("PROPFIND", "PROPFIND", true),
        ("POST", "POSTS", false),
    ])
    func methods(_ expected: String, _ method: String, _ isTaken: Bool) throws {
        #expect(try Request(method: method).isTaken(by: match(method: expected)) == isTaken)
    }

    // MARK: Headers

    @Test(
        arguments: [
            (.exact("b"), "x-a: b\r\n", true), (.exact("b"), "X-A:b \r\n", true), (.exact("b"), "X-A: B\r\n", false),
            (.exact("b"), "X-A: bc\r\n", false),
            (.exact("b"), "X-B: b\r\n", false), (.exact("b"), "", false), (.exact(""), "X-A:\r\n", true),
            (.exact(""), "", false),
            // Repeated fields count as one list (RFC 9110 section 5.3).
            (.exact("b,c"), "X-A: b\r\nO: x\r\nx-a: c\r\n", true), (.exact("b"), "X-A: b\r\nX-A: c\r\n", false),
            (.exact("b"), "X-A: c\r\nX-A: b\r\n", false),
            (.exact("b,c,d"), "X-A: b\r\nX-A: c\r\nX-A: d\r\n", true), (.exact("b,"), "X-A: b\r\nX-A:\r\n", true),
            (.exact("b,c"), "X-A: b\r\nX-A: cd\r\n", false), (.exact("b,cd"), "X-A: b\r\nX-A: c\r\n", false),
            (.exact("bc"), "X-A: b\r\nX-A: c\r\n", false), (.exact("b"), "X-A: b\r\nX-A:\r\n", false),
            (.exact(","), "X-A:\r\nX-A:\r\n", true), (.exact(""), "X-A:\r\nX-A:\r\n", false),
            (.exact("b,c"), "X-A: b,c\r\nX-A: d\r\n", false), (.prefix("b,c"), "X-A: b\r\nX-A: cd\r\n", true),
            (.prefix("b,"), "X-A: b\r\nX-A:\r\n", true), (.prefix("b,c"), "X-A: b\r\nX-A: d\r\n", false),
            (.prefix("b,c"), "X-A: b,cd\r\nX-A: e\r\n", true), (.prefix("b,c,"), "X-A: b\r\nX-A: c\r\n", false),
            (.prefix("b"), "X-A: b\r\nX-A: c\r\n", true),
            (.prefix("b"), "X-A: bc\r\n", true), (.prefix("b"), "X-A: cb\r\n", false), (.prefix(""), "X-A:\r\n", true),
            (.prefix(""), "", false),
            (.present(true), "X-A:\r\n", true), (.present(true), "X-A: b\r\nX-A: c\r\n", true),
            (.present(true), "", false), (.present(true), "X-AA: b\r\n", false),
            (.present(false), "", true), (.present(false), "X-AA: b\r\n", true), (.present(false), "X-A:\r\n", false),
            (.present(false), "x-a: b\r\nX-A: c\r\n", false),
            (.exact("\u{E9}"), "X-A: \u{C3}\u{A9}\r\n", true),
        ] as [(Match.ValueMatch, String, Bool)])
    func headers(_ value: Match.ValueMatch, _ lines: String, _ expected: Bool) throws {
        let test = match(headers: [Match.NamedMatch(name: "x-a", value: value)])
        #expect(try Request(headers: lines).isTaken(by: test) == expected)
    }

    @Test func headerPatternsTakeTheWholeValue() throws {
        let test = match(headers: [Match.NamedMatch(name: "x-a", value: .regex(try Pattern("b+")))])
        #expect(try Request(headers: "X-A: bbb\r\n").isTaken(by: test))
        #expect(try !Request(headers: "X-A: bbc\r\n").isTaken(by: test))
        #expect(try !Request(headers: "X-A: b\r\nX-A: b\r\n").isTaken(by: test))
        let list = match(headers: [Match.NamedMatch(name: "x-a", value: .regex(try Pattern("b,,c")))])
        #expect(try Request(headers: "X-A: b\r\nX-A:\r\nO: b\r\nX-A: c\r\n").isTaken(by: list))
        #expect(try !Request().isTaken(by: test))
    }

    // MARK: Query

    @Test(
        arguments: [
            (.exact("1"), "a=1", true), (.exact("1"), "b=2&a=1&c=3", true), (.exact("1"), "a=2&a=1", false),
            (.exact("1"), "a=1&a=2", true),
            (.exact("1"), "A=1", false), (.exact("1"), "", false), (.exact("1"), "aa=1&xa=1", false),
            (.exact("1"), "a=1=1", false), (.exact("1=1"), "a=1=1", true),
            (.exact(""), "a", true), (.exact(""), "a=", true), (.exact(""), "b&a&c", true), (.exact(""), "", false),
            (.exact(""), "&&", false),
            (.exact("x y"), "a=x+y", true), (.exact("x y"), "a=x%20y", true), (.exact("x+y"), "a=x%2By", true),
            (.exact("&="), "a=%26%3d", true),
            (.exact("1"), "%61=1", true), (.exact("%"), "a=%", true), (.exact("%4"), "a=%4", true),
            (.exact("%zz"), "a=%zz", true), (.exact("A%4"), "a=%41%4", true),
            (.exact("1"), "%6=1", false), (.exact("1"), "a%=1", false), (.exact("%4"), "a=%4&1=1", true),
            (.exact("é"), "a=%C3%A9", true), (.exact("1"), "a=1#x", false), (.prefix("x"), "a=xyz", true),
            (.prefix("x"), "a=yx", false),
            (.present(true), "a", true), (.present(true), "b=a", false), (.present(true), "=a", false),
            (.present(false), "", true), (.present(false), "a", false),
            (.present(false), "b=1&a=2", false), (.present(false), "b=1", true), (.exact("1;b=2"), "a=1;b=2", true),
        ] as [(Match.ValueMatch, String, Bool)])
    func query(_ value: Match.ValueMatch, _ query: String, _ expected: Bool) throws {
        let test = match(query: [Match.NamedMatch(name: "a", value: value)])
        #expect(try Request(query: query).isTaken(by: test) == expected)
    }

    // MARK: All together

    @Test func allFieldsOfAnAlternativeHold() throws {
        let test = match(
            path: .prefix("/v2"), method: "POST", headers: [Match.NamedMatch(name: "x-a", value: .exact("1"))],
            query: [
                Match.NamedMatch(name: "q", value: .exact("2")), Match.NamedMatch(name: "r", value: .present(false)),
            ], model: "m")
        let good = Request("/v2/models/m/infer", method: "POST", query: "q=2", headers: "X-A: 1\r\n")
        #expect(try good.isTaken(by: test))
        #expect(try good.isTaken(by: test, hosts: ["h"]))
        #expect(try !good.isTaken(by: test, hosts: ["i"]))
        let changes: [(inout Request) -> Void] = [
            { $0.path = "/v2/models/n/infer" }, { $0.path = "/v3/models/m/infer" }, { $0.method = "GET" },
            { $0.headers = "" },
            { $0.query = "q=3" }, { $0.query = "q=2&r" },
        ]
        for (index, change) in changes.enumerated() {
            var other = good
            change(&other)
            #expect(try !other.isTaken(by: test), "change \(index)")
        }
    }

    @Test func theFirstMatchWins() throws {
        let table = RouteTable([
            makeRoute(hosts: ["special"], [match(path: .prefix("/v2"))]),
            makeRoute([match(path: .exact("/v2/health")), match(path: .prefix("/v2"), method: "POST")]),
            makeRoute([match(path: .prefix("/v2"))]), makeRoute(hosts: ["special"]),
            makeRoute([match(path: .prefix("/v2/late"))]),
        ])
        for (request, expected) in [
            (Request("/v2/x", host: "special"), 0), (Request("/v2/health"), 1), (Request("/v2/x", method: "POST"), 1),
            (Request("/v2/x"), 2),
            (Request("/v2/late"), 2), (Request("/", host: "special"), 3), (Request("/"), nil),
        ] as [(Request, Int?)] {
            #expect(try request.route(in: table) == expected, "\(request)")
        }
        #expect(try Request().route(in: RouteTable([])) == nil)
        #expect(try Request().route(in: RouteTable([makeRoute()])) == 0)
    }
}
