import Base
import HTTP
import Testing

/// RFC 9113 section 5.2: what is held is bounded, and slow streams stop nobody but themselves.
struct HTTP2FlowControlTests {
    /// A server with one open request, which consumes nothing by itself.
    static func holding(_ limits: HTTP2Limits = HTTP2Limits()) -> HTTP2Peer {
        let peer = HTTP2Peer.server(limits)
        peer.consumes = false
        peer.keepsBodies = false
        peer.feed(Frame.headers(1, requestFields("POST")))
        return peer
    }

    static func fill(_ peer: HTTP2Peer, _ id: Int32, _ count: Int) {
        var left = count
        while left > 0 {
            peer.feed(Frame.data(id, Array(repeating: 7, count: min(left, 16384))))
            left -= 16384
        }
    }

    @Test func nothingIsGivenBackBeforeItIsConsumed() throws {
        let peer = Self.holding()
        let window = Int(HTTP2Limits().initialStreamWindow)
        Self.fill(peer, 1, window)
        #expect(peer.frames().of(HTTP2FrameType.windowUpdate).filter { $0.stream == 1 }.isEmpty)
        let stream = try #require(peer.streams[1])
        #expect(stream.heldBytes == window && peer.session.heldBytes == window)
        peer.session.consumed(stream, window / 2 - 1)
        #expect(peer.frames().filter { $0.stream == 1 }.isEmpty)
        peer.session.consumed(stream, 1)
        let updates = peer.frames().filter { $0.stream == 1 }
        #expect(updates.map { $0.word() } == [UInt32(window / 2)])
        #expect(stream.heldBytes == window / 2)
    }

    @Test func moreThanTheWindowIsAnError() {
        let peer = Self.holding()
        Self.fill(peer, 1, Int(HTTP2Limits().initialStreamWindow))
        peer.feed(Frame.data(1, [1]))
        #expect(peer.frames().resets == [[1, 3]])
        #expect(peer.log.last == "closed 1 3" && peer.session.heldBytes == 0)
    }

    /// Streams that nobody consumes, together more than the connection's window, and another one that goes on.
    @Test func slowStreamsDoNotStopOthers() {
        var limits = HTTP2Limits()
        limits.connectionWindow = 1 << 20
        let peer = HTTP2Peer.server(limits)
        peer.consumes = false
        peer.keepsBodies = false
        var credit = 1 << 20
        for index in 0..<20 {
            let id = Int32(1 + 2 * index)
            peer.feed(Frame.headers(id, requestFields("POST")))
            Self.fill(peer, id, 256 * 1024)
            credit -= 256 * 1024
            let updates = peer.frames().of(HTTP2FrameType.windowUpdate)
            #expect(updates.allSatisfy { $0.stream == 0 })
            credit += updates.reduce(0) { $0 + Int($1.word()) }
            #expect(credit >= 1 << 19)
        }
        #expect(peer.session.heldBytes == 20 * 256 * 1024)
        peer.consumes = true
        peer.feed(Frame.headers(101, requestFields("POST")))
        Self.fill(peer, 101, 256 * 1024)
        #expect(peer.frames().contains { $0.stream == 101 && $0.type == HTTP2FrameType.windowUpdate })
    }

