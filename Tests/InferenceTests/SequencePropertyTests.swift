import Base
import Inference
import Testing

/// Seeded bodies whose answer is known by how they were made, and spoilt ones: nothing traps, nothing depends on the
/// pieces. A failure names its seed.
struct SequencePropertyTests {
    static func text(_ random: inout RandomSource) -> String {
        let pieces = [
            "a", "sequence_id", "parameters", #"\""#, #"\\"#, #"\u0041"#, "{", "}", "[", "]", ":", ",",
            #"\ud83d\ude00"#,
        ]
        let characters = (0..<random.below(5)).map { _ in pieces[Int(random.below(UInt32(pieces.count)))] }
        return "\"" + characters.joined() + "\""
    }

    static func value(_ random: inout RandomSource, depth: Int) -> String {
        switch random.below(depth > 3 ? 4 : 8) {
        case 0: return text(&random)
        case 1: return "\(random.below(1000))"
        case 2: return "-1.5e-3"
        case 3: return ["true", "false", "null"][Int(random.below(3))]
        case 4, 5:
            return "[" + (0..<random.below(4)).map { _ in value(&random, depth: depth + 1) }.joined(separator: ",")
                + "]"
        default:
            // Below the outermost object the very names mean nothing.
            let members = (0..<random.below(4)).map { index in
                (index == 0 ? #""parameters""# : index == 1 ? #""sequence_id""# : text(&random)) + ":"
                    + value(&random, depth: depth + 1)
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    /// Members that are not the one which is looked for: their keys begin with a letter of their own.
    static func others(_ random: inout RandomSource) -> [String] {
        (0..<random.below(4)).map { _ in "\"x" + text(&random).dropFirst() + ":" + value(&random, depth: 0) }
    }

    static func document(_ random: inout RandomSource) -> (body: [UInt8], expected: SequenceOutcome) {
        var expected = SequenceOutcome.absent
        var members = others(&random)
        if random.below(5) > 0 {
            var inner = others(&random)
            switch random.below(5) {
            case 0: break
            case 1:
                inner.append(#""sequence_id":1"#)
                inner.append(#""sequence_id":"b""#)
                expected = .refused
            case 2:
                let number = random.next() >> 1 + 1
                inner.append("\"sequence_id\":\(number)")
                expected = .found("\(number)")
            default:
                inner.append(#""sequence_id":"\u0061{\"b""#)
                expected = .found("a{\"b")
            }
            inner.shuffle(using: &random)
            members.append(#""parameters":{"# + inner.joined(separator: ", ") + "}")
        }
        members.shuffle(using: &random)
        return (Array(("{" + members.joined(separator: " ,") + "}").utf8), expected)
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func findsWhatWasPutThere(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let reader = SequenceReader()
        for step in 0..<200 {
            let (body, expected) = Self.document(&random)
            let cuts = GRPCPropertyTests.cuts(body.count, &random)
            let isShort = random.below(2) == 0
            let tensors = isShort ? Array(#"{"parameters":{"sequence_id":9}}"#.utf8) : []
            let format = SequenceReader.Format.json(headerBytes: isShort ? body.count : nil)
            #expect(reader.read(body + tensors, as: format) == expected, "seed \(seed), step \(step): \(text(body))")
            #expect(reader.read(body + tensors, as: format, cuts: cuts) == expected, "seed \(seed), step \(step)")
        }
    }

    @Test(arguments: 100..<120 as Range<UInt64>) func spoiltBodiesReadTheSameInPieces(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let reader = SequenceReader()
        for step in 0..<200 {
            let isJSON = step % 2 == 0
            var body: [UInt8]
            if isJSON {
                body = Self.document(&random).body
            } else {
                var fields = [Wire.model("m"), Wire.id("chat"), Wire.entry("x", Wire.number(2, 1))]
                for _ in 0..<random.below(3) { fields.append(GRPCPropertyTests.field(&random)) }
                fields.shuffle(using: &random)
                body = Wire.message(fields.flatMap { $0 })
            }
            for _ in 0..<random.below(4) { GRPCPropertyTests.spoil(&body, &random) }
            let format: SequenceReader.Format = isJSON ? .json(headerBytes: nil) : .grpc
            let whole = reader.read(body, as: format)
            #expect(
                reader.read(body, as: format, cuts: GRPCPropertyTests.cuts(body.count, &random)) == whole,
                "seed \(seed), step \(step)")
            #expect(reader.read(body, as: format, cuts: Array(body.indices)) == whole, "seed \(seed), step \(step)")
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
