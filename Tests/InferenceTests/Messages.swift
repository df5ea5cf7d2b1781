import Base
import Inference

/// A protobuf field, written byte by byte so that tests can also write what no library would.
enum Wire {
    static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// The same value in more bytes than it needs.
    static func varint(_ value: UInt64, bytes count: Int) -> [UInt8] {
        var bytes = varint(value)
        while bytes.count < count {
            bytes[bytes.count - 1] |= 0x80
            bytes.append(0)
        }
        return bytes
    }

    static func tag(_ field: UInt64, _ wireType: UInt64) -> [UInt8] { varint(field << 3 | wireType) }

    static func bytes(_ field: UInt64, _ content: [UInt8]) -> [UInt8] {
        tag(field, 2) + varint(UInt64(content.count)) + content
    }

    static func string(_ field: UInt64, _ text: String) -> [UInt8] { bytes(field, Array(text.utf8)) }
    static func model(_ name: String) -> [UInt8] { string(1, name) }
    static func version(_ name: String) -> [UInt8] { string(2, name) }

    /// A field of tensors that takes `count` bytes altogether.
    static func filler(_ count: Int) -> [UInt8] {
        for digits in 1...4 {
            let content = count - 1 - digits
            if content >= 0 && varint(UInt64(content)).count == digits { return bytes(7, zeros(content)) }
        }
        // A length between two numbers of digits.
        return tag(7, 2) + varint(UInt64(count - 6), bytes: 5) + zeros(count - 6)
    }

    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    static func prefix(_ length: Int, flags: UInt8 = 0) -> [UInt8] {
        [flags] + withUnsafeBytes(of: UInt32(length).bigEndian) { Array($0) }
    }

    static func message(_ content: [UInt8], flags: UInt8 = 0) -> [UInt8] {
        prefix(content.count, flags: flags) + content
    }
}

/// What came of a whole body.
struct Outcome: Equatable, CustomStringConvertible {
    var refusal: GRPCRefusal.Kind?
    var isDecided = true
    var model = ""
    var version = ""

    static func refused(_ kind: GRPCRefusal.Kind) -> Outcome { Outcome(refusal: kind, isDecided: false) }
    static func decided(_ model: String, _ version: String = "") -> Outcome { Outcome(model: model, version: version) }

    var description: String {
        refusal.map { "refused \($0)" } ?? "\(isDecided ? "decided" : "undecided") '\(model)' '\(version)'"
    }
}

func shown(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

extension GRPCInspector {
    func feed(_ bytes: [UInt8]) -> GRPCRefusal? { bytes.withUnsafeBytes { feed($0) } }

    /// Feeds a whole body, cut at the given places.
    func inspect(
        _ body: [UInt8], cuts: [Int] = [], readsModel: Bool = true, limit: UInt64? = nil
    ) -> Outcome {
        begin(readsModel: readsModel, maxMessageBytes: limit)
        var start = 0
        var refusal: GRPCRefusal?
        for cut in cuts + [body.count] where refusal == nil {
            refusal = feed(Array(body[start..<cut]))
            start = cut
        }
        refusal = refusal ?? end()
        if let refusal { return .refused(refusal.kind) }
        return Outcome(isDecided: isDecided, model: shown(model), version: shown(version))
    }
}
