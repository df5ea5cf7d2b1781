import Base
import HTTP
import Testing

/// What a request looks like at the next hop, byte by byte.
struct RequestWriterTests {
    struct Forwarding {
        var framing: BodyFraming?
        var target = "/t"
        var host = "h"
        var client = ""
        var isTrusted = false
        var keepsAuthorization = true
        var requestID: String?
        var traceparent: String?
        var mirror: String?
    }

    /// The forwarded head without its method and the lines that are the same for all.
    static func written(_ lines: String, _ forwarding: Forwarding = Forwarding()) throws -> String {
        let parsed = try head(.request, "GET /x HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n")
        var out = ByteBuffer()
        // The bytes have to live as long as they are pointed at.
        let texts = [
            forwarding.target, forwarding.host, forwarding.client, forwarding.requestID ?? "",
            forwarding.traceparent ?? "",
            forwarding.mirror ?? "",
        ].map(raw)
        texts[0].withUnsafeBytes { target in
            texts[1].withUnsafeBytes { host in
                texts[2].withUnsafeBytes { client in
                    texts[3].withUnsafeBytes { requestID in
                        texts[4].withUnsafeBytes { traceparent in
                            texts[5].withUnsafeBytes { mirror in
                                var native = RequestForwarding(
                                    framing: forwarding.framing ?? parsed.framing, target: target, host: host)
                                native.clientAddress = client
                                native.isTrusted = forwarding.isTrusted
                                native.keepsAuthorization = forwarding.keepsAuthorization
                                if forwarding.requestID != nil { native.requestID = requestID }
                                if forwarding.traceparent != nil { native.traceparent = traceparent }
                                if forwarding.mirror != nil { native.mirrorRoute = mirror }
                                HeadWriter.request(parsed, native, into: &out)
                            }
                        }
                    }
                }
            }
        }
        return shown(out.bytes)
    }

    static let end = "Via: 1.1 sluice\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n"

