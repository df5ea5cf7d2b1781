import Base
import Foundation
import Inference
import Testing

/// Seeded documents, whole and spoilt, compared with what another reader of JSON makes of them. A failure names its seed.
struct ParameterPropertyTests {
    private static let spaces = ["", " ", "\n\t", "  "]

    private static func space(_ random: inout RandomSource) -> String {
        spaces[Int(random.below(UInt32(spaces.count)))]
    }

    /// A key with some of its letters escaped.
    private static func key(_ name: String, _ random: inout RandomSource) -> String {
        "\"" + name.map { random.below(6) == 0 ? "\\u00" + String($0.asciiValue ?? 0, radix: 16) : String($0) }.joined()
            + "\""
    }

    private static func object(_ members: [String], _ random: inout RandomSource) -> String {
        "{" + space(&random) + members.joined(separator: space(&random) + "," + space(&random)) + space(&random) + "}"
    }

    /// Members with keys of their own.
    private static func others(_ random: inout RandomSource) -> [String] {
        (0..<random.below(4)).map { index in
            let key = ["x", "priority", "timeou", "parameter", "sequence_id"][Int(random.below(5))]
            return "\"\(key)\(index)\"" + space(&random) + ":" + space(&random)
                + SequencePropertyTests.value(&random, depth: 0)
        }
    }

    static func document(_ random: inout RandomSource) -> String {
        var members = others(&random)
        if random.below(4) > 0 {
            var inner = others(&random)
            for name in ["priority", "timeout"] where random.below(2) == 0 {
                inner.append(key(name, &random) + ":" + space(&random) + SequencePropertyTests.value(&random, depth: 0))
            }
            inner.shuffle(using: &random)
            members.append(key("parameters", &random) + space(&random) + ":" + space(&random) + object(inner, &random))
        }
        members.shuffle(using: &random)
        return space(&random) + object(members, &random) + space(&random)
    }

    private static func parameters(_ random: inout RandomSource) -> RequestParameters {
        switch random.below(3) {
        case 0: RequestParameters(priority: random.below(3))
        case 1: RequestParameters(timeout: random.next() >> 20)
        default: RequestParameters(priority: random.below(UInt32.max), timeout: 1)
        }
    }

    private static func parse(_ bytes: [UInt8]) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any]
    }

    /// One form for equal documents.
    private static func normal(_ document: [String: Any]?) -> Data? {
        document.flatMap { try? JSONSerialization.data(withJSONObject: $0, options: .sortedKeys) }
    }

    private static func adding(_ values: RequestParameters, to document: [String: Any]) -> [String: Any] {
        var result = document
        var inner = document["parameters"] as? [String: Any] ?? [:]
        if let priority = values.priority { inner["priority"] = Int(priority) }
        if let timeout = values.timeout { inner["timeout"] = Int(timeout) }
        result["parameters"] = inner
        return result
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func onlyTheParametersAreDifferent(_ seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        for step in 0..<150 {
            let body = Array(Self.document(&random).utf8)
            let values = Self.parameters(&random)
            let document = try #require(Self.parse(body), "seed \(seed), step \(step)")
            let isShort = random.below(2) == 0
            let tensors = isShort ? Array(#"{"parameters":{"priority":9}}"#.utf8) : []
            let length = isShort ? body.count : nil
            let whole = ParameterJSONTests.rewrite(body + tensors, values, jsonBytes: length)
            #expect(whole.refusal == nil, "seed \(seed), step \(step): \(String(decoding: body, as: UTF8.self))")
            #expect(whole.bytes.count == body.count + tensors.count + whole.growth)
            let json = Array(whole.bytes.dropLast(tensors.count))
            let expected = Self.normal(Self.adding(values, to: document))
            #expect(expected != nil && Self.normal(Self.parse(json)) == expected, "seed \(seed), step \(step)")
            #expect(Array(whole.bytes.suffix(tensors.count)) == tensors)
            let cuts = GRPCPropertyTests.cuts(body.count, &random)
            #expect(
                ParameterJSONTests.rewrite(body + tensors, values, jsonBytes: length, cuts: cuts).bytes == whole.bytes)
        }
    }

    /// Whatever a body is: it is refused, or no reader takes the client's parameters for those in force.
    @Test(arguments: 0..<20 as Range<UInt64>) func spoiltBodiesGainNothing(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let pieces = Array(#"{}[]",:\ u0"#.utf8) + [0, 0xEF, 0x70]
        for step in 0..<300 {
            var body = Array(Self.document(&random).utf8)
            for _ in 0...random.below(3) where !body.isEmpty {
                let place = Int(random.below(UInt32(body.count)))
                switch random.below(3) {
                case 0: body[place] = pieces[Int(random.below(UInt32(pieces.count)))]
                case 1: body.remove(at: place)
                default: body.insert(pieces[Int(random.below(UInt32(pieces.count)))], at: place)
                }
            }
            let values = Self.parameters(&random)
            let whole = ParameterJSONTests.rewrite(body, values)
            let cuts = GRPCPropertyTests.cuts(body.count, &random)
            #expect(
                ParameterJSONTests.rewrite(body, values, cuts: cuts).refusal == whole.refusal,
                "seed \(seed), step \(step)")
            guard whole.refusal == nil, let read = Self.parse(whole.bytes) else { continue }
            let inner = read["parameters"] as? [String: Any]
            if let priority = values.priority {
                #expect(inner?["priority"] as? Int == Int(priority), "seed \(seed), step \(step)")
            }
            if let timeout = values.timeout {
                #expect(inner?["timeout"] as? Int == Int(timeout), "seed \(seed), step \(step)")
            }
        }
    }
}
