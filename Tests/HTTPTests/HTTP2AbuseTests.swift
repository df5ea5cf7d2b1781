import Base
import HTTP
import Testing

/// Every limit, at its last allowed step and one further.
struct HTTP2AbuseTests {
    /// Small ones, so that tests are short; time stands still unless it is moved.
    static var limits: HTTP2Limits {
        var limits = HTTP2Limits()
        let few = HTTP2Limits.Rate(burst: 20, perSecond: 10)
        limits.resets = few
        limits.cancellations = few
        limits.provokedResets = few
        limits.settings = few
        limits.pings = few
        limits.idleFrames = few
        limits.emptyFrames = few
        limits.windowUpdates = few
        limits.stalledStreams = HTTP2Limits.Rate(burst: 2, perSecond: 1)
        return limits
    }

    /// Feeds `step` until the session ends, at most 1000 times.
    static func steps(
        _ peer: HTTP2Peer, _ step: (Int) throws -> [UInt8]
    ) rethrows -> (taken: Int, frames: [Frame.Sent]) {
        var frames: [Frame.Sent] = []
        for index in 0..<1000 {
            peer.feed(try step(index))
            frames += peer.frames()
            if peer.session.abuse != nil {
                #expect(frames.goaways.map { $0[1] } == [11] && peer.session.isFinished)
                return (index, frames)
            }
        }
        return (1000, frames)
    }

    /// A flood of one kind of frame ends with exactly one frame too many, also when it comes in one piece.
    static func flood(_ abuse: HTTP2Abuse, _ frame: [UInt8], first: [UInt8] = [], taken: Int = 20) {
        let peer = HTTP2Peer.server(limits)
        peer.now = peer.now + .seconds(100)
        peer.feed(first)
        _ = peer.output()
        #expect(steps(peer) { _ in frame }.taken == taken)
        #expect(peer.session.abuse == abuse)

        let atOnce = HTTP2Peer.server(limits)
        atOnce.now = atOnce.now + .seconds(100)
        atOnce.feed(first + (0..<taken).flatMap { _ in frame })
        #expect(atOnce.session.abuse == nil)
        atOnce.feed(frame)
        #expect(atOnce.session.abuse == abuse)

        // As fast as it is allowed, for ever.
        let slow = HTTP2Peer.server(limits)
        slow.feed(first)
        for _ in 0..<100 {
            slow.now = slow.now + .milliseconds(abuse == .windowUpdates ? 200 : 100)
            slow.feed(frame)
            _ = slow.output()
        }
        #expect(slow.session.abuse == nil)
    }

    @Test func settingsFlood() { Self.flood(.settings, Frame.settings()) }
    @Test func pingFlood() { Self.flood(.pings, Frame.ping()) }
    @Test func pongFlood() { Self.flood(.pings, Frame.ping(HTTP2Flag.ack)) }
    @Test func priorityFlood() {
        Self.flood(.idleFrames, Frame.make(HTTP2FrameType.priority, 0, 9, Frame.word(3) + [15]))
    }
    @Test func unknownFrameFlood() { Self.flood(.idleFrames, Frame.make(0xEE, 0, 0, [1, 2, 3])) }
    @Test func priorityUpdateFlood() { Self.flood(.idleFrames, Frame.make(0x10, 0, 0, Frame.word(1) + raw("u=1"))) }
    @Test func emptyDataFlood() {
        Self.flood(.emptyFrames, Frame.data(1, []), first: Frame.headers(1, requestFields("POST")))
    }
    @Test func paddedEmptyDataFlood() {
        Self.flood(
            .emptyFrames, Frame.make(HTTP2FrameType.data, HTTP2Flag.padded, 1, [3, 0, 0, 0]),
            first: Frame.headers(1, requestFields("POST")))
    }
    @Test func windowUpdateFlood() {
        Self.flood(.windowUpdates, Frame.windowUpdate(0, 1000))
        Self.flood(.windowUpdates, Frame.windowUpdate(0, 1), taken: 10)
    }

    /// An empty gRPC message has five bytes, and for each of them come two updates; windows opened byte by byte pay for less
    /// than they cost.
    @Test(arguments: [(5, nil), (1, HTTP2Abuse.windowUpdates)])
    func sentDataPaysForUpdatesAndPings(_ bytes: Int, _ expected: HTTP2Abuse?) throws {
        let peer = HTTP2Peer.server(Self.limits)
        peer.feed(Frame.headers(1, requestFields("POST")))
        let stream = try #require(peer.streams[1])
        peer.answer(stream)
        for _ in 0..<500 {
            peer.send(stream, raw(String(repeating: "x", count: bytes)))
            _ = peer.output()
            let step = UInt32(bytes)
            peer.feed(Frame.windowUpdate(0, step) + Frame.windowUpdate(1, step) + Frame.ping())
        }
        #expect(peer.session.abuse == expected)
    }

