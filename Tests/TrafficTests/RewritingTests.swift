import Base
import Configuration
import HTTP
import Testing
import Traffic

struct RewritingTests {
    private func rewritten(_ path: String, _ matched: Match.PathMatch?, _ rewrite: Route.PathRewrite) throws -> String?
    {
        let rewriter = try #require(PathRewriter(rewrite))
        var result = ByteBuffer()
        var scratch = Substitution.Scratch()
        let isFine = raw(path).withUnsafeBytes {
            rewriter.rewrite($0, matched: matched, into: &result, scratch: &scratch)
        }
        return isFine ? shown(result.bytes) : nil
    }

    @Test(
        arguments: [
            // Whole elements: one slash between new and old.
            ("/a/b", .prefix("/a"), "/x", "/x/b"), ("/a", .prefix("/a"), "/x", "/x"),
            ("/a/", .prefix("/a"), "/x", "/x/"),
            ("/a/b", .prefix("/a"), "/x/", "/x/b"), ("/a/b", .prefix("/a"), "/", "/b"), ("/a", .prefix("/a"), "/", "/"),
            ("/a/b", .prefix("/"), "/x", "/x/a/b"), ("/", .prefix("/"), "/x", "/x/"), ("/a", nil, "/x", "/x/a"),
            ("/a//b", .prefix("/a"), "/x", "/x//b"), ("/A/b", .prefix("/a"), "/x", "/x/b"),
            ("/a/b", .prefix("/a/b"), "/x", "/x"),
            // Text for text.
            ("/ab", .startsWith("/a"), "/x", "/xb"), ("/a/b", .startsWith("/a/"), "/x", "/xb"),
            ("/a/b", .startsWith("/"), "/x/", "/x/a/b"),
            // All of it.
            ("/a", .exact("/a"), "/x/y", "/x/y"),
            // Two halves of what has no one reading.
            ("/a.", .startsWith("/a"), "/.", nil), ("/a../b", .startsWith("/a"), "/", nil),
            ("/a2e", .startsWith("/a"), "/%", "/."),
        ] as [(String, Match.PathMatch?, String, String?)])
    func prefixes(_ path: String, _ matched: Match.PathMatch?, _ prefix: String, _ expected: String?) throws {
        // What decodes to a dot segment is refused as one.
        let expected = expected == "/." ? nil : expected
        #expect(try rewritten(path, matched, .prefix(prefix)) == expected)
    }

    @Test func wholePaths() throws {
        #expect(try rewritten("/a/b", .prefix("/a"), .full("/x")) == "/x")
        #expect(try rewritten("/a/b", nil, .full("/x/y")) == "/x/y")
    }

    @Test(arguments: [
        ("^/a/(.*)/b", "/\\1", "/a/1/b/c", "/1/c"), ("/+", "/", "/a//b///c", "/a/b/c"), ("^/a", "", "/a/b", "/b"),
        ("^/a", "", "/ab", "/b"), ("^/", "", "/..", nil), ("x", "", "/.x./y", nil),
        ("^/(.*)$", "/v2/\\1", "/m", "/v2/m"),
        ("none", "x", "/m", "/m"), ("x", "%41", "/x", "/A"), ("x", "%2f", "/x", nil),
    ])
    func patterns(_ pattern: String, _ replacement: String, _ path: String, _ expected: String?) throws {
        let found = try rewritten(path, nil, .regex(try Pattern(pattern), replacement: replacement))
        #expect(found == expected)
    }

    @Test(arguments: ["a b", "a#b", "a?b", "a\nb", "\u{7F}"])
    func whatIsNoPath(_ replacement: String) throws {
        #expect(try rewritten("/x", nil, .regex(try Pattern("x"), replacement: replacement)) == nil)
        #expect(try rewritten("/x", .prefix("/x"), .prefix("/" + replacement)) == nil)
    }

    @Test func pathsThatGrowTooLong() throws {
        let path = "/" + String(repeating: "a", count: 2000)
        let rewrite = Route.PathRewrite.regex(try Pattern("a"), replacement: String(repeating: "b", count: 1000))
        #expect(try rewritten(path, nil, rewrite) == nil)
    }

    // MARK: Redirects

    private func location(
        _ url: (secure: Bool, host: String, path: String, query: String), _ matched: Match.PathMatch? = nil,
        _ change: (inout Route.Redirect) -> Void
    ) -> String? {
        var redirect = Route.Redirect()
        change(&redirect)
        let target = RedirectTarget(redirect)
        var result = ByteBuffer()
        let isFine = raw(url.host).withUnsafeBytes { host in
            raw(url.path).withUnsafeBytes { path in
                raw(url.query).withUnsafeBytes { query in
                    target.write(
                        RedirectTarget.Request(
                            isSecure: url.secure, host: host, path: path, query: query, matched: matched),
                        into: &result)
                }
            }
        }
        return isFine ? shown(result.bytes) : nil
    }

