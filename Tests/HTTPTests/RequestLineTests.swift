import HTTP
import Testing

/// RFC 9112 sections 2.2, 2.3 and 3.
struct RequestLineTests {
    @Test func readsAnOrdinaryRequest() {
        let text = "POST /v2/models/m/infer?x=1 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 3\r\n\r\n"
        let reading = read(.request, text + "abcGET")
        #expect(reading.outcome == .complete(text.utf8.count))
        #expect(reading.method == .post && reading.methodName == "POST")
        #expect(reading.target == "/v2/models/m/infer?x=1")
        #expect(reading.minorVersion == 1)
        #expect(reading.framing == .length(3))
        #expect(reading.fields == [.init("Host", "a:80", .host), .init("Content-Length", "3", .contentLength)])
        #expect(reading.hostIndex == 0 && reading.statedLength == 3)
        #expect(reading.allowsReuse)
    }

    @Test(
        arguments: [
            ("GET / HTTP/1.1", "GET", "/", 1), ("get / HTTP/1.1", "get", "/", 1),
            ("!#$%&'*+-.^_`|~09 * HTTP/1.1", "!#$%&'*+-.^_`|~09", "*", 1),
            ("GET / HTTP/1.0", "GET", "/", 0), ("GET / HTTP/1.2", "GET", "/", 1), ("GET / HTTP/1.9", "GET", "/", 1),
            ("GET http://h/p?q HTTP/1.1", "GET", "http://h/p?q", 1), ("CONNECT h:443 HTTP/1.1", "CONNECT", "h:443", 1),
            ("GET /%00\"<>\\^`{|} HTTP/1.1", "GET", "/%00\"<>\\^`{|}", 1),
        ] as [(String, String, String, UInt8)])
    func accepts(_ line: String, _ method: String, _ target: String, _ minor: UInt8) {
        let reading = read(.request, line + "\r\nHost: a\r\n\r\n")
        #expect(reading.outcome == .complete(line.utf8.count + 13))
        #expect(reading.methodName == method && reading.target == target && reading.minorVersion == minor)
    }

    @Test(arguments: [
        "", " ", " GET / HTTP/1.1", "GET", "GET ", "GET /", "GET / ", "GET  / HTTP/1.1", "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1", "GET / HTTP/1.", "GET / HTTP/1.10", "GET / HTTP/1.x", "GET / HTTP/11",
        "GET / HTTP/0.9", "GET / HTTP/2.0", "GET / HTTP/3", "GET / http/1.1", "GET / HTTPS/1.1", "GET / HTTP 1.1",
        "GET / a HTTP/1.1", "GET /# HTTP/1.1", "GET /a#b HTTP/1.1", "GET /\u{80} HTTP/1.1", "GET /\u{FF} HTTP/1.1",
        "GET /\u{7F} HTTP/1.1", "GET /\u{00} HTTP/1.1", "GET /\u{0B} HTTP/1.1", "G\u{E9}T / HTTP/1.1", "G(T / HTTP/1.1",
        "GET:/ HTTP/1.1", "GET,POST / HTTP/1.1", "\u{FEFF}GET / HTTP/1.1", "PRI * HTTP/2.0", "HTTP/1.1 200 OK",
        "\u{16}\u{03}\u{01}",
    ])
    func refuses(_ line: String) {
        let reading = read(.request, line + "\r\nHost: a\r\n\r\n")
        #expect(reading.outcome == .failed(.malformed))
    }