    @Test func writesAWholeHead() throws {
        var forwarding = Forwarding()
        forwarding.target = "/v2/models/m/infer?q"
        forwarding.client = "192.0.2.1"
        forwarding.requestID = "id-1"
        forwarding.traceparent = "00-ab-cd-01"
        forwarding.framing = .length(1_234_567_890)
        let text = try Self.written(
            "Accept: */*\r\nInference-Header-Content-Length: 77\r\nX-Request-Id: old\r\nTraceparent: older\r\n",
            forwarding)
        #expect(
            text == """
                GET /v2/models/m/infer?q HTTP/1.1\r
                Host: h\r
                Accept: */*\r
                Inference-Header-Content-Length: 77\r
                Via: 1.1 sluice\r
                X-Forwarded-For: 192.0.2.1\r
                X-Forwarded-Proto: http\r
                X-Forwarded-Host: h\r
                x-request-id: id-1\r
                traceparent: 00-ab-cd-01\r
                Content-Length: 1234567890\r
                \r

                """)
    }

    @Test(arguments: [
        ("", ""), ("Content-Length: 5\r\n", "Content-Length: 5\r\n"),
        ("Content-Length: 0\r\n", "Content-Length: 0\r\n"),
        ("content-length: 0005\r\n", "Content-Length: 5\r\n"),
        ("Transfer-Encoding: Chunked\r\n", "Transfer-Encoding: chunked\r\n"),
    ])
    func statesOneFraming(_ lines: String, _ expected: String) throws {
        #expect(try Self.written(lines) == "GET /t HTTP/1.1\r\nHost: h\r\n" + Self.end + expected + "\r\n")
    }

    @Test(arguments: [
        // Kept as written, but for white space behind the value.
        ("A: b\r\n", "A: b\r\n"), ("a:b\r\n", "a:b\r\n"), ("A:  \tb c \t\r\n", "A:  \tb c\r\n"), ("A:\r\n", "A:\r\n"),
        ("A:  \r\n", "A:\r\n"),
        ("A: 1\r\nB: 2\r\nA: 3\r\n", "A: 1\r\nB: 2\r\nA: 3\r\n"), ("A: \u{E9}\r\n", "A: \u{E9}\r\n"),
        ("Cookie: a\r\n", "Cookie: a\r\n"),
        ("Expect: 100-continue\r\n", "Expect: 100-continue\r\n"), ("Via: 1.0 x\r\n", "Via: 1.0 x\r\n"),
        ("Trailer: x\r\n", "Trailer: x\r\n"),
        ("User-Agent: x\r\nDate: y\r\n", "User-Agent: x\r\nDate: y\r\n"),
        ("Authorization: Basic x\r\n", "Authorization: Basic x\r\n"),
        (
            "X-Request-ID: a\r\nTraceparent: b\r\nTracestate: c\r\n",
            "X-Request-ID: a\r\nTraceparent: b\r\nTracestate: c\r\n"
        ),
        // Hop by hop (RFC 9110 section 7.6.1).
        ("Connection: keep-alive\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\n", ""),
        ("Connection: A, b\r\na: 1\r\nB: 2\r\nC: 3\r\n", "C: 3\r\n"), ("Connection: close, via\r\nVia: 1.1 x\r\n", ""),
        ("A: 1\r\nConnection: a\r\n", ""), ("Connection: expect\r\nExpect: 100-continue\r\n", ""),
        ("Connection: content-length, transfer-encoding, host\r\nA: b\r\n", "A: b\r\n"),
        // What only the gateway says.
        ("X-Sluice-Mirror: x\r\nx-sluice-cause: y\r\n", ""),
        ("Forwarded: for=a\r\nX-Forwarded-For: 1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n", ""),
    ])
    func passesFieldsOn(_ lines: String, _ expected: String) throws {
        #expect(try Self.written(lines) == "GET /t HTTP/1.1\r\nHost: h\r\n" + expected + Self.end + "\r\n")
    }

    @Test func nominatedFramingStays() throws {
        let chunked = try Self.written("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n")
        #expect(chunked == "GET /t HTTP/1.1\r\nHost: h\r\n" + Self.end + "Transfer-Encoding: chunked\r\n\r\n")
        let counted = try Self.written("Connection: content-length, host\r\nContent-Length: 9\r\n")
        #expect(counted == "GET /t HTTP/1.1\r\nHost: h\r\n" + Self.end + "Content-Length: 9\r\n\r\n")
    }

    @Test func dropsWhatTheGatewayHasUsed() throws {
        var forwarding = Forwarding()
        forwarding.keepsAuthorization = false
        let text = try Self.written("Authorization: Basic x\r\nProxy-Authorization: y\r\n", forwarding)
        #expect(text == "GET /t HTTP/1.1\r\nHost: h\r\nProxy-Authorization: y\r\n" + Self.end + "\r\n")
    }

    static let forwarded =
        "X-Forwarded-For: 1.1.1.1\r\nForwarded: for=x\r\nx-forwarded-for: 2.2.2.2\r\nX-Forwarded-Proto: https\r\n"
        + "X-Forwarded-Host:\r\nX-Forwarded-For: \r\n"

    @Test func believesTrustedPeers() throws {
        var forwarding = Forwarding()
        forwarding.isTrusted = true
        forwarding.client = "10.0.0.1"
        #expect(
            try Self.written(Self.forwarded, forwarding)
                == "GET /t HTTP/1.1\r\nHost: h\r\nForwarded: for=x\r\nVia: 1.1 sluice\r\n"
                + "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.1\r\nX-Forwarded-Proto: https, http\r\nX-Forwarded-Host: h\r\n\r\n"
        )
    }

    @Test func replacesWhatOthersSay() throws {
        var forwarding = Forwarding()
        forwarding.client = "10.0.0.1"
        #expect(
            try Self.written(Self.forwarded, forwarding)
                == "GET /t HTTP/1.1\r\nHost: h\r\nVia: 1.1 sluice\r\n"
                + "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n\r\n")
    }

    @Test(arguments: [
        ("h", "h-shadow"), ("h:80", "h-shadow:80"), ("h:", "h-shadow:"), ("a.b.c:8000", "a.b.c-shadow:8000"),
        ("127.0.0.1:1", "127.0.0.1-shadow:1"),
    ])
    func namesCopiesForMirrors(_ host: String, _ expected: String) throws {
        var forwarding = Forwarding()
        forwarding.host = host
        forwarding.mirror = "infer"
        let text = try Self.written("Expect: 100-continue\r\nX-Sluice-Mirror: mine\r\nA: b\r\n", forwarding)
        // Nobody waits for the 100 of a copy; the host the client named stays visible.
        #expect(
            text == "GET /t HTTP/1.1\r\nHost: \(expected)\r\nA: b\r\nVia: 1.1 sluice\r\nX-Forwarded-Proto: http\r\n"
                + "X-Forwarded-Host: \(host)\r\nx-sluice-mirror: infer\r\n\r\n")
    }

    /// Whatever becomes of an IPv6 literal, the copy's `Host` has to be one (RFC 3986 section 3.2.2).
    @Test(arguments: ["[::1]", "[::1]:80", "[2001:db8::1]:8000", "127.0.0.1", "h:80"])
    func copiesHaveAProperHost(_ host: String) throws {
        var forwarding = Forwarding()
        forwarding.host = host
        forwarding.mirror = "r"
        let copy = try head(.request, try Self.written("", forwarding))
        #expect(copy.first(.host).map { HostValue.name(copy.value($0)) != nil } == true, "\(shown(copy.value(0)))")
    }

    /// A field without a value says less than none.
    @Test func writesNoEmptyForwardingFields() throws {
        var forwarding = Forwarding()
        forwarding.isTrusted = true
        forwarding.host = ""
        let text = try Self.written("", forwarding)
        #expect(!text.contains("X-Forwarded-For:") && !text.contains("X-Forwarded-Host:"))
    }
}
