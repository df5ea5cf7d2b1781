import Base
import HTTP
import Testing

/// What may be a request (RFC 9113 section 8), and what it becomes.
struct HTTP2RequestRulesTests {
    struct Bad: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var fields: [(String, String)]

        init(_ description: String, _ fields: [(String, String)]) {
            testDescription = description
            self.fields = fields
        }

        /// A good request with one field changed.
        init(_ name: String, _ value: String) {
            self.init(
                "\(name)=\(value.debugDescription)", requestFields().map { $0.0 == name ? (name, value) : $0 })
        }

        /// A good request with more fields.
        init(with more: [(String, String)]) {
            self.init("\(more)", requestFields("POST", more))
        }
    }

    static let values: [Bad] = [
        Bad(":method", ""), Bad(":method", "G T"), Bad(":method", "GET\r\n"), Bad(":method", "G\u{00}"),
        Bad(":method", "GET /x HTTP/1.1\r\nHost: a"), Bad(":method", "G(T"), Bad(":method", "G\u{E9}T"),
        Bad(":scheme", ""), Bad(":scheme", "ftp"), Bad(":scheme", "http "), Bad(":scheme", "h\r\n"),
        Bad(":path", ""), Bad(":path", "a"), Bad(":path", "*"), Bad(":path", "/ b"), Bad(":path", "/\tb"),
        Bad(":path", "/a HTTP/1.1\r\nX: y"), Bad(":path", "/\r\n"), Bad(":path", "/\u{00}"), Bad(":path", "/#a"),
        Bad(":path", "/\u{E9}"), Bad(":path", "/\u{7F}"), Bad(":path", "http://h/"), Bad(":path", "?a"),
        Bad(":authority", ""), Bad(":authority", "a b"), Bad(":authority", "u@h"), Bad(":authority", "h:x"),
        Bad(":authority", "h/p"), Bad(":authority", "h\r\nX: y"), Bad(":authority", "h:123456"),
        Bad(":authority", "[::1"), Bad(":authority", "h,i"), Bad(":authority", " h"),
    ]

    static let pseudoFields: [Bad] = {
        var bad: [Bad] = []
        for name in [":method", ":scheme", ":path", ":authority"] {
            let others = requestFields().filter { $0.0 != name }
            let one = requestFields().filter { $0.0 == name }
            bad.append(Bad("no \(name)", others))
            bad.append(Bad("\(name) twice", requestFields() + one))
            bad.append(Bad("\(name) behind a field", others + [("a", "b")] + one))
        }
        return bad
    }()

    static let fields: [Bad] = [
        Bad(with: [(":status", "200")]), Bad(with: [(":protocol", "websocket")]), Bad(with: [(":other", "a")]),
        Bad("unknown pseudo-header field", [(":a", "b")] + requestFields()),
        Bad("a status", [(":status", "200")] + requestFields()),
        Bad("extended CONNECT", [(":protocol", "websocket")] + requestFields("CONNECT")),
        Bad(with: [("host", "i")]), Bad(with: [("host", "")]), Bad(with: [("host", "h"), ("host", "h")]),
        Bad("two Hosts", requestFields().filter { $0.0 != ":authority" } + [("host", "h"), ("host", "h")]),
        Bad(with: [("Name", "a")]), Bad(with: [("na me", "a")]), Bad(with: [("", "a")]), Bad(with: [("a:", "b")]),
        Bad(with: [("a\r\nb", "c")]), Bad(with: [("a\u{00}", "c")]), Bad(with: [("a\u{E9}", "c")]),
        Bad(with: [("a", "b\r\nc: d")]), Bad(with: [("a", "b\rc")]), Bad(with: [("a", "b\nc")]),
        Bad(with: [("a", "b\u{00}c")]), Bad(with: [("a", "\u{7F}")]), Bad(with: [("a", "\u{01}")]),
        Bad(with: [("a", " b")]), Bad(with: [("a", "b ")]), Bad(with: [("a", "\tb")]), Bad(with: [("a", "b\t")]),
        Bad(with: [("connection", "close")]), Bad(with: [("connection", "x-a")]),
        Bad(with: [("keep-alive", "a")]), Bad(with: [("proxy-connection", "keep-alive")]),
        Bad(with: [("transfer-encoding", "chunked")]), Bad(with: [("transfer-encoding", "identity")]),
        Bad(with: [("upgrade", "h2c")]), Bad(with: [("te", "gzip")]), Bad(with: [("te", "trailers, gzip")]),
        Bad(with: [("content-length", "")]), Bad(with: [("content-length", "+5")]),
        Bad(with: [("content-length", "-5")]), Bad(with: [("content-length", "5, 5")]),
        Bad(with: [("content-length", "5"), ("content-length", "5")]), Bad(with: [("content-length", "0x5")]),
        Bad(with: [("content-length", "1000000000000000000")]), Bad(with: [("content-length", "5 5")]),
    ]

    static let malformed = values + pseudoFields + fields

    /// A malformed request is a stream error (RFC 9113 section 8.1.1): the owner never hears of it, and the connection
    /// goes on.
    @Test(arguments: malformed) func malformedIsReset(_ bad: Bad) {
        for ends in [true, false] {
            let peer = HTTP2Peer.server()
            peer.feed(Frame.headers(1, bad.fields, ends: ends))
            let frames = peer.frames()
            #expect(frames.resets == [[1, 1]], "\(frames)")
            #expect(frames.goaways.isEmpty)
            peer.feed(Frame.headers(3, requestFields(), ends: true))
            #expect(peer.takeLog() == ["head 3 GET / host=h [none]", "end 3"])
        }
    }

    @Test func goodBecomesNeutral() {
        let cases: [([(String, String)], Bool, String)] = [
            (requestFields(), true, "GET / host=h [none]"),
            (requestFields("POST"), false, "POST / host=h [close]"),
            (requestFields("POST", [("content-length", "0")]), true, "POST / host=h content-length=0 [length(0)]"),
            (requestFields("POST", [("content-length", "7")]), false, "POST / host=h content-length=7 [length(7)]"),
            (
                [(":path", "/a?b=%20"), (":authority", "[::1]:80"), (":method", "X-Y"), (":scheme", "https")], true,
                "X-Y /a?b=%20 host=[::1]:80 [none]"
            ),
            (
                [(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), ("host", "i:1")], true,
                "OPTIONS * host=i:1 [none]"
            ),
            (requestFields("GET", [("host", "H")]), true, "GET / host=h [none]"),
            (requestFields("GET", [("te", "trailers"), ("a", "")]), true, "GET / host=h te=trailers a= [none]"),
            (
                requestFields("GET", [("cookie", "a=1"), ("x", "\u{E9} \t,"), ("cookie", "b=2"), ("cookie", "c")]),
                true,
                "GET / host=h x=\u{E9} \t, cookie=a=1; b=2; c [none]"
            ),
            ([(":method", "CONNECT"), (":authority", "h:443")], false, "CONNECT h:443 host=h:443 [close]"),
        ]
        let peer = HTTP2Peer.server()
        var id: Int32 = 1
        for (fields, ends, expected) in cases {
            peer.feed(Frame.headers(id, fields, ends: ends))
            #expect(peer.takeLog() == ["head \(id) \(expected)"] + (ends ? ["end \(id)"] : []))
            id += 2
        }
        #expect(peer.frames().filter { $0.type != HTTP2FrameType.settings }.isEmpty)
    }

    @Test func neutralHeadIsWhatTheOtherReaderMakes() throws {
        let peer = HTTP2Peer.server()
        let more = [("x-request-id", "1"), ("expect", "100-continue"), ("x-sluice-a", "b"), ("authorization", "c")]
        peer.feed(Frame.headers(1, requestFields("POST", more + [("content-length", "3")])))
        let stream = try #require(peer.streams[1])
        let text =
            "POST / HTTP/1.1\r\nhost: h\r\nx-request-id: 1\r\nexpect: 100-continue\r\nx-sluice-a: b\r\nauthorization: c\r\n"
            + "content-length: 3\r\n\r\n"
        let twin = read(.request, text)
        var reading = Reading(stream.head, .complete(raw(text).count))
        #expect(reading == twin)
        // It is passed on as HTTP/1.1 in one piece.
        var out = ByteBuffer()
        let head = MessageHead()
        peer.session.moveHead(of: stream, to: head)
        HeadWriter.request(
            head,
            RequestForwarding(framing: head.framing, target: head.slice(head.target), host: head.value(head.hostIndex)),
            into: &out)
        reading = read(.request, Array(out.bytes))
        #expect(reading.outcome == .complete(out.count) && reading.framing == .length(3))
        peer.session.recycle(head)
    }

    // MARK: Bodies and trailers

    @Test func contentLengthHasToMatch() {
        let head = Frame.headers(1, requestFields("POST", [("content-length", "5")]))
        let bodies: [([UInt8], Bool)] = [
            (Frame.data(1, raw("hello"), ends: true), true),
            (Frame.data(1, raw("he")) + Frame.data(1, raw("llo")) + Frame.data(1, [], ends: true), true),
            (Frame.data(1, raw("hello")) + Frame.headers(1, [("a", "b")], ends: true), true),
            (Frame.data(1, raw("hell"), ends: true), false), (Frame.data(1, raw("hello!"), ends: true), false),
            (Frame.data(1, raw("hello!")), false), (Frame.data(1, [], ends: true), false),
            (Frame.data(1, raw("hell")) + Frame.headers(1, [("a", "b")], ends: true), false),
        ]
        for (body, isRight) in bodies {
            let peer = HTTP2Peer.server()
            peer.feed(head + body)
            let resets = peer.frames().resets
            let log = peer.takeLog()
            #expect(resets == (isRight ? [] : [[1, 1]]))
            #expect(log.contains("end 1") == isRight && log.contains("closed 1 1") == !isRight, "\(log)")
        }
        let peer = HTTP2Peer.server()
        peer.feed(Frame.headers(1, requestFields("POST", [("content-length", "5")]), ends: true))
        #expect(peer.frames().resets == [[1, 1]] && peer.log.isEmpty)
    }

    @Test func trailersFollowTheBody() {
        let peer = HTTP2Peer.server()
        peer.feed(Frame.headers(1, requestFields("POST")) + Frame.data(1, raw("ab")))
        peer.feed(Frame.headers(1, [("grpc-status", "0"), ("b", "")], ends: true))
        #expect(
            peer.takeLog() == ["head 1 POST / host=h [close]", "trailers 1 grpc-status=0 b=", "end 1"])
        #expect(peer.bodies[1] == raw("ab"))
    }

    @Test func badTrailersAreReset() {
        let bad: [([(String, String)], Bool)] = [
            ([(":path", "/")], true), ([(":status", "200")], true), ([("A", "b")], true), ([("a", "b\r\n")], true),
            ([("connection", "close")], true), ([("a", "b")], false),
        ]
        for (fields, ends) in bad {
            let peer = HTTP2Peer.server()
            peer.feed(Frame.headers(1, requestFields("POST")) + Frame.headers(1, fields, ends: ends))
            #expect(peer.frames().resets == [[1, 1]], "\(fields)")
            #expect(peer.takeLog().last == "closed 1 1")
        }
    }

    // MARK: Size

    /// Too large is for the owner to answer, and costs the client no connection.
    @Test func tooLargeIsAnswered() throws {
        var limits = HTTP2Limits()
        limits.headerListBytes = 1000
        // What a request with one more field takes beside that field's value.
        let other = requestFields("POST").reduce(0) { $0 + $1.0.count + $1.1.count + 32 } + 33
        for (size, isTaken) in [(1000 - other, true), (1001 - other, false)] {
            let peer = HTTP2Peer.server(limits)
            peer.feed(Frame.headers(1, requestFields("POST", [("a", String(repeating: "b", count: size))])))
            #expect(peer.takeLog().first?.hasPrefix(isTaken ? "head 1" : "refused 1") == true)
            guard !isTaken else { continue }
            let stream = try #require(peer.streams[1])
            #expect(stream.refusal?.kind == .headTooLarge)
            peer.feed(Frame.data(1, raw("body")))
            peer.answer(stream, 431, ends: true)
            let frames = peer.frames()
            #expect(frames.of(HTTP2FrameType.headers).count == 1 && frames.resets == [[1, 0]])
            #expect(peer.takeLog() == ["closed 1 0"] && peer.bodies.isEmpty)
            peer.feed(Frame.headers(3, requestFields(), ends: true))
            #expect(peer.takeLog().count == 2)
        }
    }

    @Test func moreFieldsThanFitAreRefused() {
        for (count, isTaken) in [(MessageHead.maxFields - 1, true), (MessageHead.maxFields, false)] {
            let peer = HTTP2Peer.server()
            peer.feed(Frame.headers(1, requestFields("GET", Array(repeating: ("a", "b"), count: count)), ends: true))
            #expect(peer.takeLog().first?.hasPrefix(isTaken ? "head 1" : "refused 1") == true)
        }
    }
}