    /// Of a peer that has stood still for a while: what it was sent meanwhile is answered at once.
    @Test func paidUpdatesMayComeLate() throws {
        var limits = Self.limits
        limits.paidWindowUpdates = 4000
        let peer = HTTP2Peer.server(limits)
        peer.feed(Frame.headers(1, requestFields("POST")))
        let stream = try #require(peer.streams[1])
        peer.answer(stream)
        for _ in 0..<30 {
            peer.send(stream, raw(String(repeating: "x", count: 135)))
            _ = peer.output()
        }
        // 4,050 bytes pay for no more than the limit says, at two for each of these.
        for _ in 0..<2000 { peer.feed(Frame.windowUpdate(0, 135)) }
        #expect(peer.session.abuse == nil)
        for _ in 0..<10 { peer.feed(Frame.windowUpdate(0, 135)) }
        #expect(peer.session.abuse == nil)
        peer.feed(Frame.windowUpdate(0, 135))
        #expect(peer.session.abuse == .windowUpdates)
    }

    // MARK: Resets

    /// CVE-2023-44487: requests that are taken back at once.
    @Test func rapidReset() {
        let peer = HTTP2Peer.server(Self.limits)
        let (taken, _) = Self.steps(peer) { index in
            Frame.headers(Int32(1 + 2 * index), requestFields(), ends: true) + Frame.reset(Int32(1 + 2 * index))
        }
        // Both allowances are as large: the one for every reset is asked first.
        #expect(taken == 20 && peer.session.abuse == .resets)
    }

