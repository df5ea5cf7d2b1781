import Inference
import Testing

/// What one message may look like, and what it names. The inspector is asked, because it is what passes the names on.
struct ModelFieldTests {
    static let readable: [(String, [UInt8], Outcome)] = [
        ("model", Wire.model("m"), .decided("m")),
        ("model and version", Wire.model("m") + Wire.version("3"), .decided("m", "3")),
        ("version and model", Wire.version("3") + Wire.model("m"), .decided("m", "3")),
        (
            // ModelInferRequest with an id, a parameter and one tensor of 16 bytes, by Python's protobuf.
            "a library's message",
            [
                0x0A, 0x08, 0x63, 0x6C, 0x61, 0x73, 0x73, 0x69, 0x66, 0x79, 0x12, 0x01, 0x32, 0x1A, 0x01, 0x78,
                0x22, 0x0E, 0x0A, 0x08, 0x70, 0x72, 0x69, 0x6F, 0x72, 0x69, 0x74, 0x79, 0x12, 0x02, 0x10, 0x01,
                0x2A, 0x0E, 0x0A, 0x02, 0x49, 0x4E, 0x12, 0x04, 0x46, 0x50, 0x33, 0x32, 0x1A, 0x02, 0x01, 0x04,
                0x3A, 0x10,
            ] + Wire.zeros(16), .decided("classify", "2")
        ),
        ("an empty version", Wire.model("m") + Wire.version(""), .decided("m")),
        ("an empty version first", Wire.version("") + Wire.model("m"), .decided("m")),
        ("tensors first", Wire.filler(300) + Wire.model("m") + Wire.version("1"), .decided("m", "1")),
        ("an empty field", Wire.bytes(5, []) + Wire.model("m"), .decided("m")),
        ("an empty field last", Wire.model("m") + Wire.bytes(5, []), .decided("m")),
        (
            "all wire types",
            Wire.tag(8, 0) + Wire.varint(.max) + Wire.tag(9, 1) + Wire.zeros(8) + Wire.tag(10, 5) + Wire.zeros(4)
                + Wire.model("m"), .decided("m")
        ),
        (
            "names inside another field", Wire.bytes(5, Wire.model("x") + Wire.model("y")) + Wire.model("m"),
            .decided("m")
        ),
        ("the greatest field number", Wire.tag(0x1FFF_FFFF, 0) + [0] + Wire.model("m"), .decided("m")),
        ("a tag of five bytes", Wire.varint(0x0A, bytes: 5) + [1, 0x6D], .decided("m")),
        ("a length of ten bytes", [0x0A] + Wire.varint(1, bytes: 10) + [0x6D], .decided("m")),
        ("a number of ten bytes", Wire.tag(8, 0) + Wire.varint(1, bytes: 10) + Wire.model("m"), .decided("m")),
        (
            "a number above 64 bits",
            Wire.tag(8, 0) + [UInt8](repeating: 0xFF, count: 9) + [0x7F] + Wire.model("m"), .decided("m")
        ),
        (
            "names of 1024 bytes",
            Wire.model(String(repeating: "é", count: 512)) + Wire.version(String(repeating: "1", count: 1024)),
            .decided(String(repeating: "é", count: 512), String(repeating: "1", count: 1024))
        ),
        (
            "letters", Wire.model("modèle/模型 \u{1F600}.~\u{10FFFF}\u{A0}"),
            .decided("modèle/模型 \u{1F600}.~\u{10FFFF}\u{A0}")
        ),
    ]

