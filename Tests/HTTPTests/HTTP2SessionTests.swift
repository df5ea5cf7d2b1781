import Base
import HTTP
import Testing

/// Whole exchanges between the two roles.
struct HTTP2SessionTests {
    @Test(arguments: 0..<20) func manyStreamsAtOnce(_ seed: UInt64) throws {
        let pair = HTTP2Pair(seed: seed, largestPiece: [0, 3, 50, 5000][Int(seed % 4)])
        var random = RandomSource(seed: 100 + seed)
        let bodies = (0..<12).map { pattern(Int(random.below(random.below(3) == 0 ? 90_000 : 2000)), $0) }
        // The server answers with what it got, when it has it all, and says so in trailers.
        pair.server.onEnd = { [unowned server = pair.server] stream in
            let body = server.bodies[stream.id] ?? []
            server.answer(stream, 200, [("content-length", "\(body.count)"), ("x", "y")])
            server.send(stream, body)
            server.trailers(stream, [("grpc-status", "0"), ("count", "\(body.count)")])
        }
        var streams: [HTTP2Stream] = []
        var sent = Array(repeating: 0, count: bodies.count)
        for _ in bodies.indices { streams.append(try #require(pair.client.request("POST", [("a", "b")]))) }
        var open = Array(bodies.indices)
        while !open.isEmpty {
            let place = Int(random.below(UInt32(open.count)))
            let index = open[place]
            let amount = min(bodies[index].count - sent[index], Int(random.below(20_000)))
            let ends = sent[index] + amount == bodies[index].count
            pair.client.send(streams[index], Array(bodies[index][sent[index]..<(sent[index] + amount)]), ends: ends)
            sent[index] += amount
            if ends { open.remove(at: place) }
            _ = pair.step()
        }
        pair.settle()
        for (index, stream) in streams.enumerated() {
            #expect(pair.server.bodies[stream.id] ?? [] == bodies[index])
            #expect(pair.client.bodies[stream.id] ?? [] == bodies[index])
            let log = pair.client.log.filter { $0.split(separator: " ")[1] == "\(stream.id)" }
            #expect(
                log == [
                    "head \(stream.id) 200 content-length=\(bodies[index].count) x=y [length(\(bodies[index].count))]",
                    "trailers \(stream.id) grpc-status=0 count=\(bodies[index].count)", "end \(stream.id)",
                    "closed \(stream.id) 0",
                ])
        }
        #expect(pair.client.session.openStreams == 0 && pair.server.session.openStreams == 0)
        #expect(pair.client.session.heldBytes == 0 && pair.server.session.heldBytes == 0)
    }

    @Test func bothDirectionsGoOnAtOnce() throws {
        let pair = HTTP2Pair(seed: 1)
        let stream = try #require(pair.client.request())
        pair.settle()
        let other = try #require(pair.server.streams[stream.id])
        pair.server.answer(other)
        for round in 0..<50 {
            pair.client.send(stream, pattern(round * 10, round))
            pair.settle()
            pair.server.send(other, pattern(round * 10, round + 1))
            pair.settle()
        }
        pair.client.session.finish(stream)
        pair.server.trailers(other, [("grpc-status", "0")])
        pair.settle()
        #expect(pair.server.bodies[1] == (0..<50).flatMap { pattern($0 * 10, $0) })
        #expect(pair.client.bodies[1] == (0..<50).flatMap { pattern($0 * 10, $0 + 1) })
        #expect(pair.client.log.suffix(3) == ["trailers 1 grpc-status=0", "end 1", "closed 1 0"])
        #expect(pair.server.log.suffix(2) == ["end 1", "closed 1 0"])
    }

    @Test func interimAnswersPass() throws {
        let pair = HTTP2Pair(seed: 2)
        _ = pair.client.request()
        pair.settle()
        let stream = try #require(pair.server.streams[1])
        let list = pair.server.session.fieldList()
        list.add(":status", decimal: 103)
        list.add("Link", "a")
        pair.server.session.interim(stream, list)
        pair.server.answer(stream, 204, ends: true)
        pair.settle()
        #expect(
            pair.client.takeLog() == ["interim 1 103 link=a", "head 1 204 [none]", "end 1", "closed 1 0"])
        // The request was not over: the client may stop.
        #expect(pair.server.session.openStreams == 0)
    }