    /// RFC 9112 section 2.2: lines end with CRLF; a CR alone or an LF alone is read differently by others.
    @Test(arguments: [
        "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\n",
        "GET / HTTP/1.1\n\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\rHost: a\r\r", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\rb: c\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\rX",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    func refusesBareLineEnds(_ text: String) {
        #expect(read(.request, text).outcome == .failed(.malformed))
    }

    @Test(arguments: [(0, true), (1, true), (4, true), (5, false), (100, false)])
    func toleratesAFewEmptyLines(_ count: Int, _ isAccepted: Bool) {
        let text = String(repeating: "\r\n", count: count) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let reading = read(.request, text)
        #expect(reading.outcome == (isAccepted ? .complete(text.utf8.count) : .failed(.malformed)))
        if isAccepted {
            #expect(reading.methodName == "GET" && reading.target == "/")
            #expect(reading.fields == [.init("Host", "a", .host)])
        }
    }

    /// A client that speaks TLS, or nonsense, is answered at once and not after a timeout.
    @Test(arguments: ["\u{16}", "\u{00}", "GET /\u{00}", "GET / HTTP/1.1\r\nHost: a\u{01}", "\n"])
    func refusesControlCharactersBeforeTheLineEnds(_ text: String) {
        #expect(read(.request, text).outcome == .failed(.malformed))
    }

    @Test(arguments: [
        "", "G", "GET / HTTP/1.1", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r",
        "\r\n\r\n\r",
    ])
    func waitsForTheRest(_ text: String) {
        #expect(read(.request, text).outcome == .incomplete)
    }

    @Test func forgetsTheLastMessage() throws {
        let used = MessageHead()
        let first =
            "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n"
        _ = raw(first).withUnsafeBytes { used.parseRequest($0, limit: roomyLimit) }
        #expect(used.saysClose && used.expectsContinue && used.nominatesFields)
        used.reset()
        #expect(used.bytes.isEmpty && used.fieldCount == 0 && used.hostIndex == -1)
        #expect(used.first(.contentLength) == nil && used.statedLength == nil)
        let text = "GET / HTTP/1.1\r\nHost: b\r\n\r\n"
        let progress = raw(text).withUnsafeBytes { used.parseRequest($0, limit: roomyLimit) }
        #expect(Reading(used, progress) == read(.request, text))
        // A failed message leaves nothing behind either.
        used.reset()
        _ = raw("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nbad\r\n").withUnsafeBytes {
            used.parseRequest($0, limit: roomyLimit)
        }
        used.reset()
        let again = raw(text).withUnsafeBytes { used.parseRequest($0, limit: roomyLimit) }
        #expect(Reading(used, again) == read(.request, text))
    }

    /// HTTP/1.0 knows no expectations (RFC 9110 section 10.1.1).
    @Test(arguments: [("1.0", false), ("1.1", true)]) func expectsOnlyInVersion11(_ version: String, _ expected: Bool) {
        let head = MessageHead()
        _ = raw("GET / HTTP/\(version)\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n").withUnsafeBytes {
            head.parseRequest($0, limit: roomyLimit)
        }
        #expect(head.expectsContinue == expected)
    }

    /// The log shows the request line of a message whose fields were refused, and nothing of one without.
    @Test func keepsTheRequestLineOfARefusedMessage() {
        let refused = MessageHead()
        _ = raw("GET /path HTTP/1.1\r\nHost : a\r\n\r\n").withUnsafeBytes {
            refused.parseRequest($0, limit: roomyLimit)
        }
        #expect(shown(refused.slice(refused.methodName)) == "GET")
        #expect(shown(refused.slice(refused.target)) == "/path")
        let hopeless = MessageHead()
        _ = raw("GET\r\n\r\n").withUnsafeBytes { hopeless.parseRequest($0, limit: roomyLimit) }
        #expect(hopeless.slice(hopeless.target).isEmpty)
    }

    @Test(arguments: [
        ("GET", Method.get, true), ("HEAD", .head, true), ("POST", .post, false), ("PUT", .put, true),
        ("DELETE", .delete, true), ("PATCH", .patch, false), ("OPTIONS", .options, true), ("CONNECT", .connect, false),
        ("TRACE", .trace, true), ("get", .other, false), ("Get", .other, false), ("GETT", .other, false),
        ("GE", .other, false), ("POSTS", .other, false), ("PROPFIND", .other, false), ("", .other, false),
    ])
    func knowsMethods(_ name: String, _ expected: Method, _ isIdempotent: Bool) {
        #expect(raw(name).withUnsafeBytes { Method($0) } == expected)
        #expect(expected.isIdempotent == isIdempotent)
    }
}
