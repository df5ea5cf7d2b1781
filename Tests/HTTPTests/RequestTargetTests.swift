import HTTP
import Testing

/// RFC 9112 section 3.2.
struct RequestTargetTests {
    static func target(_ text: String, method: String = "GET") throws -> (MessageHead, RequestTarget) {
        let parsed = try head(.request, "\(method) \(text) HTTP/1.1\r\nHost: h\r\n\r\n")
        return (parsed, try RequestTarget(of: parsed))
    }

    @Test(arguments: [
        ("/", RequestTarget.Form.origin, "", "/", "", false), ("/a/b", .origin, "", "/a/b", "", false),
        ("/a?", .origin, "", "/a", "", true), ("/a?b=c", .origin, "", "/a", "b=c", true),
        ("/a?b?c=/d", .origin, "", "/a", "b?c=/d", true), ("//host/a", .origin, "", "//host/a", "", false),
        ("/http://x/", .origin, "", "/http://x/", "", false), ("/?", .origin, "", "/", "", true),
        ("http://h", .absolute, "h", "", "", false), ("http://h/", .absolute, "h", "/", "", false),
        ("HTTP://h:80/a?b", .absolute, "h:80", "/a", "b", true), ("https://h/a", .absolute, "h", "/a", "", false),
        ("http://h?q", .absolute, "h", "", "q", true), ("http://h?q/r", .absolute, "h", "", "q/r", true),
        ("http://[::1]:8/x", .absolute, "[::1]:8", "/x", "", false), ("http:///a", .absolute, "", "/a", "", false),
        ("http://u@h/a", .absolute, "u@h", "/a", "", false), ("http://h\\x/a", .absolute, "h\\x", "/a", "", false),
    ])
    func takesTargetsApart(
        _ text: String, _ form: RequestTarget.Form, _ authority: String, _ path: String, _ query: String,
        _ hasQuery: Bool
    ) throws {
        let (head, target) = try Self.target(text)
        #expect(target.form == form)
        #expect(shown(head.slice(target.authority)) == authority)
        #expect(shown(head.slice(target.path)) == path)
        #expect(shown(head.slice(target.query)) == query)
        #expect(target.hasQuery == hasQuery)
    }

    @Test(arguments: [
        "a", "a/b", "?a", "http:/a", "http:a", "http://", "ftp://h/", "https://", "httpx://h/", "h:443", ".", "**",
        "*/", "mailto:a@b",
    ])
    func refuses(_ text: String) {
        #expect(throws: MessageError.self) { try Self.target(text) }
    }

    @Test func asksAboutTheServerWithOptionsOnly() throws {
        let (head, target) = try Self.target("*", method: "OPTIONS")
        #expect(target.form == .asterisk && !target.hasQuery)
        #expect(shown(head.slice(target.path)) == "*")
        for method in ["GET", "POST", "options", "HEAD"] {
            #expect(throws: MessageError.self) { try Self.target("*", method: method) }
        }
    }

    @Test(arguments: [
        ("h", "h"), ("H", "H"), ("h:80", "h"), ("h:", "h"), ("a.b-c_d~e", "a.b-c_d~e"), ("127.0.0.1:8080", "127.0.0.1"),
        ("[::1]", "[::1]"), ("[::1]:80", "[::1]"), ("[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]"),
        ("[FE80::A]", "[FE80::A]"), ("a%41", "a%41"),
        ("h:65535", "h"), ("h:00080", "h"),
    ])
    func readsHosts(_ value: String, _ name: String) {
        #expect(raw(value).withUnsafeBytes { HostValue.name($0).map { shown($0) } } == name)
    }

    @Test(arguments: [
        "", ":", ":80", "a b", "a/b", "a@b", "u:p@h", "a,b", "a\\b", "h:8a", "h:-1", "h:+1", "h: 80", "h:123456",
        "h:80:80", "a:b", "::1",
        "[::1", "[::1]x", "[::1]80", "[::1]:x", "[::1]]", "]", "[", "[g::1]", "[::1%25lo]", "[[::1]]", "a[::1]", "h?",
        "h#", "\"h\"", "h\u{E9}", "h\t",
        "<h>", "h;x", "h'", "(h)", "$h",
    ])
    func refusesHosts(_ value: String) {
        #expect(raw(value).withUnsafeBytes { HostValue.name($0).map { shown($0) } } == nil)
    }

    /// An address is at least two characters long (RFC 3986 section 3.2.2).
    @Test(arguments: ["[]", "[]:80", "[.]", "[:]", "[1]"]) func refusesEmptyAddresses(_ value: String) {
        #expect(raw(value).withUnsafeBytes { HostValue.name($0).map { shown($0) } } == nil)
    }
}
