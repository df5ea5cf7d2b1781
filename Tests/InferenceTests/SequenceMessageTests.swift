import Base
import Inference
import Testing

struct SequenceMessageTests {
    static let value = Wire.string(3, "a")
    static let key = Wire.string(1, "sequence_id")

    static let messages: [(String, [UInt8], SequenceOutcome)] = [
        (
            // ModelInferRequest with sequence_id 42 and one tensor, by tritonclient.
            "a library's message with a number",
            [
                0x0A, 0x01, 0x6D, 0x1A, 0x01, 0x78, 0x22, 0x11, 0x0A, 0x0B, 0x73, 0x65, 0x71, 0x75, 0x65, 0x6E, 0x63,
                0x65, 0x5F, 0x69, 0x64, 0x12, 0x02, 0x10, 0x2A, 0x22, 0x12, 0x0A, 0x0C, 0x73, 0x65, 0x71, 0x75, 0x65,
                0x6E, 0x63, 0x65, 0x5F, 0x65, 0x6E, 0x64, 0x12, 0x02, 0x08, 0x00, 0x22, 0x14, 0x0A, 0x0E, 0x73, 0x65,
                0x71, 0x75, 0x65, 0x6E, 0x63, 0x65, 0x5F, 0x73, 0x74, 0x61, 0x72, 0x74, 0x12, 0x02, 0x08, 0x01, 0x2A,
                0x0E, 0x0A, 0x02, 0x49, 0x4E, 0x12, 0x04, 0x46, 0x50, 0x33, 0x32, 0x1A, 0x02, 0x01, 0x02, 0x3A, 0x08,
                0x00, 0x00, 0x80, 0x3F, 0x00, 0x00, 0x00, 0x40,
            ], .found("42")
        ),
        (
            "a library's entry with a string",
            [
                0x0A, 0x01, 0x6D, 0x1A, 0x01, 0x78, 0x22, 0x18, 0x0A, 0x0B, 0x73, 0x65, 0x71, 0x75, 0x65, 0x6E, 0x63,
                0x65, 0x5F, 0x69, 0x64, 0x12, 0x09, 0x1A, 0x07, 0x63, 0x68, 0x61, 0x74, 0x2D, 0xC3, 0xA9,
            ], .found("chat-é")
        ),
        ("a string", Wire.model("m") + Wire.id("a") + Wire.filler(30), .found("a")),
        ("a string behind tensors", Wire.model("m") + Wire.filler(3000) + Wire.id("a"), .found("a")),
        ("a number without a sign", Wire.entry("sequence_id", Wire.number(5, .max)), .found("18446744073709551615")),
        ("a negative number", Wire.id(UInt64(bitPattern: -1)), .found("18446744073709551615")),
        ("the value before the key", Wire.bytes(4, Wire.bytes(2, value) + key), .found("a")),
        ("an unknown field in the entry", Wire.bytes(4, Wire.number(9, 1) + key + Wire.bytes(2, value)), .found("a")),
        ("an unknown field in the value", Wire.entry("sequence_id", value + Wire.bytes(9, [1])), .found("a")),
        ("other parameters", Wire.entry("priority", Wire.number(2, 7)) + Wire.id("a"), .found("a")),
        ("a string with a NUL", Wire.id("a\0b"), .found("a")),
        ("all wire types", Wire.tag(8, 1) + Wire.zeros(8) + Wire.tag(9, 5) + Wire.zeros(4) + Wire.id("a"), .found("a")),
        ("a tag of more bytes", Wire.varint(0x22, bytes: 5) + Wire.id("a").dropFirst(), .found("a")),
        ("malformed after the id", Wire.id("a") + Wire.tag(9, 3), .found("a")),
        ("nothing", [], .absent),
        ("no parameters", Wire.model("m") + Wire.filler(30), .absent),
        ("an empty string", Wire.id(""), .absent),
        ("zero", Wire.id(0), .absent),
        ("no value", Wire.bytes(4, key), .absent),
        ("an empty value", Wire.entry("sequence_id", []), .absent),
        ("a truth value", Wire.entry("sequence_id", Wire.number(1, 1)), .absent),
        ("a fraction", Wire.entry("sequence_id", Wire.tag(4, 1) + Wire.zeros(8)), .absent),
        ("a string that is a number's field", Wire.entry("sequence_id", Wire.string(2, "a")), .absent),
        ("another key", Wire.entry("sequence_idx", value) + Wire.entry("sequence_i", value), .absent),
        ("an input's parameter", Wire.bytes(5, Wire.string(1, "IN") + Wire.id("a")), .absent),
        ("a tensor that looks like one", Wire.bytes(7, Wire.id("a")), .absent),
        ("a string of another field", Wire.bytes(3, Wire.id("a")), .absent),
        ("field 4 as a number", Wire.number(4, 1), .absent),
        ("a key as a number", Wire.bytes(4, Wire.number(1, 1)), .absent),
        ("twice", Wire.id("a") + Wire.id("a"), .refused),
        ("twice, apart", Wire.id("a") + Wire.filler(300) + Wire.id(3), .refused),
        ("twice, the first without a value", Wire.bytes(4, key) + Wire.id("a"), .refused),
        ("two keys in an entry", Wire.bytes(4, Wire.string(1, "x") + key + Wire.bytes(2, value)), .refused),
        ("two keys in an entry, the other way", Wire.bytes(4, key + Wire.string(1, "x")), .refused),
        ("two values in an entry", Wire.bytes(4, key + Wire.bytes(2, value) + Wire.bytes(2, value)), .refused),
        ("two choices in a value", Wire.entry("sequence_id", value + Wire.number(2, 1)), .refused),
        ("two numbers in a value", Wire.entry("sequence_id", Wire.number(2, 1) + Wire.number(2, 2)), .refused),
        ("malformed before the id", Wire.tag(9, 3) + Wire.id("a"), .absent),
        ("a tag of eleven bytes", [UInt8](repeating: 0x80, count: 10) + [0] + Wire.id("a"), .absent),
        ("an entry that overruns", Wire.tag(4, 2) + [200] + Wire.id("a"), .absent),
        ("a key that overruns its entry", Wire.bytes(4, Wire.tag(1, 2) + [50]) + Wire.id("a"), .absent),
        ("a length above 63 bits", Wire.tag(7, 2) + Wire.varint(.max) + Wire.id("a"), .absent),
        ("an entry with a length above 63 bits", Wire.tag(4, 2) + Wire.varint(.max) + Wire.id("a"), .absent),
    ]

