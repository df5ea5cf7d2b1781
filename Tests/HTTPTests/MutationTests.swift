import Base
import HTTP
import Testing

/// Seeded mutations of good messages: nothing traps, nothing depends on how the bytes arrive, and what is passed on has one
/// reading. A failure names its seed.
struct MutationTests {
    static let heads: [Section: [String]] = [
        .request: [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /v2/models/m/infer?a=b HTTP/1.1\r\nHost: h:80\r\nContent-Length: 12\r\nAccept: */*\r\nX-Sluice-A: b\r\n\r\n",
            "PUT http://h/p HTTP/1.0\r\nHost: h\r\nConnection: close, X-A\r\nX-A: 1\r\nExpect: 100-continue\r\n\r\n",
            "POST /%2e HTTP/1.1\r\nHost: [::1]:8000\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\nX-Forwarded-For: 1\r\n\r\n",
        ],
        .answer: [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\n\r\n", "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n",
            "HTTP/1.0 500 A b\r\nTransfer-Encoding: chunked\r\nVia: 1.1 a\r\n\r\n",
        ],
        .trailers: ["A: b\r\nDate: c\r\nContent-Length: 5\r\n\r\n"],
    ]

    /// What changes the meaning of a head when it stands in the wrong place.
    static let pieces = [
        "\r\n", "\r", "\n", "\u{00}", " ", "\t", ":", ",", "\r\n ", "\r\n\r\n", "Content-Length: 6\r\n",
        "Content-Length: 12\r\n",
        "Transfer-Encoding: chunked\r\n", "transfer-encoding:\tCHUNKED \r\n", "chunked", "chunked, ", "gzip, ",
        "Host: b\r\n",
        "Connection: x-a, content-length\r\n", "HTTP/1.0", "HTTP/1.1", "Expect: 100-continue\r\n", "\u{7F}", "\u{80}",
        ";", "0", "#", "?",
        "Keep-Alive: x\r\n", "Upgrade: a\r\n", "Forwarded: for=a\r\n", "Authorization: a\r\n", "traceparent: 00\r\n",
    ]

    static func mutated(_ text: String, _ pieces: [String], _ random: inout RandomSource) -> [UInt8] {
        var bytes = raw(text)
        for _ in 0..<random.below(4) {
            let place = Int(random.below(UInt32(bytes.count + 1)))
            switch random.below(8) {
            case 0...2: bytes.insert(contentsOf: raw(pieces[Int(random.below(UInt32(pieces.count)))]), at: place)
            case 3 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 4 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.below(8))
            case 5:
                let end = min(bytes.count, place + Int(random.below(12)))
                bytes.removeSubrange(place..<end)
            case 6:
                // Whole lines, which is what framings are made of.
                let starts = [0] + bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
                let line = raw(
                    pieces.filter { $0.hasSuffix("\r\n") && $0.contains(":") }.randomElement(using: &random) ?? "")
                bytes.insert(contentsOf: line, at: starts[Int(random.below(UInt32(starts.count)))])
            default:
                let end = min(bytes.count, place + Int(random.below(20)))
                bytes.insert(contentsOf: Array(bytes[place..<end]), at: Int(random.below(UInt32(bytes.count + 1))))
            }
        }
        return bytes
    }

    static func cuts(_ count: Int, _ random: inout RandomSource) -> [Int] {
        (0..<random.below(6)).map { _ in Int(random.below(UInt32(count + 1))) }.sorted()
    }

    @Test(arguments: 0..<40) func headsHaveOneReading(_ seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        var accepted = 0
        for step in 0..<500 {
            let section: Section = random.below(3) == 0 ? (random.below(4) == 0 ? .trailers : .answer) : .request
            let bytes = Self.mutated(
                try #require(Self.heads[section]?.randomElement(using: &random)), Self.pieces, &random)
            let whole = read(section, bytes, lengths: [bytes.count], limit: roomyLimit)
            let inPieces = read(
                section, bytes, lengths: Self.cuts(bytes.count, &random) + [bytes.count], limit: roomyLimit)
            guard inPieces == whole else {
                Issue.record("seed \(seed), step \(step): \(shown(bytes).debugDescription)")
                continue
            }
            guard case .complete(let length) = whole.outcome else { continue }
            accepted += 1
            #expect(length <= bytes.count)
            switch section {
            case .request: try Self.forward(bytes, whole, "seed \(seed), step \(step)", &random)
            case .answer: try Self.answer(bytes, "seed \(seed), step \(step)", &random)
            case .trailers: break
            }
        }
        // Both answers have to occur, or the comparison proves nothing.
        #expect(accepted > 100 && accepted < 450, "\(accepted)")
    }

    /// A request that was accepted is passed on with its meaning.
    static func forward(_ bytes: [UInt8], _ received: Reading, _ note: String, _ random: inout RandomSource) throws {
        let head = MessageHead()
        _ = bytes.withUnsafeBytes { head.parseRequest($0, limit: roomyLimit) }
        if let target = try? RequestTarget(of: head) {
            var decoded = ByteBuffer()
            _ = PathNormalizer.normalize(head.slice(target.path), into: &decoded)
            _ = HostValue.name(head.slice(target.authority))
        }
        let host = head.hostIndex < 0 ? staticBytes("h") : head.value(head.hostIndex)
        var forwarding = RequestForwarding(framing: head.framing, target: head.slice(head.target), host: host)
        forwarding.isTrusted = random.below(2) == 0
        forwarding.keepsAuthorization = random.below(2) == 0
        forwarding.clientAddress = staticBytes("10.0.0.1")
        if random.below(2) == 0 { forwarding.requestID = staticBytes("id") }
        if random.below(2) == 0 { forwarding.traceparent = staticBytes("parent") }
        var out = ByteBuffer()
        HeadWriter.request(head, forwarding, into: &out)
        let passedOn = read(.request, Array(out.bytes), lengths: [out.count], limit: roomyLimit)
        // More fields than fit is the one thing that the gateway's own can cause.
        if passedOn.kind == .headTooLarge { return }
        #expect(passedOn.outcome == .complete(out.count), "\(note): \(shown(out.bytes).debugDescription)")
        #expect(passedOn.framing == received.framing && passedOn.methodName == received.methodName, "\(note)")
        #expect(passedOn.target == received.target && passedOn.minorVersion == 1, "\(note)")
        checkFraming(passedOn, note)
        let kept = (0..<head.fieldCount).filter { head.field($0).id == .other && !head.isNominated($0) }
        let sent = passedOn.fields.filter { $0.id == .other }
        #expect(sent == kept.map { .init(shown(head.name($0)), shown(head.value($0))) }, "\(note)")
        #expect(passedOn.fields.count { $0.id == .sluice } == 0, "\(note)")
        #expect(passedOn.fields.contains { $0.id == .forwarded } == false || forwarding.isTrusted, "\(note)")
    }

    static func answer(_ bytes: [UInt8], _ note: String, _ random: inout RandomSource) throws {
        let head = MessageHead()
        _ = bytes.withUnsafeBytes { head.parseResponse($0, limit: roomyLimit) }
        let method: Method = random.below(4) == 0 ? .head : .get
        guard (try? head.frameResponse(to: method)) != nil else { return }
        var out = ByteBuffer()
        let keepsOpen = head.framing != .close
        HeadWriter.response(head, framing: head.framing, minorVersion: 1, keepsOpen: keepsOpen, into: &out)
        let sent = MessageHead()
        let passedOn = Reading(sent, out.bytes.isEmpty ? .incomplete : sent.parseResponse(out.bytes, limit: roomyLimit))
        if passedOn.kind == .headTooLarge { return }
        #expect(passedOn.outcome == .complete(out.count), "\(note): \(shown(out.bytes).debugDescription)")
        try sent.frameResponse(to: method)
        #expect(sent.framing == head.framing && sent.status == head.status, "\(note)")
        #expect(sent.saysClose == !keepsOpen, "\(note)")
        checkFraming(passedOn, note)
        let kept = (0..<head.fieldCount).filter { head.field($0).id == .other && !head.isNominated($0) }
        let fields = passedOn.fields.filter { $0.id == .other }
        #expect(fields == kept.map { .init(shown(head.name($0)), shown(head.value($0))) }, "\(note)")
    }

    /// At most one field says where the body ends, and nothing says it in a way that only some would see.
    static func checkFraming(_ reading: Reading, _ note: String) {
        let framing = reading.fields.filter { [.contentLength, .transferEncoding].contains($0.id) }
        #expect(framing.count <= 1, "\(note)")
        #expect(framing.allSatisfy { $0.id == .contentLength || $0.value == "chunked" }, "\(note)")
        let others: Set<FieldName> = [.connection, .keepAlive, .proxyConnection, .te, .upgrade]
        let hops = reading.fields.filter { others.contains($0.id) }
        #expect(hops.allSatisfy { $0 == .init("Connection", "close", .connection) }, "\(note)")
    }

    static let bodies = [
        "5\r\nhello\r\n0\r\n\r\n", "1;a=b\r\nx\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n", "3 ;x\r\n\r\n0\r\n000\r\n\r\n",
        "fffffff\r\nabc", "2\r\nab\r\n2\r\ncd\r\n2\r\nef\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
    ]
    static let bodyPieces = [
        "\r\n", "\r", "\n", "0\r\n", "0\r\n\r\n", "1\r\na\r\n", ";", " ", "\t", "0x", "+", "-", "f", "fffffff",
        "\u{00}", "\u{FF}", ":", "00000000",
    ]

    /// A decoder that has the whole body before it and follows the grammar of RFC 9112 section 7.1.
    static func decoded(_ bytes: [UInt8]) -> BodyReading {
        var reading = BodyReading()
        var place = 0
        func byte() -> UInt8? {
            guard place < bytes.count else { return nil }
            defer { place += 1 }
            return bytes[place]
        }
        while true {
            var digits: [UInt8] = []
            var next = byte()
            while let digit = next, Character(UnicodeScalar(digit)).isHexDigit, digit < 0x80 {
                digits.append(digit)
                if digits.count > 15 { return BodyReading(data: reading.data, end: .failed(.malformed)) }
                next = byte()
            }
            let bad = BodyReading(data: reading.data, end: .failed(.malformed))
            guard next != nil else { return reading }
            guard !digits.isEmpty, let size = Int(shown(digits), radix: 16) else { return bad }
            if next != 0x0D {
                while next == 0x20 || next == 0x09 { next = byte() }
                if next == nil { return reading }
                guard next == UInt8(ascii: ";") else { return bad }
                repeat {
                    next = byte()
                    guard let next else { return reading }
                    if next == 0x7F || (next < 0x20 && next != 0x09 && next != 0x0D) { return bad }
                } while next != 0x0D
            }
            guard let feed = byte() else { return reading }
            guard feed == 0x0A else { return bad }
            if size == 0 { return BodyReading(data: reading.data, end: .trailers(place)) }
            reading.data += bytes[place..<min(bytes.count, place + size)]
            place = min(bytes.count, place + size)
            for expected in [0x0D, 0x0A] as [UInt8] {
                guard let end = byte() else { return reading }
                guard end == expected else { return BodyReading(data: reading.data, end: .failed(.malformed)) }
            }
        }
    }

    @Test(arguments: 0..<40) func bodiesHaveOneReading(_ seed: UInt64) throws {
        var random = RandomSource(seed: 1000 + seed)
        var taken = 0
        for step in 0..<500 {
            let bytes = Self.mutated(try #require(Self.bodies.randomElement(using: &random)), Self.bodyPieces, &random)
            let expected = Self.decoded(bytes)
            let whole = readBody(.chunked, bytes, cuts: [])
            let inPieces = readBody(.chunked, bytes, cuts: Self.cuts(bytes.count, &random))
            let byByte = readBody(.chunked, bytes, cuts: 0...bytes.count)
            if whole != expected || inPieces != expected || byByte != expected {
                Issue.record("seed \(seed), step \(step): \(shown(bytes).debugDescription)")
            }
            if case .trailers = expected.end { taken += 1 }
        }
        #expect(taken > 50 && taken < 450, "\(taken)")
    }

    /// Any bytes at all, with limits small enough to matter: refused, waited for or taken, and nothing is read past the end.
    @Test(arguments: 0..<20) func noiseIsHarmless(_ seed: UInt64) {
        var random = RandomSource(seed: 2000 + seed)
        for _ in 0..<300 {
            let bytes = (0..<random.below(60)).map { _ in UInt8(truncatingIfNeeded: random.next() >> 40) }
            let limit = Int(random.below(80))
            for section in Section.allCases {
                let reading = read(
                    section, bytes, lengths: Self.cuts(bytes.count, &random) + [bytes.count], limit: limit)
                if case .complete(let length) = reading.outcome { #expect(length <= min(limit, bytes.count)) }
                if reading.outcome == .incomplete { #expect(bytes.count <= limit) }
            }
            _ = readBody(.chunked, bytes, cuts: Self.cuts(bytes.count, &random))
        }
    }
}