    @Test func cancellationsAreCountedApart() throws {
        var limits = Self.limits
        limits.resets.burst = 500
        let peer = HTTP2Peer.server(limits)
        let (taken, _) = Self.steps(peer) { index in
            Frame.headers(Int32(1 + 2 * index), requestFields(), ends: true) + Frame.reset(Int32(1 + 2 * index))
        }
        #expect(taken == 20 && peer.session.abuse == .cancellations)
        // A stream that was being answered does not count.
        let other = HTTP2Peer.server(limits)
        for index in 0..<100 {
            let id = Int32(1 + 2 * index)
            other.feed(Frame.headers(id, requestFields(), ends: true))
            other.answer(try #require(other.streams[id]))
            _ = other.output()
            other.feed(Frame.reset(id))
        }
        #expect(other.session.abuse == nil)
    }

    /// CVE-2025-8671: the server is made to reset streams, in each of the known ways.
    @Test func madeYouReset() {
        let ways: [(Int32) -> [UInt8]] = [
            { Frame.headers($0, requestFields("POST")) + Frame.windowUpdate($0, 0x7FFF_FFFF) },
            { Frame.headers($0, [("a", "b")]) },
            { Frame.headers($0, requestFields("POST", [("content-length", "1")])) + Frame.data($0, [1, 2]) },
            { Frame.headers($0, requestFields("POST", [("content-length", "1")])) + Frame.data($0, [], ends: true) },
            { Frame.headers($0, requestFields("POST")) + Frame.headers($0, [("a", "b")]) },
            { Frame.headers($0, requestFields("GET", [("connection", "close")]), ends: true) },
            { Frame.headers($0, requestFields("GET", [("host", "i")]), ends: true) },
        ]
        for way in ways {
            var limits = Self.limits
            limits.windowUpdates.burst = 1000
            let peer = HTTP2Peer.server(limits)
            let (taken, frames) = Self.steps(peer) { way(Int32(1 + 2 * $0)) }
            #expect(taken == 20 && peer.session.abuse == .provokedResets)
            #expect(frames.resets.count == 21)
        }
    }

    @Test func ownResetsDoNotCount() throws {
        let peer = HTTP2Peer.server(Self.limits)
        for index in 0..<100 {
            let id = Int32(1 + 2 * index)
            peer.feed(Frame.headers(id, requestFields("POST")))
            let stream = try #require(peer.streams[id])
            if index % 2 == 0 { peer.session.reset(stream, .cancel) } else { peer.answer(stream, ends: true) }
            _ = peer.output()
        }
        #expect(peer.session.abuse == nil && peer.session.openStreams == 0)
    }

    /// A server that resets everything is only a server that resets everything.
    @Test func upstreamsMayReset() throws {
        let peer = HTTP2Peer.client(Self.limits)
        for _ in 0..<200 {
            let stream = try #require(peer.request())
            _ = peer.output()
            peer.feed(Frame.reset(stream.id, 7))
        }
        #expect(peer.session.abuse == nil)
    }

    // MARK: Header blocks

    /// CVE-2024-27316.
    @Test func continuationFlood() {
        let limits = HTTP2Limits()
        for (count, abuse) in [(limits.continuations, nil), (limits.continuations + 1, .continuations)]
            as [(Int, HTTP2Abuse?)]
        {
            let peer = HTTP2Peer.server()
            peer.feed(Frame.headers(1, requestFields(), ends: true, complete: false))
            for index in 1...count {
                let ends = index == count
                peer.feed(
                    Frame.make(
                        HTTP2FrameType.continuation, ends ? HTTP2Flag.endHeaders : 0, 1, Frame.block([("a", "b")])))
            }
            #expect(peer.session.abuse == abuse)
            #expect(peer.log.count == (abuse == nil ? 2 : 0))
            #expect(peer.frames().goaways.map { $0[1] } == (abuse == nil ? [] : [11]))
        }
    }

    @Test func headerBlocksAreBounded() {
        var limits = HTTP2Limits()
        limits.headerBlockBytes = 20_000
        for (excess, abuse) in [(0, nil), (1, .headerBlock)] as [(Int, HTTP2Abuse?)] {
            let peer = HTTP2Peer.server(limits)
            let rest = 20_000 + excess - Frame.block(requestFields()).count
            // Two fields; 4 bytes are the first's name and lengths, 1 + 2 + 3 the second's.
            let more = Frame.block([("a", String(repeating: "b", count: 10_000))])
            let last = Frame.block([("c", String(repeating: "d", count: rest - more.count - 6))])
            #expect(Frame.block(requestFields()).count + more.count + last.count == 20_000 + excess)
            peer.feed(
                Frame.make(HTTP2FrameType.headers, HTTP2Flag.endStream, 1, Frame.block(requestFields()) + more)
                    + Frame.make(HTTP2FrameType.continuation, HTTP2Flag.endHeaders, 1, last))
            #expect(peer.session.abuse == abuse)
            #expect(peer.log.isEmpty == (abuse != nil))
        }
    }

    /// One large entry of the table, and as many references to it as fit: a kilobyte becomes megabytes.
    @Test func hpackBomb() {
        let limits = HTTP2Limits()
        // Literal with incremental indexing: 4000 bytes of value, then the newest dynamic entry, index 62.
        let entry: [UInt8] = [0x40] + Frame.text(raw("a")) + Frame.text(Array(repeating: 0x62, count: 4000))
        let size = 4000 + 1 + 32
        let base = requestFields().reduce(0) { $0 + $1.0.count + $1.1.count + 32 }
        let most = (limits.decodedHeaderBytes - base) / size - 1
        let cases: [(Int, HTTP2Abuse?)] = [(most, nil), (most + 1, .decodedHeaders), (12_000, .decodedHeaders)]
        for (references, abuse) in cases {
            let peer = HTTP2Peer.server()
            let block = Frame.block(requestFields()) + entry + Array(repeating: 0xBE, count: references)
            peer.feed(Frame.make(HTTP2FrameType.headers, 5, 1, block))
            #expect(peer.session.abuse == abuse)
            #expect(peer.frames().goaways.map { $0[1] } == (abuse == nil ? [] : [11]))
            #expect(peer.log == (abuse == nil ? ["refused 1"] : []))
        }
    }

    // MARK: Streams

    @Test func concurrentStreams() {
        var limits = HTTP2Limits()
        limits.concurrentStreams = 5
        let peer = HTTP2Peer.server(limits)
        for index in 0..<5 { peer.feed(Frame.headers(Int32(1 + 2 * index), requestFields("POST"))) }
        #expect(peer.session.openStreams == 5 && peer.session.abuse == nil)
        peer.feed(Frame.headers(11, requestFields("POST")))
        #expect(peer.session.abuse == .concurrentStreams && peer.frames().goaways.map { $0[0] } == [9])
        #expect(peer.session.isFinished)
    }

    /// A client that has not seen the limit yet is told so, stream by stream.
    @Test func streamsBeforeTheSettingsAreRefused() {
        var limits = HTTP2Limits()
        limits.concurrentStreams = 2
        let peer = HTTP2Peer(.server, limits)
        peer.feed(Frame.preface + Frame.settings())
        for index in 0..<4 { peer.feed(Frame.headers(Int32(1 + 2 * index), requestFields("POST"))) }
        peer.feed(Frame.data(5, [1]) + Frame.headers(7, [("a", "b")], ends: true))
        let frames = peer.frames()
        #expect(frames.resets == [[5, 7], [7, 7]] && frames.goaways.isEmpty)
        #expect(peer.log.count == 2)
    }

    // MARK: Peers that do not read

    /// Frames that nobody reads pile up to a bound.
    @Test func unreadOutput() {
        var limits = HTTP2Limits()
        limits.waitingFrames = 50
        limits.provokedResets.burst = 1000
        let peer = HTTP2Peer.server(limits)
        var fed = 0
        while peer.session.abuse == nil && fed < 200 {
            peer.feed(Frame.headers(Int32(1 + 2 * fed), [("a", "b")]))
            fed += 1
        }
        #expect(peer.session.abuse == .unreadOutput && fed == 51)
        #expect(peer.frames().goaways.map { $0[1] } == [11])
    }

    @Test func unreadAcknowledgements() {
        var limits = HTTP2Limits()
        limits.waitingFrames = 50
        let peer = HTTP2Peer.server(limits)
        for _ in 0..<51 { peer.feed(Frame.ping()) }
        #expect(peer.session.abuse == .unreadOutput)
    }

    @Test func stalledStreamsAreReset() throws {
        var limits = Self.limits
        limits.windowUpdates.burst = 100_000
        let peer = HTTP2Peer.server(limits, [(4, 0)])
        for id in [1, 3, 5, 7] as [Int32] { peer.feed(Frame.headers(id, requestFields(), ends: true)) }
        for id in [1, 3] as [Int32] {
            peer.answer(try #require(peer.streams[id]))
            peer.send(try #require(peer.streams[id]), pattern(60_000), ends: true)
        }
        let stalled = try #require(peer.streams[1])
        // One stream's window opens byte by byte, the other's by whole frames.
        for second in 0..<60 {
            peer.session.review(now: peer.now)
            _ = peer.output()
            #expect(!stalled.isClosed)
            #expect(peer.session.stalledSince(stalled) == peer.now - second)
            peer.now = peer.now + .seconds(1)
            peer.feed(Frame.windowUpdate(1, 1) + (second % 15 == 0 ? Frame.windowUpdate(3, 16384) : []))
        }
        _ = peer.output()
        peer.session.review(now: peer.now)
        #expect(peer.frames().resets == [[1, 8]])
        #expect(peer.log.filter { $0.hasPrefix("closed 1") } == ["closed 1 8"])
        #expect(peer.session.abuse == nil && peer.session.queuedBytes < 60_000)
    }

    @Test func manyStalledStreamsEndTheConnection() throws {
        for (count, abuse) in [(2, nil), (3, .stalledStreams)] as [(Int, HTTP2Abuse?)] {
            let peer = HTTP2Peer.server(Self.limits, [(4, 0)])
            for index in 0..<count {
                let id = Int32(1 + 2 * index)
                peer.feed(Frame.headers(id, requestFields(), ends: true))
                peer.answer(try #require(peer.streams[id]))
                peer.send(try #require(peer.streams[id]), raw("x"), ends: true)
            }
            peer.session.review(now: peer.now)
            peer.session.review(now: peer.now + .seconds(60))
            #expect(peer.session.abuse == abuse)
        }
    }

    // MARK: The allowance itself

    @Test func allowancesRefill() {
        let peer = HTTP2Peer.server(Self.limits)
        peer.now = peer.now + .seconds(10)
        for _ in 0..<20 { peer.feed(Frame.ping()) }
        // Ten a second.
        peer.now = peer.now + .milliseconds(500)
        for _ in 0..<5 { peer.feed(Frame.ping()) }
        #expect(peer.session.abuse == nil)
        peer.feed(Frame.ping())
        #expect(peer.session.abuse == .pings)
    }

    /// A client's ordinary day is far from every limit.
    @Test func defaultsAllowOrdinaryUse() throws {
        let peer = HTTP2Peer.server()
        for index in 0..<2000 {
            let id = Int32(1 + 2 * index)
            peer.now = peer.now + .milliseconds(1)
            peer.feed(
                Frame.headers(id, requestFields("POST")) + Frame.windowUpdate(id, 1 << 20)
                    + Frame.data(id, raw("x"), ends: true))
            let stream = try #require(peer.streams[id])
            peer.streams[id] = nil
            peer.answer(stream)
            peer.send(stream, raw("y"), ends: true)
            _ = peer.output()
            peer.feed(Frame.ping())
        }
        #expect(peer.session.abuse == nil)
    }
}

extension Instant {
    static func - (instant: Instant, seconds: Int) -> Instant {
        Instant(nanoseconds: instant.nanoseconds - UInt64(seconds) * 1_000_000_000)
    }
}