    @Test func redirects() {
        let url = (secure: false, host: "a.example:8080", path: "/x/y", query: "?q=1")
        #expect(location(url) { $0.scheme = .https } == "https://a.example/x/y?q=1")
        #expect(
            location(url) {
                $0.scheme = .http; $0.path = .full("/z")
            } == "http://a.example/z?q=1")
        #expect(location(url) { $0.host = "b.example" } == "http://b.example/x/y?q=1")
        #expect(
            location(url) {
                $0.host = "b.example"; $0.port = .ofRequest
            } == "http://b.example:8080/x/y?q=1")
        #expect(location(url) { $0.port = .number(9090) } == "http://a.example:9090/x/y?q=1")
        #expect(location(url) { $0.port = .number(80) } == "http://a.example/x/y?q=1")
        #expect(
            location(url) {
                $0.scheme = .https; $0.port = .number(8443)
            } == "https://a.example:8443/x/y?q=1")
        #expect(
            location(url) {
                $0.scheme = .https; $0.port = .number(443)
            } == "https://a.example/x/y?q=1")
        #expect(location(url) { $0.port = .ofScheme } == "http://a.example/x/y?q=1")
        #expect(location(url) { $0.path = .full("/z?p=2") } == "http://a.example:8080/z?p=2")
        #expect(location(url, .prefix("/x")) { $0.path = .prefix("/new") } == "http://a.example:8080/new/y?q=1")
        #expect(location(url) { $0.host = "2001:db8::1" } == "http://[2001:db8::1]/x/y?q=1")
        let literal = (secure: true, host: "[::1]:8443", path: "/", query: "")
        #expect(location(literal) { $0.scheme = .http } == "http://[::1]/")
        #expect(location(literal) { $0.path = .full("/z") } == "https://[::1]:8443/z")
    }

    /// A client of HTTP/1.0 may name no host.
    @Test func redirectsWithoutHost() {
        let url = (secure: false, host: "", path: "/x", query: "?q")
        #expect(location(url) { $0.scheme = .https } == "/x?q")
        #expect(location(url) { $0.host = "b.example" } == "http://b.example/x?q")
        #expect(location((false, "", "//evil.example", "")) { $0.scheme = .https } == nil)
        let start = Match.PathMatch.startsWith("/x")
        #expect(location((false, "", "/x/evil.example", ""), start) { $0.path = .prefix("/") } == nil)
        #expect(
            location((false, "h", "/x/evil.example", ""), start) { $0.path = .prefix("/") } == "http://h//evil.example")
    }

    // MARK: Models

    @Test(
        arguments: [
            ("m", nil, "/v2/models/a/infer", "/v2/models/m/infer"), ("m", nil, "/v2/models/a", "/v2/models/m"),
            ("m", nil, "/v2/models/a/versions/2/infer", "/v2/models/m/versions/2/infer"),
            (nil, "3", "/v2/models/a/versions/2/infer", "/v2/models/a/versions/3/infer"),
            (nil, "3", "/v2/models/a/infer", "/v2/models/a/versions/3/infer"),
            (nil, "3", "/v2/models/a", "/v2/models/a/versions/3"),
            ("m", "3", "/v2/models/a/", "/v2/models/m/versions/3/"),
            ("m", nil, "/v2/models/stats", nil), ("m", nil, "/v2/health/ready", nil), ("m", nil, "/v2/models/", nil),
            ("a b/%?ü", nil, "/v2/models/x/infer", "/v2/models/a%20b%2F%25%3F%C3%BC/infer"),
        ] as [(String?, String?, String, String?)])
    func models(_ model: String?, _ version: String?, _ path: String, _ expected: String?) throws {
        let names = try #require(ModelNames(model: model, version: version))
        var result = ByteBuffer()
        let isRewritten = raw(path).withUnsafeBytes { names.rewrite($0, into: &result) }
        #expect((isRewritten ? shown(result.bytes) : nil) == expected)
        let count = result.count
        if !isRewritten { #expect(count == 0) }
    }

    @Test func namesInForce() throws {
        let names = try #require(ModelNames(model: nil, version: "3"))
        let found = raw("a").withUnsafeBytes { model in
            raw("1").withUnsafeBytes { version in
                names.replacing(model, version) { "\(shown($0)) \(shown($1))" }
            }
        }
        #expect(found == "a 3")
        #expect(ModelNames(model: nil, version: nil) == nil ? true : false)
    }
}