    static let unreadable: [(String, [UInt8])] = [
        ("nothing", []),
        ("no model", Wire.version("1")),
        ("no model among others", Wire.filler(20)),
        ("an empty model", Wire.model("")),
        ("an empty model and a version", Wire.model("") + Wire.version("1")),
        ("a model twice", Wire.model("m") + Wire.model("m")),
        ("a model twice, empty", Wire.model("m") + Wire.model("")),
        ("a model twice, apart", Wire.model("m") + Wire.version("1") + Wire.filler(20) + Wire.model("n")),
        ("a model twice, written otherwise", Wire.model("m") + Wire.varint(0x0A, bytes: 3) + [1, 0x6E]),
        ("a version twice", Wire.version("1") + Wire.model("m") + Wire.version("1")),
        ("a version twice, before the model", Wire.version("1") + Wire.version("1") + Wire.model("m")),
        ("a version twice, empty", Wire.version("") + Wire.model("m") + Wire.version("")),
        ("field 0", Wire.tag(0, 0) + [0] + Wire.model("m")),
        ("field 0 as a string", Wire.tag(0, 2) + [0] + Wire.model("m")),
        ("a tag above 32 bits", Wire.varint(1 << 32 | 0x0A) + [1, 0x6D]),
        ("a tag above 32 bits, field 1 and more", Wire.varint(1 << 34 | 0x0A) + [1, 0x6D] + Wire.model("m")),
        ("a tag of six bytes", Wire.varint(0x0A, bytes: 6) + [1, 0x6D]),
        ("a length of eleven bytes", [0x0A] + Wire.varint(1, bytes: 11) + [0x6D]),
        ("a length above 64 bits", Wire.tag(7, 2) + [UInt8](repeating: 0x80, count: 9) + [0x02] + Wire.model("m")),
        ("a length above 64 bits, of a name", [0x0A, 0x81] + [UInt8](repeating: 0x80, count: 8) + [0x02, 0x6D]),
        ("a length of 2^31", Wire.tag(7, 2) + Wire.varint(1 << 31) + Wire.model("m")),
        ("a length of 2^32", Wire.tag(7, 2) + Wire.varint(1 << 32) + Wire.model("m")),
        ("a length of 2^64 - 1", Wire.tag(7, 2) + Wire.varint(.max) + Wire.model("m")),
        ("a number of eleven bytes", Wire.tag(8, 0) + Wire.varint(1, bytes: 11) + Wire.model("m")),
        ("a field longer than the message", Wire.model("m") + Wire.tag(7, 2) + [2, 0]),
        ("a model longer than the message", [0x0A, 2, 0x6D]),
        ("a version longer than the message", Wire.model("m") + [0x12, 1]),
        ("eight bytes cut off", Wire.model("m") + Wire.tag(8, 1) + Wire.zeros(7)),
        ("four bytes cut off", Wire.model("m") + Wire.tag(8, 5) + Wire.zeros(3)),
        ("a number cut off", Wire.model("m") + Wire.tag(8, 0)),
        ("a number cut off within", Wire.model("m") + Wire.tag(8, 0) + [0x80]),
        ("a tag cut off", Wire.model("m") + [0x80]),
        ("a length cut off", Wire.model("m") + Wire.tag(7, 2)),
        ("a length cut off within", Wire.model("m") + Wire.tag(7, 2) + [0x80]),
        ("a model's length cut off", [0x0A]),
        ("a long model", Wire.model(String(repeating: "m", count: 1025))),
        ("a long version", Wire.model("m") + Wire.version(String(repeating: "1", count: 1025))),
    ]

    /// Wire types 3 and 4 are groups, which proto3 does not have; 6 and 7 are nobody's. Fields 1 and 2 are strings.
    static let wrongTypes: [(UInt64, UInt64)] =
        [
            (1, 0), (1, 1), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (2, 0), (2, 1), (2, 3), (2, 4), (2, 5), (2, 6),
            (2, 7),
        ]
        + [(3, 3), (3, 4), (3, 6), (3, 7), (9, 3), (9, 4), (9, 6), (9, 7)]