    /// The window grows only for a stream whose consumer keeps up, up to its bound, out of the connection's budget.
    @Test func windowsGrowWithTheConsumer() throws {
        var limits = HTTP2Limits()
        limits.windowGrowth = 10 << 20
        let peer = HTTP2Peer.server(limits)
        peer.keepsBodies = false
        func window(of id: Int32, afterSending count: Int) -> Int {
            peer.feed(Frame.headers(id, requestFields("POST")))
            var credit = Int(limits.initialStreamWindow)
            var left = count
            while left > 0 {
                let amount = min(left, credit, 16384)
                guard amount > 0 else { break }
                peer.feed(Frame.data(id, Array(repeating: 1, count: amount)))
                credit +=
                    peer.frames().filter { $0.type == HTTP2FrameType.windowUpdate && $0.stream == id }
                    .reduce(0) { $0 + Int($1.word()) } - amount
                left -= amount
            }
            #expect(left == 0)
            return credit
        }
        // Between half and the whole of 8 MiB is open.
        let first = window(of: 1, afterSending: 40 << 20)
        #expect(first > 4 << 20 && first <= 8 << 20, "\(first)")
        // What is left of the budget, for the second: 10 - 7.75 MiB let it double to 2 MiB.
        let second = window(of: 3, afterSending: 40 << 20)
        #expect(second > 1 << 19 && second <= 2 << 20, "\(second)")
        // The budget comes back.
        for id in [1, 3] as [Int32] { peer.feed(Frame.data(id, [], ends: true)) }
        for id in [1, 3] as [Int32] { peer.answer(try #require(peer.streams[id]), ends: true) }
        _ = peer.output()
        #expect(window(of: 5, afterSending: 40 << 20) > 4 << 20)
    }

    @Test func windowsDoNotGrowForASlowConsumer() throws {
        let peer = Self.holding()
        let stream = try #require(peer.streams[1])
        let window = Int(HTTP2Limits().initialStreamWindow)
        Self.fill(peer, 1, window)
        for _ in 0..<100 {
            // Half is always held.
            peer.session.consumed(stream, window / 2)
            let credit = peer.frames().filter { $0.stream == 1 }.reduce(0) { $0 + Int($1.word()) }
            #expect(credit == window / 2)
            Self.fill(peer, 1, credit)
            #expect(stream.heldBytes == window)
        }
    }

    // MARK: Sending

    /// The peer's windows hold for what is sent, and the source hears when it may go on.
    @Test func thePeersWindowStopsTheSource() throws {
        let peer = HTTP2Peer.server(HTTP2Limits(), [(4, 1000)])
        peer.feed(Frame.headers(1, requestFields(), ends: true) + Frame.headers(3, requestFields(), ends: true))
        let stream = try #require(peer.streams[1])
        peer.answer(stream)
        peer.send(stream, pattern(90_000))
        var body = peer.frames().of(HTTP2FrameType.data).flatMap(\.payload)
        #expect(body.count == 1000 && stream.queuedBytes == 89_000)
        #expect(stream.queuedBytes > HTTP2Limits().streamQueue)
        var drained = 0
        peer.onDrained = { _ in drained += 1 }
        peer.session.awaitDrain(stream)
        // Another stream is not stopped.
        let other = try #require(peer.streams[3])
        peer.answer(other)
        peer.send(other, raw("x"), ends: true)
        #expect(peer.frames().of(HTTP2FrameType.data).map(\.stream) == [3])
        peer.feed(Frame.windowUpdate(1, 50_000))
        body += peer.frames().of(HTTP2FrameType.data).flatMap(\.payload)
        #expect(body.count == 51_000 && drained == 0)
        // 39000 bytes are left, more than half of what a queue may be.
        peer.feed(Frame.windowUpdate(1, 10_000))
        body += peer.frames().of(HTTP2FrameType.data).flatMap(\.payload)
        #expect(body.count == 61_000 && drained == 1 && stream.queuedBytes == 29_000)
        peer.session.finish(stream)
        peer.feed(Frame.windowUpdate(1, 50_000) + Frame.windowUpdate(0, 50_000))
        let last = peer.frames()
        body += last.of(HTTP2FrameType.data).flatMap(\.payload)
        #expect(body == pattern(90_000) && last.last?.ends == true && drained == 1)
    }

    /// Output is bounded: what the connection does not take stays with the streams.
    @Test func outputIsBounded() throws {
        let peer = HTTP2Peer.server(HTTP2Limits(), [(4, 1 << 24)])
        peer.feed(Frame.windowUpdate(0, 1 << 24) + Frame.headers(1, requestFields(), ends: true))
        let stream = try #require(peer.streams[1])
        peer.answer(stream)
        for index in 0..<20 { peer.send(stream, pattern(50_000, index)) }
        #expect(peer.session.queuedBytes >= 1_000_000 && stream.queuedBytes > 800_000)
        var body: [UInt8] = []
        while stream.queuedBytes > 0 {
            let frames = peer.frames(limit: 40_000)
            let data = frames.of(HTTP2FrameType.data).flatMap(\.payload)
            #expect(data.count <= HTTP2Limits().outputBytes + 16384)
            body += data
        }
        body += peer.frames().of(HTTP2FrameType.data).flatMap(\.payload)
        #expect(body == (0..<20).flatMap { pattern(50_000, $0) })
    }

    /// Both sides at random: every byte arrives, and nobody ever holds more than windows allow.
    @Test(arguments: 0..<10) func randomConsumption(_ seed: UInt64) throws {
        var limits = HTTP2Limits()
        limits.initialStreamWindow = 20_000
        limits.largestStreamWindow = 100_000
        limits.connectionWindow = 70_000
        limits.windowGrowth = 150_000
        let pair = HTTP2Pair(seed: seed, client: limits, server: limits, largestPiece: 9000)
        for peer in [pair.client, pair.server] { peer.consumes = false }
        pair.server.onHead = { [unowned server = pair.server] in server.answer($0) }
        let bodies = (0..<5).map { pattern(100_000, Int(seed) + $0) }
        let streams = try bodies.indices.map { _ in try #require(pair.client.request()) }
        pair.settle()
        var given = Array(repeating: 0, count: 10)
        var idle = 0
        while idle < 3000 {
            idle += 1
            let index = Int(pair.random.below(10))
            let peer = index < 5 ? pair.client : pair.server
            let id = Int32(1 + 2 * (index % 5))
            let stream = try #require(index < 5 ? streams[index] : pair.server.streams[id])
            if given[index] < 100_000 && stream.queuedBytes <= 10_000 {
                let amount = min(100_000 - given[index], Int(pair.random.below(12_000)))
                let piece = Array(bodies[index % 5][given[index]..<(given[index] + amount)])
                given[index] += amount
                peer.send(stream, piece, ends: index < 5 && given[index] == 100_000)
                idle = 0
            }
            // An answer that ends first would cut its request short.
            if index >= 5 && given[index] == 100_000 && stream.hasEnded { peer.session.finish(stream) }
            if pair.random.below(3) == 0 && stream.heldBytes > 0 {
                peer.session.consumed(stream, 1 + Int(pair.random.below(UInt32(stream.heldBytes))))
                idle = 0
            }
            _ = pair.step()
            #expect(stream.heldBytes <= 100_000)
            #expect(peer.session.heldBytes <= 5 * 20_000 + 150_000)
        }
        pair.settle()
        for (index, body) in bodies.enumerated() {
            let id = Int32(1 + 2 * index)
            #expect(pair.server.bodies[id] == body && pair.client.bodies[id] == body, "seed \(seed), stream \(id)")
        }
    }
}
