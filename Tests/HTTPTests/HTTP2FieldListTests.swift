import Base
import HTTP
import Testing

/// What goes on to the next hop over HTTP/2: the same as `HeadWriter` writes, in the other syntax.
struct HTTP2FieldListTests {
    /// The fields as a server receives them, without the pseudo-header fields that every request has.
    static func forwarded(
        _ text: String, _ change: (inout RequestForwarding) -> Void = { _ in }
    ) throws -> [String] {
        let pair = HTTP2Pair(seed: 1)
        let message = try head(.request, text)
        var forwarding = RequestForwarding(
            framing: message.framing, target: message.slice(message.target), host: message.value(message.hostIndex))
        forwarding.isSecure = true
        change(&forwarding)
        let list = pair.client.session.fieldList()
        list.request(message, forwarding, scheme: "http")
        _ = pair.client.session.openStream(list, method: message.method, endsStream: false)
        pair.settle()
        let received = try #require(pair.server.streams[1]).head
        return ["\(shown(received.slice(received.methodName))) \(shown(received.slice(received.target)))"]
            + (0..<received.fieldCount).map { "\(shown(received.name($0)))=\(shown(received.value($0)))" }
    }

    @Test func requestsKeepWhatIsTheirs() throws {
        let fields = try Self.forwarded(
            "POST /a?b HTTP/1.1\r\nHost: h:80\r\nAccept: */*\r\nX-A: \r\nContent-Length: 3\r\nUser-Agent: u\r\n\r\n")
        #expect(
            fields == [
                "POST /a?b", "host=h:80", "accept=*/*", "x-a=", "user-agent=u", "via=1.1 sluice",
                "x-forwarded-proto=https", "x-forwarded-host=h:80", "content-length=3",
            ])
    }

    @Test func whatEndsAtThisHopIsLeftOut() throws {
        let fields = try Self.forwarded(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-A\r\nX-A: 1\r\nKeep-Alive: a\r\nUpgrade: b\r\nTE: gzip, Trailers\r\n"
                + "Proxy-Connection: c\r\nX-Sluice-B: d\r\nX-Forwarded-For: e\r\nForwarded: f\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        #expect(
            fields == [
                "GET /", "host=h", "te=trailers", "via=1.1 sluice", "x-forwarded-proto=https", "x-forwarded-host=h",
            ])
    }

    @Test func policiesAreApplied() throws {
        let text =
            "GET / HTTP/1.1\r\nHost: h:1\r\nAuthorization: a\r\nX-Forwarded-For: b\r\nX-Request-ID: c\r\nTraceparent: d\r\n\r\n"
        let fields = try Self.forwarded(text) {
            $0.clientAddress = staticBytes("10.0.0.1")
            $0.isTrusted = true
            $0.keepsAuthorization = false
            $0.requestID = staticBytes("id")
            $0.mirrorRoute = staticBytes("r")
        }
        #expect(
            fields == [
                "GET /", "host=h-shadow:1", "traceparent=d", "via=1.1 sluice", "x-forwarded-for=b, 10.0.0.1",
                "x-forwarded-proto=https", "x-forwarded-host=h:1", "x-request-id=id", "x-sluice-mirror=r",
            ])
        #expect(try Self.forwarded(text).contains("authorization=a"))
    }

    @Test func answersKeepWhatIsTheirs() throws {
        let cases: [(String, BodyFraming, String)] = [
            ("HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 3\r\n\r\n", .length(3), "200 server=a content-length=3"),
            ("HTTP/1.1 200 OK\r\nConnection: close, a\r\nA: b\r\nDate: c\r\n\r\n", .close, "200 date=c"),
            ("HTTP/1.1 304 N\r\nContent-Length: 5\r\nX-Sluice-A: b\r\n\r\n", .none, "304 content-length=5"),
            ("HTTP/1.1 204 N\r\nContent-Length: 0\r\n\r\n", .none, "204"),
            ("HTTP/1.1 200 N\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n", .chunked, "200 trailer=T"),
        ]
        for (text, framing, expected) in cases {
            let pair = HTTP2Pair(seed: 2)
            _ = pair.client.request("HEAD", ends: true)
            pair.settle()
            let list = pair.server.session.fieldList()
            list.answer(try head(.answer, text), framing: framing)
            pair.server.session.answer(try #require(pair.server.streams[1]), list, endsStream: true)
            pair.settle()
            #expect(pair.client.log.first == "head 1 \(expected) [none]")
        }
    }

    @Test func trailersAreOnlyTrailers() throws {
        let pair = HTTP2Pair(seed: 3)
        _ = pair.client.request(ends: true)
        pair.settle()
        let stream = try #require(pair.server.streams[1])
        pair.server.answer(stream)
        let list = pair.server.session.fieldList()
        list.trailers(
            try {
                let head = MessageHead()
                let text = raw("Grpc-Status: 0\r\nContent-Length: 5\r\nAuthorization: a\r\nDate: b\r\nHost: c\r\n\r\n")
                let progress = text.withUnsafeBytes { head.parseTrailers($0, limit: roomyLimit) }
                guard case .complete = progress else { throw MessageError(.malformed, "not complete") }
                return head
            }())
        pair.server.session.finish(stream, trailers: list)
        pair.settle()
        #expect(pair.client.log.contains("trailers 1 grpc-status=0 date=b"))
    }
}
