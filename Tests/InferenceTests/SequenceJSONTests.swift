import Base
import Inference
import Testing

struct SequenceJSONTests {
    static let bodies: [(String, SequenceOutcome)] = [
        (#"{"parameters":{"sequence_id":42}}"#, .found("42")),
        (#"{"parameters":{"sequence_id":"42"}}"#, .found("42")),
        (#"{"parameters":{"sequence_id":18446744073709551615}}"#, .found("18446744073709551615")),
        (#"{"parameters":{"sequence_id":"chat one"}}"#, .found("chat one")),
        (#"{"parameters":{"sequence_start":true,"sequence_id":"a","sequence_end":false},"inputs":[]}"#, .found("a")),
        (" \r\n\t{ \"parameters\" \t:\n{ \"sequence_id\" : 7 }\r} ", .found("7")),
        ("{\"parameters\":{\"sequence_id\":7\n}}", .found("7")),
        // Escapes, in values and in keys: a server reads the same key.
        (
            #"{"parameters":{"sequence_id":"\u00e9\u20AC\ud83D\uDE00\n\"\\\/\b\f\r\t"}}"#,
            .found("é€😀\n\"\\/\u{8}\u{C}\r\t")
        ),
        (#"{"param\u0065ters":{"sequence\u005Fid":"a"}}"#, .found("a")),
        (#"{"parameters":{"sequence_id":"a\u0000b"}}"#, .found("a")),
        // Elsewhere it means nothing.
        (#"{}"#, .absent),
        (#"{"parameters":{}}"#, .absent),
        (#"{"sequence_id":42}"#, .absent),
        (#"{"Parameters":{"sequence_id":42}}"#, .absent),
        (#"{"parameters":{"Sequence_id":42,"sequence_id ":1,"sequence_i":2,"sequence_id2":3,"":4}}"#, .absent),
        (#"{"inputs":[{"name":"x","parameters":{"sequence_id":42}}]}"#, .absent),
        (#"{"x":{"parameters":{"sequence_id":42}}}"#, .absent),
        (#"{"parameters":{"x":{"sequence_id":42},"y":[{"sequence_id":43}]}}"#, .absent),
        (#"[{"parameters":{"sequence_id":42}}]"#, .absent),
        (#""parameters""#, .absent),
        (#"{"id":"\"parameters\":{\"sequence_id\":42}"}"#, .absent),
        (#"{"id":"x\\","parameters":{"sequence_id":1}}"#, .found("1")),
        (#"{"id":"}","x":["]","{"],"parameters":{"y":"{","sequence_id":1}}"#, .found("1")),
        (#"{"x":"parameters","y":{"parameters":1},"parameters":{"z":"sequence_id","sequence_id":1}}"#, .found("1")),
        (#"{"parameters":{"x":[[1,[2]],{"sequence_id":3}],"sequence_id":1}}"#, .found("1")),
        (#"{"parameters":[{"sequence_id":42}]}"#, .absent),
        (#"{"parameters":"sequence_id"}"#, .absent),
        (#"{"parameters":null,"x":{"sequence_id":42}}"#, .absent),
        (#"{"parameters":{"sequence_id":42}} {"parameters":{"sequence_id":43}}"#, .found("42")),
        // What Triton would not take, or takes for no sequence.
        (#"{"parameters":{"sequence_id":0}}"#, .absent),
        (#"{"parameters":{"sequence_id":""}}"#, .absent),
        (#"{"parameters":{"sequence_id":"\u0000x"}}"#, .absent),
        (#"{"parameters":{"sequence_id":-1}}"#, .absent),
        (#"{"parameters":{"sequence_id":1.0}}"#, .absent),
        (#"{"parameters":{"sequence_id":1e3}}"#, .absent),
        (#"{"parameters":{"sequence_id":007}}"#, .absent),
        (#"{"parameters":{"sequence_id":18446744073709551616}}"#, .absent),
        (#"{"parameters":{"sequence_id":99999999999999999999999}}"#, .absent),
        (#"{"parameters":{"sequence_id":true}}"#, .absent),
        (#"{"parameters":{"sequence_id":null}}"#, .absent),
        (#"{"parameters":{"sequence_id":["a"]}}"#, .absent),
        (#"{"parameters":{"sequence_id":{"a":1}}}"#, .absent),
        // Twice.
        (#"{"parameters":{"sequence_id":1,"sequence_id":1}}"#, .refused),
        (#"{"parameters":{"sequence_id":0,"sequence_id":1}}"#, .refused),
        (#"{"parameters":{"sequence_id":[],"sequence_id":1}}"#, .refused),
        (#"{"parameters":{"sequence_id":1,"x":{},"sequence_i\u0064":"b"}}"#, .refused),
        (#"{"parameters":{"sequence_id":1},"parameters":{}}"#, .refused),
        (#"{"parameters":{},"parameters":{"sequence_id":1}}"#, .refused),
        (#"{"parameters":0,"parameters":{"sequence_id":1}}"#, .refused),
        // Malformed before the id.
        ("", .absent),
        ("x", .absent),
        (#"{"#, .absent),
        (#"{"parameters":{"sequence_id":42"#, .absent),
        (#"{"parameters":{"sequence_id":"42"#, .absent),
        (#"{"parameters" {"sequence_id":42}}"#, .absent),
        (#"{"x":,"parameters":{"sequence_id":42}}"#, .absent),
        (#"{"x":1 2,"parameters":{"sequence_id":42}}"#, .absent),
        (#"{x:1,"parameters":{"sequence_id":42}}"#, .absent),
        (#"{"x":1},"parameters":{"sequence_id":42}}"#, .absent),
        (#"{"x":1]"parameters":{"sequence_id":42}}"#, .absent),
        (#"{"parameters":{"sequence_id":"\x"}}"#, .absent),
        (#"{"parameters":{"sequence_id":"\u12G4"}}"#, .absent),
        (#"{"parameters":{"sequence_id":"\ud83d"}}"#, .absent),
        (#"{"parameters":{"sequence_id":"\ud83dx"}}"#, .absent),
        (#"{"parameters":{"sequence_id":"\ud83d\n"}}"#, .absent),
        (#"{"parameters":{"sequence_id":"\ud83d\u0041"}}"#, .absent),
        (#"{"parameters":{"sequence_id":"\ude00"}}"#, .absent),
        ("{\"parameters\":{\"sequence_id\":\"a\nb\"}}", .absent),
    ]

    @Test(arguments: bodies) func reads(_ body: String, _ expected: SequenceOutcome) {
        let reader = SequenceReader()
        #expect(reader.json(body) == expected)
        // However it is cut.
        let bytes = Array(body.utf8)
        #expect(reader.read(bytes, as: .json(headerBytes: nil), cuts: Array(bytes.indices)) == expected)
        for cut in bytes.indices {
            #expect(reader.read(bytes, as: .json(headerBytes: nil), cuts: [cut]) == expected, "cut at \(cut)")
        }
    }

    /// Bodies as tritonclient writes them: parameters come after the inputs.
    @Test func readsWhatClientsWrite() {
        let reader = SequenceReader()
        let binary =
            #"{"id":"x","inputs":[{"name":"IN","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}],"#
            + #""parameters":{"sequence_id":"chat-\u00E9","sequence_start":true,"sequence_end":false,"#
            + #""binary_data_output":true}}"#
        let tensor: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
        #expect(binary.utf8.count == 215)
        #expect(reader.read(Array(binary.utf8) + tensor, as: .json(headerBytes: 215)) == .found("chat-é"))
        let text =
            #"{"id":"x","inputs":[{"name":"IN","shape":[1,2],"datatype":"FP32","data":[1.0,2.0]}],"parameters":"#
            + #"{"sequence_id":9223372036854775808,"sequence_start":true,"sequence_end":false,"a":"b"}}"#
        #expect(reader.json(text) == .found("9223372036854775808"))
    }

    /// Tensors behind the header may look like anything.
    @Test func isNotFooledByTensors() {
        let reader = SequenceReader()
        let id = #"{"parameters":{"sequence_id":42}}"#
        #expect(reader.json("{}" + id, headerBytes: 2) == .absent)
        #expect(reader.json("{}" + id) == .absent)
        #expect(reader.json(#"{"inputs":["# + id, headerBytes: 11) == .absent)
        #expect(reader.json(#"{"x":1,"# + id.dropFirst(), headerBytes: 7) == .absent)
        #expect(reader.json(id + id, headerBytes: id.utf8.count) == .found("42"))
        #expect(reader.json(id, headerBytes: 0) == .absent)
        #expect(reader.json(id, headerBytes: -1) == .absent)
        #expect(reader.json(id, headerBytes: .max) == .found("42"))
        #expect(reader.json(id, headerBytes: id.utf8.count - 2) == .absent)
    }

    @Test func idsAreBounded() {
        let reader = SequenceReader()
        let longest = String(repeating: "x", count: SequenceReader.maxIDBytes)
        #expect(reader.json(#"{"parameters":{"sequence_id":"\#(longest)"}}"#) == .found(longest))
        #expect(reader.json(#"{"parameters":{"sequence_id":"\#(longest)x"}}"#) == .absent)
        #expect(reader.json(#"{"parameters":{"sequence_id":"\#(longest)\u00e9"}}"#) == .absent)
    }

    /// What ends within the window is found; what ends behind it is absent, as is anything more.
    @Test func onlyTheWindowCounts() {
        let reader = SequenceReader()
        let id = #"","parameters":{"sequence_id":"a""#
        for (extra, expected) in [(0, SequenceOutcome.found("a")), (1, .absent), (10_000, .absent)] {
            let filler = SequenceReader.window - #"{"x":""#.utf8.count - id.utf8.count + extra
            let body = #"{"x":""# + String(repeating: "[", count: filler) + id + "}}"
            #expect(reader.json(body) == expected, "\(extra)")
            let cuts = [5, SequenceReader.window - 1, SequenceReader.window]
            #expect(reader.read(Array(body.utf8), as: .json(headerBytes: nil), cuts: cuts) == expected)
        }
        // A second one behind the window is the server's business.
        let twice = #"{"parameters":{"sequence_id":"a"},"x":""# + String(repeating: "x", count: SequenceReader.window)
        #expect(reader.json(twice + #"","parameters":{}}"#) == .found("a"))
    }

    /// The answer is there as soon as it can be, and a late second id still turns it.
    @Test func answersEarly() {
        let reader = SequenceReader()
        func feed(_ text: String) -> SequenceReader.Answer { Array(text.utf8).withUnsafeBytes { reader.feed($0) } }
        reader.begin(.json(headerBytes: nil))
        #expect(reader.answer == .undecided)
        #expect(feed(#"{"inputs":[1],"parameters":{"sequence_id":"a"#) == .undecided)
        #expect(feed(#"""#) == .found)
        #expect(feed(#","x":1}"#) == .found)
        #expect(feed(#","parameters":"#) == .refused)
        #expect(feed("{}}") == .refused && reader.end() == .refused)
        reader.begin(.json(headerBytes: nil))
        #expect(feed("{}") == .absent)
        #expect(feed(#"{"parameters":{"sequence_id":"a"}}"#) == .absent)
        reader.begin(.json(headerBytes: nil))
        #expect(feed("") == .undecided && reader.end() == .absent && feed("{}") == .absent)
    }

    @Test func deepNestingIsNothingSpecial() {
        let open = String(repeating: #"[{"x":"#, count: 9000)
        let close = String(repeating: "}]", count: 9000)
        let body = #"{"x":"# + open.prefix(30_000) + close.prefix(10_000) + #","parameters":{"sequence_id":1}}"#
        #expect(SequenceReader().json(body) == .found("1"))
    }
}
