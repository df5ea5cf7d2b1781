import Base
import HTTP
import Testing

/// Frames in the wrong place or shape (RFC 9113 sections 3.4 to 6), most of which end the connection.
struct HTTP2StreamStateTests {
    static let request = Frame.headers(1, requestFields("POST"))
    static let whole = Frame.headers(1, requestFields(), ends: true)

    struct Wrong: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: [UInt8]
        var code: UInt32
        init(_ description: String, _ code: UInt32, _ frames: [UInt8]...) {
            testDescription = description
            self.code = code
            bytes = frames.flatMap { $0 }
        }
    }

    static let wrong: [Wrong] = [
        Wrong("DATA on stream 0", 1, Frame.data(0, [1])),
        Wrong("DATA on an idle stream", 1, Frame.data(1, [1])),
        Wrong("HEADERS on stream 0", 1, Frame.headers(0, requestFields())),
        Wrong("HEADERS on an even stream", 1, Frame.headers(2, requestFields())),
        Wrong("WINDOW_UPDATE on an idle stream", 1, Frame.windowUpdate(1, 1)),
        Wrong("RST_STREAM on an idle stream", 1, Frame.reset(1)),
        Wrong("RST_STREAM on stream 0", 1, Frame.reset(0)),
        Wrong("RST_STREAM of 3 bytes", 6, request, Frame.make(HTTP2FrameType.reset, 0, 1, [0, 0, 0])),
        Wrong("an update by nothing", 1, Frame.windowUpdate(0, 0)),
        Wrong("an update past 2^31", 3, Frame.windowUpdate(0, 0x7FFF_FFFF)),
        Wrong("PING on a stream", 1, Frame.make(HTTP2FrameType.ping, 0, 1, Array(repeating: 0, count: 8))),
        Wrong("PING of 7 bytes", 6, Frame.make(HTTP2FrameType.ping, 0, 0, Array(repeating: 0, count: 7))),
        Wrong("SETTINGS on a stream", 1, Frame.make(HTTP2FrameType.settings, 0, 1)),
        Wrong("SETTINGS of 5 bytes", 6, Frame.make(HTTP2FrameType.settings, 0, 0, [0, 0, 0, 0, 0])),
        Wrong(
            "a SETTINGS acknowledgement with bytes", 6, Frame.make(HTTP2FrameType.settings, 1, 0, [0, 0, 0, 0, 0, 0])),
        Wrong("ENABLE_PUSH 2", 1, Frame.settings([(2, 2)])),
        Wrong("a window of 2^31", 3, Frame.settings([(4, 1 << 31)])),
        Wrong("frames of 16383", 1, Frame.settings([(5, 16383)])),
        Wrong("frames of 2^24", 1, Frame.settings([(5, 1 << 24)])),
        Wrong("GOAWAY on a stream", 1, Frame.make(HTTP2FrameType.goaway, 0, 1, Array(repeating: 0, count: 8))),
        Wrong("PUSH_PROMISE of a client", 1, request, Frame.make(HTTP2FrameType.pushPromise, 4, 1, Frame.word(2))),
        Wrong("CONTINUATION out of nowhere", 1, Frame.make(HTTP2FrameType.continuation, 4, 1)),
        Wrong("DATA inside a header block", 1, Frame.headers(1, requestFields(), complete: false), Frame.data(1, [1])),
        Wrong(
            "CONTINUATION of another stream", 1, Frame.headers(1, requestFields(), complete: false),
            Frame.make(HTTP2FrameType.continuation, 4, 3)),
        Wrong(
            "an unknown frame inside a header block", 1, Frame.headers(1, requestFields(), complete: false),
            Frame.make(0xEE, 0, 1)),
        Wrong("a frame above 16 KiB", 6, request, Frame.data(1, Array(repeating: 0, count: 16385))),
        Wrong("padding past the frame", 1, request, Frame.make(HTTP2FrameType.data, HTTP2Flag.padded, 1, [9, 1])),
        Wrong("a broken HPACK index", 9, Frame.make(HTTP2FrameType.headers, HTTP2Flag.endHeaders, 1, [0xFF, 0x20])),
        Wrong("HPACK text past the block", 9, Frame.make(HTTP2FrameType.headers, HTTP2Flag.endHeaders, 1, [0, 0x7F])),
        Wrong(
            "an HPACK table above 4096", 9,
            Frame.make(HTTP2FrameType.headers, HTTP2Flag.endHeaders, 1, Frame.integer(4097, prefix: 5, flags: 0x20))),
        Wrong("DATA behind the end", 5, whole, Frame.data(1, [1])),
        Wrong("HEADERS behind the end", 5, whole, Frame.headers(1, requestFields(), ends: true)),
        Wrong("DATA behind a reset", 5, request, Frame.reset(1), Frame.data(1, [1])),
        Wrong("HEADERS behind a reset", 5, request, Frame.reset(1), Frame.headers(1, requestFields(), ends: true)),
        Wrong("a lower stream", 1, Frame.headers(5, requestFields()), Frame.headers(3, requestFields())),
        Wrong(
            "HEADERS that depend on themselves", 1,
            Frame.make(HTTP2FrameType.headers, 0x24, 1, Frame.word(1) + [15] + Frame.block(requestFields()))),
        Wrong("PRIORITY that depends on itself", 1, Frame.make(HTTP2FrameType.priority, 0, 1, Frame.word(1) + [15])),
        Wrong("PRIORITY of 4 bytes", 6, request, Frame.make(HTTP2FrameType.priority, 0, 1, Frame.word(0))),
        Wrong("an acknowledgement of nothing", 1, Frame.settingsAck),
    ]

    @Test(arguments: wrong) func endsTheConnection(_ wrong: Wrong) {
        for step in [wrong.bytes.count, 1, 7] {
            let peer = HTTP2Peer.server()
            for start in stride(from: 0, to: wrong.bytes.count, by: step) {
                peer.feed(Array(wrong.bytes[start..<min(start + step, wrong.bytes.count)]))
            }
            let frames = peer.frames()
            #expect(frames.goaways.map { $0[1] } == [wrong.code], "in steps of \(step): \(frames)")
            #expect(peer.session.isFinished && peer.session.abuse == nil)
            // Nothing is read behind it.
            let log = peer.takeLog()
            peer.feed(Frame.headers(101, requestFields(), ends: true))
            #expect(peer.takeLog().isEmpty, "\(log)")
        }
    }

    @Test func theSameHoldsForAStreamThatWasAnswered() throws {
        for frame in [Frame.data(1, [1]), Frame.headers(1, requestFields(), ends: true)] {
            let peer = HTTP2Peer.server()
            peer.feed(Self.whole)
            peer.answer(try #require(peer.streams[1]), ends: true)
            _ = peer.output()
            #expect(peer.takeLog().last == "closed 1 0")
            peer.feed(frame)
            #expect(peer.frames().goaways == [[1, 5]])
        }
    }

    /// The peer may not know yet that this side has reset the stream.
    @Test func lateFramesOfAStreamThatWasResetArePassedOver() throws {
        let peer = HTTP2Peer.server()
        peer.feed(Self.request)
        peer.session.reset(try #require(peer.streams[1]), .cancel)
        #expect(peer.frames().resets == [[1, 8]])
        peer.feed(
            Frame.data(1, raw("a")) + Frame.headers(1, [("a", "b")], ends: true) + Frame.windowUpdate(1, 5)
                + Frame.reset(1))
        #expect(peer.frames().isEmpty && peer.takeLog() == ["head 1 POST / host=h [close]"])
        // The same for the reset behind an early answer.
        peer.feed(Frame.headers(3, requestFields("POST")))
        peer.answer(try #require(peer.streams[3]), 413, ends: true)
        let frames = peer.frames()
        #expect(frames.map(\.type) == [HTTP2FrameType.headers, HTTP2FrameType.reset] && frames.resets == [[3, 0]])
        peer.feed(Frame.data(3, raw("a"), ends: true))
        #expect(peer.frames().isEmpty && peer.takeLog().last == "closed 3 0")
    }

    @Test func whatMeansNothingIsPassedOver() {
        let peer = HTTP2Peer.server()
        let fine: [[UInt8]] = [
            Frame.make(0xEE, 0xFF, 0, [1, 2, 3]), Frame.make(0xEE, 0, 77), Frame.settings([(0x77, 5), (0x0A, 1)]),
            Frame.make(HTTP2FrameType.priority, 0, 9, Frame.word(3) + [15]), Frame.ping(0xFF ^ HTTP2Flag.ack),
            Frame.make(0x10, 0, 0, Frame.word(1) + raw("u=1")), Frame.ping(HTTP2Flag.ack),
        ]
        for frame in fine { peer.feed(frame) }
        peer.feed(
            Frame.make(
                HTTP2FrameType.headers, HTTP2Flag.endHeaders | HTTP2Flag.padded, 1,
                [3] + Frame.block(requestFields("POST")) + [0, 0, 0]))
        peer.feed(Frame.make(HTTP2FrameType.data, HTTP2Flag.padded | HTTP2Flag.endStream, 1, [2] + raw("ab") + [0, 0]))
        #expect(peer.bodies[1] == raw("ab") && peer.takeLog().last == "end 1")
        let frames = peer.frames()
        #expect(frames.goaways.isEmpty && frames.resets.isEmpty)
        #expect(frames.of(HTTP2FrameType.ping).map(\.payload) == [[1, 2, 3, 4, 5, 6, 7, 8]])
    }

    /// nghttp2 makes a stream error of what RFC 9113 section 6.9.2 calls a connection error; no window is passed.
    @Test func aWindowThatGrowsPastItsBoundEndsItsStream() {
        let peer = HTTP2Peer.server()
        peer.feed(Self.request + Frame.windowUpdate(1, 1 << 30) + Frame.settings([(4, (1 << 31) - 1)]))
        #expect(peer.frames().resets == [[1, 3]] && peer.log.last == "closed 1 3")
    }

    @Test func aWrongPrefaceEndsTheConnection() {
        for bytes in [raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Frame.preface + Frame.ping()] {
            let peer = HTTP2Peer(.server)
            peer.feed(bytes)
            #expect(peer.frames().goaways == [[0, 1]])
            #expect(peer.session.isFinished)
        }
    }

    @Test func settingsComeFirst() {
        let frames = HTTP2Peer(.server).frames()
        #expect(frames.map(\.type) == [HTTP2FrameType.settings, HTTP2FrameType.windowUpdate])
        let limits = HTTP2Limits()
        let values = stride(from: 0, to: frames[0].payload.count, by: 6).map {
            [UInt32(frames[0].payload[$0 + 1]), frames[0].word($0 + 2)]
        }
        #expect(
            values == [
                [4, UInt32(limits.initialStreamWindow)], [6, UInt32(limits.headerListBytes)],
                [3, limits.concurrentStreams], [9, 1],
            ])
        #expect(frames[1].word() == UInt32(limits.connectionWindow) - 65535)
        let client = HTTP2Peer(.client).output()
        #expect(client.starts(with: Frame.preface) && client[27] == HTTP2FrameType.settings)
    }

    /// Which streams exist is remembered right over the whole range of identifiers.
    @Test func identifiersReachTheEnd() {
        let peer = HTTP2Peer.server()
        for id in [1, 3, 513, 515, 100_001, Int32.max - 2, Int32.max] as [Int32] {
            peer.feed(Frame.headers(id, requestFields(), ends: true))
            #expect(peer.takeLog().last == "end \(id)")
        }
        #expect(peer.frames().goaways.isEmpty)
        peer.feed(Frame.headers(Int32.max - 4, requestFields(), ends: true))
        #expect(peer.frames().goaways.map { $0[1] } == [1])
    }
}
