import Configuration
import HTTP
import Testing
import Traffic

struct ForwardedClientTests {
    /// The client, with 10.0.0.0/8 and fd00::/8 trusted.
    static func client(_ lines: String) throws -> String? {
        let head = MessageHead()
        _ = raw("GET / HTTP/1.1\r\nHost: h\r\n\(lines)\r\n").withUnsafeBytes { head.parseRequest($0, limit: 65536) }
        let trusted = try [CIDR(parsing: "10.0.0.0/8"), CIDR(parsing: "fd00::/8")]
        let address = ForwardedClient.address(in: head) { address in trusted.contains { $0.contains(address) } }
        return address.map { "\($0)" }
    }

    @Test(
        arguments: [
            ("", nil), ("X-Forwarded-For:\r\n", nil), ("X-Forwarded-For: , ,\r\n", nil),
            ("X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"),
            ("x-forwarded-for: 2001:DB8::1\r\n", "2001:db8::1"), ("X-Forwarded-For: ::ffff:192.0.2.1\r\n", "192.0.2.1"),
            // What an unknown peer wrote in front is not believed.
            ("X-Forwarded-For: 1.1.1.1, 192.0.2.1\r\n", "192.0.2.1"),
            ("X-Forwarded-For: 10.0.0.9, 192.0.2.1\r\n", "192.0.2.1"),
            ("X-Forwarded-For: 1.1.1.1, 192.0.2.1, 10.0.0.2, 10.0.0.1\r\n", "192.0.2.1"),
            ("X-Forwarded-For: junk, 192.0.2.1\r\n", "192.0.2.1"),
            ("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: fd00::1\r\n", "192.0.2.1"),
            // Nobody but proxies: the farthest of them.
            ("X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3"),
            // No address where the client's has to be: never further on.
            ("X-Forwarded-For: 192.0.2.1, junk, 10.0.0.2\r\n", "10.0.0.2"),
            ("X-Forwarded-For: 192.0.2.1, unknown\r\n", nil),
            // Some write ports.
            ("X-Forwarded-For: 192.0.2.1:1234\r\n", "192.0.2.1"),
            ("X-Forwarded-For: [2001:db8::1]:1234\r\n", "2001:db8::1"),
            ("X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1"),
            ("X-Forwarded-For: 192.0.2.1:1234, 10.0.0.2:80\r\n", "192.0.2.1"),
            ("X-Forwarded-For: 192.0.2.1:\r\n", nil), ("X-Forwarded-For: 192.0.2.1:a\r\n", nil),
            ("X-Forwarded-For: 192.0.2.1:123456\r\n", nil), ("X-Forwarded-For: [2001:db8::1]x\r\n", nil),
            ("X-Forwarded-For: [2001:db8::1\r\n", nil), ("X-Forwarded-For: :80\r\n", nil),
            ("Forwarded: for=192.0.2.1\r\n", nil),
        ] as [(String, String?)])
    func finds(_ lines: String, _ expected: String?) throws {
        #expect(try Self.client(lines) == expected)
    }

    @Test func looksAtNoMoreThanAFewHops() throws {
        let proxies = String(repeating: ", 10.0.0.2", count: 15)
        #expect(try Self.client("X-Forwarded-For: 1.1.1.1, 192.0.2.1\(proxies)\r\n") == "192.0.2.1")
        #expect(try Self.client("X-Forwarded-For: 192.0.2.1, 10.0.0.3\(proxies)\r\n") == "10.0.0.3")
        let long = String(repeating: "9", count: 5000)
        #expect(try Self.client("X-Forwarded-For: \(long), 192.0.2.1\r\n") == "192.0.2.1")
    }
}