    static let badNames: [(String, [UInt8])] = [
        ("NUL", [0]), ("LF", [0x6D, 0x0A]), ("HTAB", [0x09]), ("US", [0x1F]), ("DEL", [0x7F]),
        ("U+0080", [0xC2, 0x80]), ("U+009F", [0x6D, 0xC2, 0x9F]),
        ("no first byte", [0x80]), ("no second byte", [0xC3]), ("a letter for a second byte", [0xC3, 0x6D]),
        ("a second form of two bytes", [0xC0, 0xAF]), ("a second form of two bytes", [0xC1, 0xBF]),
        ("a second form of three bytes", [0xE0, 0x9F, 0xBF]),
        ("a second form of four bytes", [0xF0, 0x8F, 0xBF, 0xBF]), ("half of a pair", [0xED, 0xA0, 0x80]),
        ("no third byte", [0xE6, 0xA8]), ("no fourth byte", [0xF0, 0x9F, 0x98]),
        ("a letter for a third byte", [0xE6, 0xA8, 0x6D]), ("a letter for a fourth byte", [0xF0, 0x9F, 0x98, 0x6D]),
        ("beyond U+10FFFF", [0xF4, 0x90, 0x80, 0x80]), ("F5", [0xF5, 0x80, 0x80, 0x80]), ("FF", [0xFF]),
    ]

    @Test(arguments: readable) func reads(_ name: String, _ content: [UInt8], _ expected: Outcome) {
        let inspector = GRPCInspector()
        let body = Wire.message(content)
        #expect(inspector.inspect(body) == expected)
        #expect(inspector.inspect(body, cuts: Array(body.indices)) == expected)
        #expect(NaiveReader.read(body) == expected)
    }

    @Test(arguments: unreadable) func refuses(_ name: String, _ content: [UInt8]) {
        let inspector = GRPCInspector()
        let body = Wire.message(content)
        #expect(inspector.inspect(body) == .refused(.invalidArgument))
        #expect(inspector.inspect(body, cuts: Array(body.indices)) == .refused(.invalidArgument))
        #expect(NaiveReader.read(body) == .refused(.invalidArgument))
    }

    /// Protobuf counts in an `int32`, gRPC in a `uint32`.
    @Test func refusesFieldsOfTwoGiBAndMore() {
        let inspector = GRPCInspector()
        for (length, isRefused) in [(1 << 31 - 1, false), (1 << 31, true), (1 << 32 - 16, true)] as [(UInt64, Bool)] {
            inspector.begin(readsModel: true)
            let body = Wire.prefix(Int(UInt32.max)) + Wire.model("m") + Wire.tag(7, 2) + Wire.varint(length)
            #expect((inspector.feed(body)?.kind == .invalidArgument) == isRefused, "\(length)")
        }
    }

    @Test(arguments: wrongTypes) func refusesWireTypes(_ field: UInt64, _ wireType: UInt64) {
        for content in [Wire.tag(field, wireType) + Wire.zeros(8), Wire.tag(field, wireType) + Wire.model("m")] {
            refuses("", content)
            if field > 1 { refuses("", Wire.model("m") + content) }
        }
    }

    @Test(arguments: badNames) func refusesNames(_ name: String, _ bytes: [UInt8]) {
        refuses(name, Wire.bytes(1, bytes))
        refuses(name, Wire.bytes(1, [0x6D] + bytes + [0x6D]))
        refuses(name, Wire.model("m") + Wire.bytes(2, bytes))
    }

    /// The valid forms are those that the standard library decodes.
    @Test func agreesWithTheStandardLibraryOnCharacters() {
        let inspector = GRPCInspector()
        let seconds: [UInt8] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
        for first in UInt8.min...UInt8.max {
            for second in seconds {
                for rest in [[], [0x80], [0x80, 0xBF], [0xBF, 0x41], [0x41]] as [[UInt8]] {
                    let body = Wire.message(Wire.bytes(1, [first, second] + rest))
                    #expect(inspector.inspect(body) == NaiveReader.read(body), "\(first) \(second) \(rest)")
                }
            }
        }
    }
}
