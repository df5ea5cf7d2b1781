import Base
import HTTP
import Testing

/// Fields and cookies by names from the configuration.
struct LookupTests {
    private static func head(_ lines: String) -> MessageHead {
        let head = MessageHead()
        let text = raw("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n")
        _ = text.withUnsafeBytes { head.parseRequest($0, limit: 64 * 1024) }
        return head
    }

    @Test(
        arguments: [
            ("X-User: ann\r\n", "x-user", "ann"), ("x-user: a\r\nX-USER: b\r\n", "x-user", "a"), ("", "x-user", nil),
            ("x-users: a\r\n", "x-user", nil), ("", "host", "a"), ("Via: 1.1 b\r\n", "via", "1.1 b"),
        ] as [(String, String, String?)])
    func fields(_ lines: String, _ name: String, _ expected: String?) {
        let head = Self.head(lines)
        #expect(head.first(named: Array(name.utf8)).map { text(head.value($0)) } == expected)
    }

    /// RFC 6265 section 4.2: pairs with a semicolon between, in one field or, over HTTP/2, in several.
    @Test(
        arguments: [
            ("Cookie: s=1\r\n", "1"), ("Cookie: a=0; s=1; s=2\r\n", "1"), ("Cookie: a=0\r\ncookie: s=1\r\n", "1"),
            ("Cookie: S=1\r\n", nil), ("Cookie: xs=1; sx=2\r\n", nil), ("Cookie: s\r\n", nil),
            ("Cookie: =1; s=\r\n", ""),
            ("Cookie: s=a=b\r\n", "a=b"), ("Cookie:;;s=1;\r\n", "1"), ("X-Cookie: s=1\r\n", nil),
        ] as [(String, String?)])
    func cookies(_ lines: String, _ expected: String?) {
        #expect(Self.head(lines).cookie(Array("s".utf8)).map { text($0) } == expected)
    }

    @Test(
        arguments: [
            ("0", 0), ("17", 17), ("007", 7), ("999999999999999999", 999_999_999_999_999_999), ("", nil), ("-1", nil),
            ("+1", nil), ("1 ", nil), ("0x1", nil), ("1000000000000000000", nil), ("/", nil), (":", nil),
        ] as [(String, Int?)])
    func decimals(_ digits: String, _ expected: Int?) {
        #expect(raw(digits).withUnsafeBytes { parseDecimal($0) } == expected)
    }
}
