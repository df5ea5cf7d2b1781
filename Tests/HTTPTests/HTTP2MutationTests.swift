import Base
import HTTP
import Testing

/// Seeded mutations of good frame streams: nothing traps, what is accepted is one HTTP/1.1 message, and nothing is left
/// over. A failure names its seed.
struct HTTP2MutationTests {
    static func stream(_ random: inout RandomSource) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var id: Int32 = 1
        for _ in 0..<(3 + random.below(8)) {
            let fields = requestFields(
                random.below(2) == 0 ? "POST" : "GET", random.below(3) == 0 ? [("cookie", "a"), ("cookie", "b")] : [])
            switch random.below(6) {
            case 0: frames.append(Frame.headers(id, fields, ends: true))
            case 1:
                frames.append(Frame.headers(id, fields, complete: false))
                frames.append(
                    Frame.make(HTTP2FrameType.continuation, HTTP2Flag.endHeaders, id, Frame.block([("c", "d")])))
                frames.append(Frame.data(id, pattern(Int(random.below(300))), ends: true))
            case 2:
                frames.append(Frame.headers(id, fields + [("content-length", "5")]))
                frames.append(Frame.data(id, raw("hello")))
                frames.append(Frame.headers(id, [("t", "u")], ends: true))
            case 3: frames += [Frame.headers(id, fields), Frame.reset(id)]
            case 4: frames += [Frame.settings([(4, random.below(1 << 17))]), Frame.ping(), Frame.windowUpdate(0, 77)]
            default:
                frames.append(Frame.make(HTTP2FrameType.priority, 0, id, Frame.word(0) + [1]))
                frames.append(
                    Frame.make(
                        HTTP2FrameType.headers, 5, id,
                        [0x82, 0x86, 0x84, 0x41] + Frame.text(raw("h")) + [0x40] + Frame.text(raw("x"))
                            + Frame.text(raw("y"))))
            }
            id += 2
        }
        return frames
    }

    static func mutate(_ frames: [[UInt8]], _ random: inout RandomSource) -> [UInt8] {
        var frames = frames
        for _ in 0..<random.below(4) {
            let place = Int(random.below(UInt32(frames.count)))
            switch random.below(6) {
            case 0: frames.insert(frames[place], at: Int(random.below(UInt32(frames.count))))
            case 1 where frames.count > 1: frames.remove(at: place)
            case 2: frames.swapAt(place, Int(random.below(UInt32(frames.count))))
            case 3:
                // The type, the flags or the stream.
                frames[place][3 + Int(random.below(6))] = UInt8(truncatingIfNeeded: random.next() & 0x0F)
            default:
                let byte = Int(random.below(UInt32(frames[place].count)))
                frames[place][byte] = UInt8(truncatingIfNeeded: random.next())
            }
        }
        return frames.flatMap { $0 }
    }

    /// Answers everything, and passes every accepted request on as HTTP/1.1.
    static func drive(_ bytes: [UInt8], _ random: inout RandomSource, _ note: String) -> (accepted: Int, ended: Bool) {
        var limits = HTTP2Limits()
        limits.concurrentStreams = 6
        limits.initialStreamWindow = 1000
        let peer = HTTP2Peer.server(limits)
        var accepted = 0
        peer.onHead = { [unowned peer] stream in
            accepted += 1
            check(stream.head, note)
            peer.answer(stream, 200)
        }
        peer.onEnd = { [unowned peer] stream in peer.send(stream, raw("answer"), ends: true) }
        var offset = 0
        while offset < bytes.count {
            let count = min(bytes.count - offset, 1 + Int(random.below(200)))
            peer.feed(Array(bytes[offset..<(offset + count)]))
            offset += count
            if random.below(2) == 0 { _ = peer.output() }
            if random.below(20) == 0 { peer.session.review(now: peer.now + .seconds(100)) }
        }
        let output = peer.output()
        #expect(output.count < 100_000, "\(note)")
        #expect(peer.session.heldBytes == 0 && peer.session.openStreams <= 6, "\(note)")
        let ended = peer.session.isFinished
        peer.session.abandon(.cancel)
        // Each stream that began has one end.
        for id in peer.streams.keys {
            #expect(peer.log.filter { $0.hasPrefix("closed \(id) ") }.count == 1, "\(note): \(peer.log)")
        }
        return (accepted, ended)
    }

    static func check(_ head: MessageHead, _ note: String) {
        var out = ByteBuffer()
        let forwarding = RequestForwarding(
            framing: head.framing == .close ? .chunked : head.framing, target: head.slice(head.target),
            host: head.value(head.hostIndex))
        guard head.method != .connect else { return }
        HeadWriter.request(head, forwarding, into: &out)
        let reading = read(.request, Array(out.bytes), lengths: [out.count], limit: roomyLimit)
        guard reading.kind != .headTooLarge else { return }
        #expect(reading.outcome == .complete(out.count), "\(note): \(shown(out.bytes).debugDescription)")
        #expect(reading.framing == forwarding.framing, "\(note)")
        #expect(reading.target == shown(head.slice(head.target)), "\(note)")
        #expect(reading.fields.count { $0.id == .host } == 1, "\(note)")
    }

    @Test(arguments: 0..<40) func framesAreHarmless(_ seed: UInt64) {
        var random = RandomSource(seed: 3000 + seed)
        var accepted = 0
        var ended = 0
        for step in 0..<100 {
            let bytes = Self.mutate(Self.stream(&random), &random)
            let result = Self.drive(bytes, &random, "seed \(seed), step \(step)")
            accepted += result.accepted
            ended += result.ended ? 1 : 0
        }
        // Both have to occur, or the test proves nothing.
        #expect(accepted > 100 && ended > 10 && ended < 95, "\(accepted), \(ended)")
    }

    /// The client's side: whatever a server sends.
    @Test(arguments: 0..<20) func answersAreHarmless(_ seed: UInt64) {
        var random = RandomSource(seed: 4000 + seed)
        for _ in 0..<100 {
            let peer = HTTP2Peer.client()
            for _ in 0..<4 { _ = peer.request(random.below(3) == 0 ? "HEAD" : "POST", ends: random.below(2) == 0) }
            _ = peer.output()
            var frames: [[UInt8]] = []
            for id in [1, 3, 5, 7] as [Int32] {
                if random.below(2) == 0 { frames.append(Frame.headers(id, [(":status", "103")])) }
                frames.append(Frame.headers(id, [(":status", "200"), ("content-length", "5")]))
                frames.append(Frame.data(id, raw("hello"), ends: random.below(2) == 0))
                frames.append(Frame.headers(id, [("grpc-status", "0")], ends: true))
            }
            frames.append(Frame.make(HTTP2FrameType.goaway, 0, 0, Frame.word(5) + Frame.word(0)))
            let bytes = Self.mutate(frames, &random)
            var offset = 0
            while offset < bytes.count {
                let count = min(bytes.count - offset, 1 + Int(random.below(100)))
                peer.feed(Array(bytes[offset..<(offset + count)]))
                offset += count
                _ = peer.output()
            }
            peer.session.abandon(.cancel)
            for id in [1, 3, 5, 7] as [Int32] {
                #expect(peer.log.filter { $0.hasPrefix("closed \(id) ") }.count == 1, "seed \(seed): \(peer.log)")
            }
        }
    }

    /// Any bytes at all behind the preface.
    @Test(arguments: 0..<20) func noiseIsHarmless(_ seed: UInt64) {
        var random = RandomSource(seed: 5000 + seed)
        for _ in 0..<200 {
            let peer = HTTP2Peer.server()
            var bytes = (0..<random.below(300)).map { _ in UInt8(truncatingIfNeeded: random.next() >> 40) }
            // Short lengths and low types, so that frames happen.
            for place in stride(from: 0, to: bytes.count - 9, by: 20) {
                bytes.replaceSubrange(
                    place..<(place + 9),
                    with: [0, 0, 11, bytes[place] % 11, bytes[place + 1], 0, 0, 0, bytes[place + 2] % 8])
            }
            peer.feed(bytes)
            #expect(peer.output().count < 10_000)
        }
    }
}
