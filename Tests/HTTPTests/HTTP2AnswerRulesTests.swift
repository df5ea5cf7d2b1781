import Base
import HTTP
import Testing

/// What may be an answer (RFC 9113 section 8.3.2), seen by the client.
struct HTTP2AnswerRulesTests {
    static func answer(
        _ fields: [(String, String)], _ more: [UInt8] = [], ends: Bool = false, to method: String = "GET"
    )
        -> (log: [String], frames: [Frame.Sent])
    {
        let peer = HTTP2Peer.client()
        _ = peer.request(method, ends: true)
        _ = peer.frames()
        peer.feed(Frame.headers(1, fields, ends: ends) + more)
        let frames = peer.frames()
        return (peer.takeLog(), frames)
    }

    @Test func goodBecomesNeutral() {
        let cases: [([(String, String)], Bool, String, String)] = [
            ([(":status", "200")], false, "GET", "200 [close]"),
            ([(":status", "200")], true, "GET", "200 [length(0)]"),
            ([(":status", "200"), ("content-length", "3")], false, "GET", "200 content-length=3 [length(3)]"),
            ([(":status", "200"), ("content-length", "3")], true, "HEAD", "200 content-length=3 [none]"),
            ([(":status", "304"), ("content-length", "3")], true, "GET", "304 content-length=3 [none]"),
            ([(":status", "204")], true, "GET", "204 [none]"),
            ([(":status", "503"), ("grpc-status", "14")], true, "POST", "503 grpc-status=14 [length(0)]"),
            (
                [(":status", "200"), ("set-cookie", "a"), ("set-cookie", "b")], true, "GET",
                "200 set-cookie=a set-cookie=b [length(0)]"
            ),
        ]
        for (fields, ends, method, expected) in cases {
            let (log, frames) = Self.answer(fields, ends: ends, to: method)
            let over = ends ? ["end 1", "closed 1 0"] : []
            #expect(log == ["head 1 \(expected)"] + over)
            #expect(frames.resets.isEmpty)
        }
    }

    @Test func malformedIsReset() {
        let malformed: [[(String, String)]] = [
            [], [("a", "b")], [(":status", "20")], [(":status", "2000")], [(":status", "abc")], [(":status", "099")],
            [(":status", "600")], [(":status", "101")], [(":status", "")], [(":status", "200"), (":status", "200")],
            [("a", "b"), (":status", "200")], [(":status", "200"), (":path", "/")],
            [(":status", "200"), ("connection", "close")], [(":status", "200"), ("transfer-encoding", "chunked")],
            [(":status", "200"), ("upgrade", "a")], [(":status", "200"), ("A", "b")],
            [(":status", "200"), ("a", "b\r\nc: d")], [(":status", "200"), ("a", "b\u{00}")],
            [(":status", "200"), ("content-length", "a")],
            [(":status", "200"), ("content-length", "1"), ("content-length", "1")],
            [(":status", "204"), ("content-length", "1")], [(":status", "100"), ("content-length", "0")],
        ]
        for fields in malformed {
            let (log, frames) = Self.answer(fields)
            #expect(frames.resets == [[1, 1]], "\(fields)")
            #expect(log == ["closed 1 1"], "\(fields)")
        }
        #expect(Self.answer([(":status", "100")], ends: true).log == ["closed 1 1"])
        #expect(Self.answer([(":status", "200"), ("content-length", "1")], ends: true).log == ["closed 1 1"])
    }

    @Test func bodiesHaveToMatch() {
        let three = [(":status", "200"), ("content-length", "3")]
        #expect(Self.answer(three, Frame.data(1, raw("abc"), ends: true)).log.suffix(2) == ["end 1", "closed 1 0"])
        for body in ["ab", "abcd"] {
            #expect(Self.answer(three, Frame.data(1, raw(body), ends: true)).log.last == "closed 1 1")
        }
        // A body where none may be.
        #expect(Self.answer(three, Frame.data(1, raw("abc"), ends: true), to: "HEAD").log.last == "closed 1 1")
        #expect(Self.answer([(":status", "304")], Frame.data(1, raw("a"), ends: true)).log.last == "closed 1 1")
        #expect(Self.answer([(":status", "204")], Frame.data(1, raw("a"), ends: true)).log.last == "closed 1 1")
        // A body without a head.
        #expect(Self.answer([(":status", "100")], Frame.data(1, raw("a"), ends: true)).log.last == "closed 1 1")
    }

    @Test func interimAnswersComeFirst() {
        let more = Frame.headers(1, [(":status", "103"), ("link", "a")]) + Frame.headers(1, [(":status", "200")])
        let log = Self.answer([(":status", "100")], more + Frame.headers(1, [("t", "u")], ends: true)).log
        #expect(
            log == [
                "interim 1 100", "interim 1 103 link=a", "head 1 200 [close]", "trailers 1 t=u", "end 1", "closed 1 0",
            ])
    }

    @Test func interimAnswersAreBounded() {
        let limits = HTTP2Limits()
        for (count, ends) in [(limits.interimAnswers, false), (limits.interimAnswers + 1, true)] {
            let peer = HTTP2Peer.client()
            _ = peer.request(ends: true)
            _ = peer.frames()
            for _ in 0..<count { peer.feed(Frame.headers(1, [(":status", "100")])) }
            #expect(peer.session.abuse == (ends ? .interimAnswers : nil))
        }
    }

    @Test func tooLargeIsResetAndReported() {
        let fields = [(":status", "200")] + Array(repeating: ("a", "b"), count: MessageHead.maxFields + 1)
        let (log, frames) = Self.answer(fields)
        #expect(log == ["refused 1", "closed 1 8"] && frames.resets == [[1, 8]])
    }

    @Test func pushIsRefused() {
        let peer = HTTP2Peer.client()
        _ = peer.request(ends: true)
        #expect(peer.frames().goaways.isEmpty)
        peer.feed(
            Frame.make(
                HTTP2FrameType.pushPromise, HTTP2Flag.endHeaders, 1, Frame.word(2) + Frame.block(requestFields())))
        #expect(peer.frames().goaways == [[0, 1]])
        #expect(peer.session.isFinished)
    }
}
