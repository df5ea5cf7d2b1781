import HTTP
import Testing

/// RFC 9112 sections 6.1 to 6.3, and what section 11.2 warns of.
struct RequestFramingTests {
    static func request(_ lines: String, version: String = "1.1") -> Reading {
        read(.request, "POST / HTTP/\(version)\r\nHost: a\r\n" + lines + "\r\n")
    }

    @Test(arguments: [
        ("", BodyFraming.none), ("Content-Length: 0\r\n", .length(0)), ("Content-Length: 5\r\n", .length(5)),
        ("content-length:5\r\n", .length(5)), ("Content-Length: \t5 \t\r\n", .length(5)),
        ("Content-Length: 0005\r\n", .length(5)),
        ("Content-Length: 999999999999999999\r\n", .length(999_999_999_999_999_999)),
        ("Content-Length: 000000000000000000\r\n", .length(0)),
        ("Transfer-Encoding: chunked\r\n", .chunked), ("transfer-ENCODING: CHUNKED\r\n", .chunked),
        ("Transfer-Encoding:chunked \t\r\n", .chunked), ("Content-Lengths: 5\r\nContent-Length-: 6\r\n", .none),
        ("TE: trailers\r\n", .none),
    ])
    func frames(_ lines: String, _ expected: BodyFraming) {
        let reading = Self.request(lines)
        #expect(reading.kind == nil)
        #expect(reading.framing == expected)
    }

    @Test(arguments: [
        "", "+5", "-5", "5,", "5, 5", "5,5", "5, 6", "5 5", "0x5", "5.0", "5e1", "1_000", "\u{0665}", "five", "5\u{0B}",
        "9999999999999999999", "18446744073709551616", "00000000000000000005", "5;", "\"5\"", "\u{B2}",
    ])
    func refusesLengths(_ value: String) {
        #expect(Self.request("Content-Length: \(value)\r\n").outcome == .failed(.malformed))
        let answer = read(.answer, "HTTP/1.1 200 OK\r\nContent-Length: \(value)\r\n\r\n")
        #expect(answer.outcome == .failed(.malformed))
    }

    @Test(arguments: [
        // Two ways to find the end of the body.
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nX: y\r\ncontent-length: 0\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 0\r\nX: y\r\nCONTENT-LENGTH: 0\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        // Codings that do not end in one chunked.
        "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked, chunked\r\n", "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding:\r\n",
        "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunkedx\r\n", "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked;q=1\r\n", "Transfer-Encoding: chunked x\r\n", "Transfer-Encoding: x chunked\r\n",
        "Transfer-Encoding: \u{0B}chunked\r\n", "Transfer-Encoding: chunked\u{00}\r\n",
        "Transfer-Encoding: ch\u{212A}unked\r\n",
        "Transfer-Encoding: chunke\r\n", "Transfer-Encoding\u{00}: chunked\r\n", "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
    ])
    func refuses(_ lines: String) {
        #expect(Self.request(lines).outcome == .failed(.malformed))
    }

    /// RFC 9112 section 6.1: a coding that is not understood is answered 501.
    @Test(arguments: ["gzip, chunked", "x, y, Chunked", "identity, chunked", ",chunked", "chunked,"])
    func knowsNoOtherCodings(_ value: String) {
        #expect(Self.request("Transfer-Encoding: \(value)\r\n").outcome == .failed(.notImplemented))
    }

    /// RFC 9112 section 6.1: framing in an HTTP/1.0 message with Transfer-Encoding is faulty.
    @Test func oldMessagesAreNotChunked() throws {
        #expect(Self.request("Transfer-Encoding: chunked\r\n", version: "1.0").outcome == .failed(.malformed))
        #expect(Self.request("Content-Length: 5\r\n", version: "1.0").framing == .length(5))
        let answer = try head(.answer, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(throws: MessageError.self) { try answer.frameResponse(to: .get) }
    }

    // MARK: Limits

    /// A head of exactly `length` bytes.
    static func sized(_ length: Int) -> String {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        return text + String(repeating: "x", count: length - text.utf8.count - 4) + "\r\n\r\n"
    }

    @Test func headsMayBeAsLongAsTheLimit() {
        #expect(read(.request, Self.sized(200), limit: 200).outcome == .complete(200))
        #expect(read(.request, Self.sized(201), limit: 200).outcome == .failed(.headTooLarge))
        #expect(read(.request, Self.sized(400), limit: 200).outcome == .failed(.headTooLarge))
        // What follows the head is not the head's.
        #expect(
            read(.request, Self.sized(200) + String(repeating: "b", count: 300), limit: 200).outcome == .complete(200))
    }

    @Test func endlessHeadsAreRefusedBeforeTheyEnd() {
        let line = "GET /" + String(repeating: "a", count: 300)
        #expect(read(.request, line, limit: 200).outcome == .failed(.targetTooLong))
        #expect(read(.request, line + " HTTP/1.1\r\nHost: a\r\n\r\n", limit: 200).outcome == .failed(.targetTooLong))
        #expect(read(.answer, "HTTP/1.1 200 " + String(repeating: "a", count: 300), limit: 200).kind == .targetTooLong)
        let field = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 300)
        #expect(read(.request, field, limit: 200).outcome == .failed(.headTooLarge))
        #expect(
            read(.trailers, "X: " + String(repeating: "a", count: 300), limit: 200).outcome == .failed(.headTooLarge))
        let names = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "a: b\r\n", count: 60)
        #expect(read(.request, names, limit: 200).outcome == .failed(.headTooLarge))
    }

    @Test func headsMayHave128Fields() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        #expect(MessageHead.maxFields == 128)
        let full = read(.request, start + String(repeating: "a: b\r\n", count: 127) + "\r\n")
        #expect(full.fields.count == 128 && full.kind == nil)
        let over = read(.request, start + String(repeating: "a: b\r\n", count: 128) + "\r\n")
        #expect(over.outcome == .failed(.headTooLarge))
        #expect(
            read(.answer, "HTTP/1.1 200 OK\r\n" + String(repeating: "a:\r\n", count: 129) + "\r\n").kind
                == .headTooLarge)
    }

    @Test func trailersAreFieldsUpToAnEmptyLine() {
        let reading = read(.trailers, "A: b\r\nDate: c\r\n\r\nGET /")
        #expect(reading.outcome == .complete(17))
        #expect(reading.fields == [.init("A", "b"), .init("Date", "c", .date)])
        #expect(read(.trailers, "\r\n").outcome == .complete(2))
        #expect(read(.trailers, "").outcome == .incomplete)
        #expect(read(.trailers, "\r").outcome == .incomplete)
        #expect(read(.trailers, "GET / HTTP/1.1\r\n\r\n").outcome == .failed(.malformed))
    }
}