    @Test(arguments: messages) func reads(_ name: String, _ content: [UInt8], _ expected: SequenceOutcome) {
        let reader = SequenceReader()
        let body = Wire.message(content)
        #expect(reader.read(body, as: .grpc) == expected)
        #expect(reader.read(body, as: .grpc, cuts: Array(body.indices)) == expected)
        for cut in body.indices.prefix(200) {
            #expect(reader.read(body, as: .grpc, cuts: [cut]) == expected, "cut at \(cut)")
        }
    }

    @Test func idsAreBounded() {
        let longest = String(repeating: "x", count: SequenceReader.maxIDBytes)
        #expect(SequenceReader().read(Wire.message(Wire.id(longest)), as: .grpc) == .found(longest))
        #expect(SequenceReader().read(Wire.message(Wire.id(longest + "x")), as: .grpc) == .absent)
        let huge = Wire.entry("x", Wire.string(3, String(repeating: "y", count: 5000))) + Wire.id("a")
        #expect(SequenceReader().read(Wire.message(huge), as: .grpc) == .found("a"))
    }

    /// The first message of a stream decides, and a compressed one is not read.
    @Test func onlyTheFirstMessageCounts() {
        let reader = SequenceReader()
        let without = Wire.message(Wire.model("m"))
        let one = Wire.message(Wire.id("a"))
        #expect(reader.read(without + one, as: .grpc) == .absent)
        #expect(reader.read(one + one, as: .grpc) == .found("a"))
        #expect(reader.read(Wire.message(Wire.id("a"), flags: 1), as: .grpc) == .absent)
        #expect(reader.read(Wire.message(Wire.id("a"), flags: 2), as: .grpc) == .absent)
        #expect(reader.read(Array(one.dropLast()), as: .grpc) == .absent)
    }

    @Test func onlyTheWindowCounts() {
        let reader = SequenceReader()
        let id = Wire.id("a")
        for (extra, expected) in [(0, SequenceOutcome.found("a")), (1, .absent), (100_000, .absent)] {
            let body = Wire.message(Wire.filler(SequenceReader.window - 5 - id.count + extra) + id)
            #expect(reader.read(body, as: .grpc) == expected, "\(extra)")
            #expect(reader.read(body, as: .grpc, cuts: [SequenceReader.window]) == expected, "\(extra)")
        }
    }

    /// The same sequence has the same id in both protocols.
    @Test func bothProtocolsGiveTheSameID() {
        let reader = SequenceReader()
        for number in [1, 42, 1 << 40, .max] as [UInt64] {
            let json = reader.json(#"{"parameters":{"sequence_id":\#(number)}}"#)
            #expect(json == reader.read(Wire.message(Wire.id(number)), as: .grpc))
        }
        let json = reader.json(#"{"parameters":{"sequence_id":"\u6a21\u578b"}}"#)
        #expect(json == reader.read(Wire.message(Wire.id("模型")), as: .grpc))
    }
}
