import HTTP
import Testing

/// Which names of a request are taken from the client.
struct IdentityTests {
    @Test(
        arguments: [
            ("", false), ("x-request-id: a\r\n", true), ("X-Request-ID: a-1\r\n", true),
            ("x-request-id: a\r\nx-request-id: a\r\n", false), ("x-request-id:\r\n", false),
            ("x-request-id: a b\r\n", false), ("x-request-id: a\r\nConnection: close\r\n", true),
            // It would end here, and the endpoint would know the request by no name.
            ("x-request-id: a\r\nConnection: X-Request-Id\r\n", false),
        ])
    func requestID(_ lines: String, _ isTaken: Bool) {
        let head = MessageHead()
        let text = Array("GET / HTTP/1.1\r\nHost: h\r\n\(lines)\r\n".utf8)
        guard case .complete = text.withUnsafeBytes({ head.parseRequest($0, limit: 4096) }) else {
            Issue.record("not parsed")
            return
        }
        #expect((head.requestID != nil) == isTaken)
    }
}
