import Base
import HTTP
import Testing

/// What an answer looks like to the client, byte by byte.
struct ResponseWriterTests {
    static func written(
        _ text: String, to method: Method = .get, framing: BodyFraming? = nil, minorVersion: UInt8 = 1,
        keepsOpen: Bool = true
    ) throws -> String {
        let answer = try head(.answer, text)
        try answer.frameResponse(to: method)
        var out = ByteBuffer()
        HeadWriter.response(
            answer, framing: framing ?? answer.framing, minorVersion: minorVersion, keepsOpen: keepsOpen, into: &out)
        return shown(out.bytes)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("HTTP/1.0 200 OK\r\ncontent-length: 05\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("HTTP/1.1 503 gr\u{FC}n x\r\n\r\n", "HTTP/1.1 503 gr\u{FC}n x\r\n\r\n"),
        ("HTTP/1.1 204 No\r\nContent-Length: 0\r\nA: b\r\n\r\n", "HTTP/1.1 204 No\r\nA: b\r\n\r\n"),
        ("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 204 No\r\n\r\n"),
        (
            "HTTP/1.1 304 Not\r\nContent-Length: 7\r\nETag: \"a\"\r\n\r\n",
            "HTTP/1.1 304 Not\r\nETag: \"a\"\r\nContent-Length: 7\r\n\r\n"
        ),
        ("HTTP/1.1 304 Not\r\n\r\n", "HTTP/1.1 304 Not\r\n\r\n"),
        (
            "HTTP/1.1 200 OK\r\nA:b \r\nVia: 1.1 x\r\nDate: d\r\nSet-Cookie: 1\r\nSet-Cookie: 2\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA:b\r\nVia: 1.1 x\r\nDate: d\r\nSet-Cookie: 1\r\nSet-Cookie: 2\r\nContent-Length: 0\r\n\r\n"
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: close, X\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nx: 1\r\ny: 2\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ny: 2\r\nContent-Length: 0\r\n\r\n"
        ),
        ("HTTP/1.1 204 No\r\nX-Sluice-Cause: mine\r\nA: b\r\n\r\n", "HTTP/1.1 204 No\r\nA: b\r\n\r\n"),
        (
            "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
        ),
    ])
    func passesAnswersOn(_ text: String, _ expected: String) throws {
        #expect(try Self.written(text) == expected)
    }

    @Test(arguments: [
        ("Content-Length: 5\r\n", "Content-Length: 5\r\n"), ("Transfer-Encoding: chunked\r\n", ""), ("", ""),
    ])
    func statesTheLengthOfWhatHEADLeavesOut(_ lines: String, _ expected: String) throws {
        let text = try Self.written("HTTP/1.1 200 OK\r\n" + lines + "\r\n", to: .head)
        #expect(text == "HTTP/1.1 200 OK\r\n" + expected + "\r\n")
    }

    /// RFC 9112 section 9.3: 1.1 goes on unless it says close, 1.0 ends unless it says keep-alive.
    @Test(
        arguments: [
            (1, true, ""), (1, false, "Connection: close\r\n"), (0, true, "Connection: keep-alive\r\n"),
            (0, false, "Connection: close\r\n"),
        ]
            as [(UInt8, Bool, String)])
    func saysWhetherTheConnectionGoesOn(_ minor: UInt8, _ keepsOpen: Bool, _ expected: String) throws {
        let text = try Self.written(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", minorVersion: minor,
            keepsOpen: keepsOpen)
        #expect(text == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + expected + "\r\n")
    }

    @Test func reframes() throws {
        let answer = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
        #expect(
            try Self.written(answer, framing: .chunked)
                == "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        let closed = try Self.written(chunked, framing: .close, minorVersion: 0, keepsOpen: false)
        #expect(closed == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    }

    @Test func interimAnswersSayNothingOfTheConnection() throws {
        let answer = try head(
            .answer,
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close, x\r\nX: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        var out = ByteBuffer()
        HeadWriter.interim(answer, into: &out)
        #expect(shown(out.bytes) == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        out.removeAll()
        HeadWriter.interim(try head(.answer, "HTTP/1.1 100 Continue\r\n\r\n"), into: &out)
        #expect(shown(out.bytes) == "HTTP/1.1 100 Continue\r\n\r\n")
    }

    /// RFC 9110 section 6.5.1.
    @Test func trailersHoldNothingThatFramesOrRoutes() throws {
        let lines = FieldNameTests.table.map { "\($0.0): 1" } + ["grpc-status: 0", "X-Checksum:a "]
        // One of each would be refused while parsing, so the two that are looked into go alone.
        let taken = lines.filter { !$0.hasPrefix("Transfer-Encoding") }
        let section = try head(.trailers, taken.joined(separator: "\r\n") + "\r\n\r\n")
        var out = ByteBuffer()
        HeadWriter.trailers(section, into: &out)
        #expect(shown(out.bytes) == "0\r\nDate: 1\r\ngrpc-status: 0\r\nX-Checksum:a\r\n\r\n")
        out.removeAll()
        HeadWriter.trailers(nil, into: &out)
        #expect(shown(out.bytes) == "0\r\n\r\n")
        out.removeAll()
        HeadWriter.trailers(try head(.trailers, "Transfer-Encoding: chunked\r\n\r\n"), into: &out)
        #expect(shown(out.bytes) == "0\r\n\r\n")
    }

    @Test func literalsAreTheirBytes() {
        #expect(shown(staticBytes("a\r\n")) == "a\r\n")
        #expect(staticBytes("").isEmpty)
    }
}
