import Inference

/// A second reader of the same rules, written for being obvious: it sees the whole body at once, and knows nothing of
/// pieces or of the window.
struct NaiveReader {
    struct Refused: Error { var kind = GRPCRefusal.Kind.invalidArgument }
    struct BodyEnded: Error {}

    let body: [UInt8]
    let limit: Int
    private var place = 0
    private var messageEnd = 0

    init(_ body: [UInt8], limit: Int) {
        self.body = body
        self.limit = limit
    }

    static func read(_ body: [UInt8], limit: Int = .max) -> Outcome {
        var reader = NaiveReader(body, limit: limit)
        // Of each message, fields 1 and 2.
        var messages: [[UInt64: [UInt8]]] = []
        do {
            while reader.place < body.count {
                let first = messages.first
                let index = messages.endIndex
                messages.append([:])
                try reader.message(first: first) { messages[index][$0] = $1 }
                let names = messages[index]
                guard let model = names[1], !model.isEmpty else { throw Refused() }
                if model != messages[0][1] || names[2] ?? [] != messages[0][2] ?? [] { throw Refused() }
            }
        } catch let refused as Refused {
            return .refused(refused.kind)
        } catch {
            // The rest of a stream is the server's business, once both names are known or the first message is over.
            if messages.count <= 1 && (messages.first?.count ?? 0) < 2 { return .refused(.invalidArgument) }
        }
        guard let first = messages.first, let model = first[1] else { return .refused(.invalidArgument) }
        return .decided(String(decoding: model, as: UTF8.self), String(decoding: first[2] ?? [], as: UTF8.self))
    }

    private mutating func message(first: [UInt64: [UInt8]]?, found: (UInt64, [UInt8]) -> Void) throws {
        messageEnd = .max
        let flags = try byte()
        if flags > 1 { throw Refused() }
        var length = 0
        for _ in 0..<4 { length = length * 256 + Int(try byte()) }
        if length > limit { throw Refused(kind: .resourceExhausted) }
        if flags == 1 { throw Refused(kind: .unimplemented) }
        messageEnd = place + length
        var seen: Set<UInt64> = []
        while place < messageEnd {
            let tag = try varint(most: 5)
            guard let number = UInt32(exactly: tag), number >> 3 != 0 else { throw Refused() }
            let field = UInt64(number >> 3)
            if field <= 2 {
                if number & 7 != 2 || seen.contains(field) { throw Refused() }
                seen.insert(field)
            }
            switch number & 7 {
            case 0: _ = try varint(most: 10)
            case 1: _ = try content(8)
            case 5: _ = try content(4)
            case 2:
                let length = try varint(most: 10)
                if field > 2 {
                    _ = try content(length)
                } else {
                    if length > 1024 { throw Refused() }
                    try name(field, content(length, first: first.map { $0[field] ?? [] }), found)
                }
            default: throw Refused()
            }
        }
    }

    private func name(_ field: UInt64, _ name: [UInt8], _ found: (UInt64, [UInt8]) -> Void) throws {
        guard let text = String(validating: name, as: UTF8.self),
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { throw Refused() }
        found(field, name)
    }

    private mutating func byte() throws -> UInt8 {
        if place == messageEnd { throw Refused() }
        if place == body.count { throw BodyEnded() }
        place += 1
        return body[place - 1]
    }

    /// The value as bits, so that nothing overflows.
    private mutating func varint(most: Int) throws -> UInt64 {
        var bits: [Bool] = []
        for _ in 0..<most {
            let next = try byte()
            for bit in 0..<7 { bits.append(next >> UInt8(bit) & 1 == 1) }
            if next < 0x80 {
                if bits.dropFirst(64).contains(true) { return .max }
                return bits.prefix(64).enumerated().reduce(0) { $0 | ($1.element ? 1 << UInt64($1.offset) : 0) }
            }
        }
        throw Refused()
    }

    /// - Parameter first: what the first message had here, which a later one has to repeat byte by byte.
    private mutating func content(_ length: UInt64, first: [UInt8]? = nil) throws -> [UInt8] {
        if length > UInt64(Int32.max) || length > UInt64(messageEnd - place) { throw Refused() }
        let end = place + Int(length)
        let there = Array(body[place..<min(end, body.count)])
        if let first, length != first.count || !first.starts(with: there) { throw Refused() }
        if end > body.count { throw BodyEnded() }
        place = end
        return there
    }
}