    @Test func resetsReachTheOtherSide() throws {
        let pair = HTTP2Pair(seed: 3)
        let first = try #require(pair.client.request())
        let second = try #require(pair.client.request())
        pair.settle()
        pair.client.session.reset(first, .cancel)
        pair.server.session.reset(try #require(pair.server.streams[3]), .refusedStream)
        pair.settle()
        #expect(pair.server.log.filter { $0.hasPrefix("closed") } == ["closed 1 8"])
        #expect(pair.client.log == ["closed 3 7"])
        #expect(first.isClosed && second.isClosed)
        // Nothing that is done to a stream that is over has an effect.
        pair.client.send(second, raw("x"))
        pair.client.session.finish(second)
        pair.client.session.reset(second, .cancel)
        pair.client.session.consumed(second, 5)
        #expect(pair.client.output().isEmpty)
    }

    /// A body that ends with its last piece takes one frame.
    @Test func framesAreFew() throws {
        let peer = HTTP2Peer.server()
        peer.feed(Frame.headers(1, requestFields(), ends: true) + Frame.headers(3, requestFields(), ends: true))
        let first = try #require(peer.streams[1])
        peer.answer(first)
        peer.send(first, raw("hello"), ends: true)
        peer.answer(try #require(peer.streams[3]), 404, ends: true)
        let frames = peer.frames()
        #expect(frames.map(\.type) == [1, 0, 1] || frames.map(\.type) == [1, 1, 0])
        #expect(frames.filter(\.ends).count == 2)
        #expect(frames.of(HTTP2FrameType.data).map(\.payload) == [raw("hello")])
    }

    /// A large answer does not keep a small one waiting.
    @Test func streamsTakeTurns() throws {
        let peer = HTTP2Peer.server(HTTP2Limits(), [(4, 1 << 24)])
        peer.feed(Frame.windowUpdate(0, 1 << 24))
        for id in [1, 3] as [Int32] {
            peer.feed(Frame.headers(id, requestFields("GET", [("priority", "u=0")]), ends: true))
        }
        for id in [1, 3] as [Int32] {
            let stream = try #require(peer.streams[id])
            peer.answer(stream)
            peer.send(stream, pattern(300_000), ends: true)
        }
        let order = peer.frames().of(HTTP2FrameType.data).map(\.stream)
        // What was sent at once is the first stream's; from then on they alternate.
        let rest = order.drop { $0 == 1 }.prefix(16)
        #expect(Set(rest) == [1, 3] && rest.filter { $0 == 3 }.count == 8, "\(order)")
    }

    @Test func overfullHeadsAreNotSent() throws {
        let pair = HTTP2Pair(seed: 4)
        _ = pair.client.request(ends: true)
        pair.settle()
        pair.server.answer(try #require(pair.server.streams[1]), 200, Array(repeating: ("a", "b"), count: 200))
        pair.settle()
        #expect(pair.client.log == ["closed 1 2"])
    }

    @Test func abandonedStreamsAreReported() throws {
        let pair = HTTP2Pair(seed: 5)
        _ = pair.client.request()
        let second = try #require(pair.client.request())
        pair.client.session.reset(second, .cancel)
        pair.settle()
        pair.client.session.abandon(.internalError)
        #expect(pair.client.log == ["closed 1 2"])
        pair.server.session.abandon(.cancel)
        #expect(pair.server.log.filter { $0.hasPrefix("closed 1") } == ["closed 1 8"])
    }

    // MARK: GOAWAY, RFC 9113 section 6.8

    @Test func shutdownHasTwoSteps() throws {
        let peer = HTTP2Peer.server()
        peer.feed(Frame.headers(1, requestFields("POST")))
        peer.session.beginShutdown()
        let first = peer.frames()
        #expect(first.goaways == [[0x7FFF_FFFF, 0]])
        // What was on its way is still taken.
        peer.feed(Frame.headers(3, requestFields(), ends: true))
        #expect(peer.log.last == "end 3")
        let ping = try #require(first.of(HTTP2FrameType.ping).first)
        peer.feed(Frame.make(HTTP2FrameType.ping, HTTP2Flag.ack, 0, ping.payload))
        #expect(peer.frames().goaways == [[3, 0]])
        // Later streams are passed over, and the open ones go on.
        peer.feed(Frame.headers(5, requestFields("POST")) + Frame.data(5, [1], ends: true))
        peer.feed(Frame.data(1, raw("a"), ends: true))
        #expect(!peer.log.contains { $0.hasPrefix("head 5") } && peer.log.last == "end 1")
        #expect(!peer.session.isFinished)
        for id in [1, 3] as [Int32] { peer.answer(try #require(peer.streams[id]), ends: true) }
        #expect(peer.frames().goaways.isEmpty)
        #expect(peer.session.isFinished)
    }

    @Test func shutdownDoesNotNeedThePing() {
        let peer = HTTP2Peer.server()
        peer.session.beginShutdown()
        peer.session.finishShutdown()
        peer.session.finishShutdown()
        #expect(peer.frames().goaways == [[0x7FFF_FFFF, 0], [0, 0]])
        #expect(peer.session.isFinished)
    }

    /// An upstream's GOAWAY: what it has not begun may be sent elsewhere, the rest goes on.
    @Test func goawayRefusesWhatCameLater() throws {
        let peer = HTTP2Peer.client()
        for _ in 0..<3 { _ = try #require(peer.request()) }
        _ = peer.output()
        peer.feed(Frame.make(HTTP2FrameType.goaway, 0, 0, Frame.word(3) + Frame.word(0)))
        #expect(peer.takeLog() == ["goaway 3 0", "closed 5 7"])
        #expect(!peer.session.canOpenStream && peer.request() == nil && !peer.session.isFinished)
        peer.feed(
            Frame.headers(1, [(":status", "200")], ends: true) + Frame.headers(3, [(":status", "200")], ends: true))
        for id in [1, 3] as [Int32] { peer.session.finish(try #require(peer.streams[id])) }
        _ = peer.output()
        #expect(peer.log.suffix(2).sorted() == ["closed 1 0", "closed 3 0"])
        #expect(peer.session.isFinished)
    }

    @Test func theServersStreamLimitHolds() {
        let peer = HTTP2Peer(.client)
        peer.feed(Frame.settings([(3, 2)]) + Frame.settingsAck)
        #expect(peer.request() != nil && peer.request() != nil && peer.request() == nil)
        peer.feed(Frame.settings([(3, 3)]))
        #expect(peer.request() != nil)
        #expect(peer.frames().of(HTTP2FrameType.headers).map(\.stream) == [1, 3, 5])
    }

    @Test func pingsAreAnswered() {
        let pair = HTTP2Pair(seed: 6)
        pair.client.session.ping(42)
        pair.settle()
        #expect(pair.client.log == ["ping 42"])
        #expect(pair.client.session.areSettingsAcknowledged && pair.server.session.areSettingsAcknowledged)
    }
}
