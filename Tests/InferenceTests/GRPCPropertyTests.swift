import Base
import Inference
import Testing

/// Seeded bodies, good and spoilt: nothing traps, nothing depends on the pieces, and another reader sees the same. A
/// failure names its seed.
struct GRPCPropertyTests {
    static func field(_ random: inout RandomSource) -> [UInt8] {
        let number = 3 + UInt64(random.below(8))
        return switch random.below(8) {
        case 0: Wire.tag(number, 0) + Wire.varint(random.next() >> UInt64(random.below(64)))
        case 1: Wire.tag(number, 1) + Wire.zeros(8)
        case 2: Wire.tag(number, 5) + Wire.zeros(4)
        case 3: Wire.bytes(number, Wire.model("inner") + Wire.version("9"))
        case 4: Wire.tag(UInt64(random.below(1 << 29)), 2) + [0]
        case 5: Wire.varint(number << 3 | 2, bytes: 5) + Wire.varint(3, bytes: 4) + [1, 2, 3]
        default: Wire.bytes(number, (0..<random.below(30)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        }
    }

    /// A stream of messages that mostly name the same model.
    static func body(_ random: inout RandomSource) -> [UInt8] {
        let hasVersion = random.below(2) == 0
        var body: [UInt8] = []
        for _ in 0..<(1 + random.below(3)) {
            var fields = [Wire.model(random.below(30) == 0 ? "n" : "modèle")]
            if hasVersion != (random.below(30) == 0) { fields.append(Wire.version(random.below(30) == 0 ? "" : "12")) }
            for _ in 0..<random.below(5) { fields.append(field(&random)) }
            if random.below(30) == 0 { fields.append(fields[0]) }
            fields.shuffle(using: &random)
            body += Wire.message(fields.flatMap { $0 }, flags: random.below(60) == 0 ? 1 : 0)
        }
        return body
    }

    static func spoil(_ body: inout [UInt8], _ random: inout RandomSource) {
        for _ in 0..<random.below(3) where !body.isEmpty {
            let place = Int(random.below(UInt32(body.count)))
            let end = min(body.count, place + Int(random.below(8)))
            switch random.below(6) {
            case 0: body[place] ^= 1 << UInt8(random.below(8))
            case 1: body[place] = UInt8(truncatingIfNeeded: random.next())
            case 2: body.insert([0x0A, 0x12, 0x80, 0xFF, 0x00, 0x01][Int(random.below(6))], at: place)
            case 3: body.removeSubrange(place..<end)
            case 4: body.removeSubrange(place...)
            default: body.insert(contentsOf: Array(body[place..<end]), at: Int(random.below(UInt32(body.count))))
            }
        }
    }

    static func cuts(_ count: Int, _ random: inout RandomSource) -> [Int] {
        (0..<random.below(6)).map { _ in Int(random.below(UInt32(count + 1))) }.sorted()
    }

    @Test(arguments: 0..<30) func agreesWithANaiveReader(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let inspector = GRPCInspector()
        var accepted = 0
        for step in 0..<400 {
            var body = Self.body(&random)
            if random.below(2) == 0 { Self.spoil(&body, &random) }
            let limit = random.below(10) == 0 ? Int(random.below(100)) : Int(UInt32.max)
            let expected = NaiveReader.read(body, limit: limit)
            let cuts = Self.cuts(body.count, &random)
            let whole = inspector.inspect(body, limit: UInt64(limit))
            let inPieces = inspector.inspect(body, cuts: cuts, limit: UInt64(limit))
            guard whole == expected && inPieces == expected else {
                Issue.record("seed \(seed), step \(step), \(cuts): \(whole), \(inPieces), not \(expected): \(body)")
                continue
            }
            if expected.refusal == nil { accepted += 1 }
        }
        // Both answers have to occur, or the comparison proves nothing.
        #expect(accepted > 80 && accepted < 360, "\(accepted)")
    }

    /// All places for two cuts, and every byte on its own.
    @Test(arguments: 100..<106) func agreesForEverySplit(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let inspector = GRPCInspector()
        for step in 0..<8 {
            var body = Array(Self.body(&random).prefix(90))
            if step % 2 == 0 { Self.spoil(&body, &random) }
            let expected = NaiveReader.read(body)
            for first in 0...body.count {
                for second in first...body.count where inspector.inspect(body, cuts: [first, second]) != expected {
                    Issue.record("seed \(seed), step \(step), \(first), \(second): not \(expected): \(body)")
                }
            }
            #expect(inspector.inspect(body, cuts: Array(body.indices)) == expected, "seed \(seed), step \(step)")
        }
    }

    /// Bytes that mean nothing, in which tags, lengths and prefixes are likely all the same.
    @Test(arguments: 200..<210) func survivesNoise(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let inspector = GRPCInspector()
        let likely: [UInt8] = [0x00, 0x01, 0x02, 0x05, 0x08, 0x0A, 0x12, 0x1A, 0x7F, 0x80, 0x8A, 0xFF]
        for step in 0..<1000 {
            let noise = (0..<random.below(60)).map { _ in
                random.below(8) == 0
                    ? UInt8(truncatingIfNeeded: random.next()) : likely[Int(random.below(UInt32(likely.count)))]
            }
            let body = random.below(2) == 0 ? noise : Wire.prefix(Int(random.below(60))) + noise
            let outcome = inspector.inspect(body, cuts: Self.cuts(body.count, &random))
            #expect(outcome == NaiveReader.read(body), "seed \(seed), step \(step): \(body)")
            _ = inspector.inspect(body, cuts: Self.cuts(body.count, &random), readsModel: false)
        }
    }
}
