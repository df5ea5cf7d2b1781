import Base
import Inference
import Testing

struct ParameterJSONTests {
    static let both = RequestParameters(priority: 1, timeout: 250_000)

    struct Result: Equatable {
        var body = ""
        var refusal: String?
    }

    /// What comes out of a body that is cut at the given places.
    static func rewrite(
        _ body: [UInt8], _ parameters: RequestParameters = both, jsonBytes: Int? = nil, cuts: [Int] = []
    ) -> (bytes: [UInt8], refusal: String?, growth: Int) {
        var rewriter = ParameterJSON(parameters, jsonBytes: jsonBytes.map { UInt64($0) })
        let growth = Int(rewriter.growth)
        var out: [UInt8] = []
        var start = 0
        for cut in cuts.sorted() + [body.count] {
            let refusal = Array(body[start..<cut]).withUnsafeBytes { bytes in
                rewriter.feed(bytes) { out += Array($0) }
            }
            if let refusal { return (out, "\(refusal)", growth) }
            start = cut
        }
        return (out, rewriter.end().map { "\($0)" }, growth)
    }

    static func rewrite(_ body: String, _ parameters: RequestParameters = both, jsonBytes: Int? = nil) -> Result {
        let (bytes, refusal, growth) = rewrite(Array(body.utf8), parameters, jsonBytes: jsonBytes)
        if refusal == nil { #expect(bytes.count == body.utf8.count + growth) }
        return refusal == nil ? Result(body: String(decoding: bytes, as: UTF8.self)) : Result(refusal: refusal)
    }

    /// Runs of spaces are shown as one.
    static func squeezed(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).reduce(into: "") { result, part in
            if part.isEmpty {
                if result.last != " " { result += " " }
            } else {
                result += (result.isEmpty || result.last == " " ? "" : " ") + part
            }
        }
    }

    @Test(
        arguments: [
            (#"{}"#, #"{ "parameters":{"priority":1,"timeout":250000}}"#),
            (
                #" { "a" : [1, {"parameters": {"priority": 9}}] } "#,
                #" { "a" : [1, {"parameters": {"priority": 9}}] ,"parameters":{"priority":1,"timeout":250000}} "#
            ),
            (#"{"parameters":{}}"#, #"{"parameters":{ "priority":1,"timeout":250000 }}"#),
            (#"{"parameters":{"a":1},"b":2}"#, #"{"parameters":{"a":1,"priority":1,"timeout":250000 },"b":2}"#),
            (#"{"parameters":{"priority":7}}"#, #"{"parameters":{ "priority":1,"timeout":250000 }}"#),
            (#"{"parameters":{"priority":7,"a":1}}"#, #"{"parameters":{ "a":1,"priority":1,"timeout":250000 }}"#),
            (#"{"parameters":{"a":1,"timeout":7}}"#, #"{"parameters":{"a":1, "priority":1,"timeout":250000 }}"#),
            (
                #"{"parameters":{"a":1,"timeout":[{"x":"}"}],"b":"timeout","priority":"]"}}"#,
                #"{"parameters":{"a":1, "b":"timeout", "priority":1,"timeout":250000 }}"#
            ),
            // One key has many forms, and a name is more than its beginning.
            (
                #"{"p\u0061rameters":{"\u0070riority":7,"prio":1,"priority2":2,"TIMEOUT":3}}"#,
                #"{"p\u0061rameters":{ "prio":1,"priority2":2,"TIMEOUT":3,"priority":1,"timeout":250000 }}"#
            ),
            (
                #"{"parameters":{"priority":7,"priority":8,"timeout":1e9}}"#,
                #"{"parameters":{ "priority":1,"timeout":250000 }}"#
            ),
            (
                #"{"parameters":{"é\"\\":"\"}","a\/":NaN}}"#,
                #"{"parameters":{"é\"\\":"\"}","a\/":NaN,"priority":1,"timeout":250000 }}"#
            ),
        ])
    func takesThePlaceOfWhatTheClientSays(_ body: String, _ expected: String) {
        #expect(Self.squeezed(Self.rewrite(body).body) == expected)
    }

    @Test func onlyWhatIsSet() {
        let body = #"{"parameters":{"priority":7,"timeout":8}}"#
        #expect(
            Self.squeezed(Self.rewrite(body, RequestParameters(priority: 0)).body)
                == #"{"parameters":{ "timeout":8,"priority":0 }}"#)
        #expect(
            Self.squeezed(Self.rewrite(body, RequestParameters(timeout: 1)).body)
                == #"{"parameters":{"priority":7, "timeout":1 }}"#)
    }

    @Test func theGreatestValues() {
        let text = Self.rewrite("{}", RequestParameters(priority: .max, timeout: .max)).body
        #expect(text == #"{ "parameters":{"priority":4294967295,"timeout":9223372036854775807}}"#)
    }

    @Test func whatFollowsTheJSONPassesUnread() {
        let json = #"{"inputs":[]}"#
        let tensors = #"{"parameters":{"priority":3}}"#
        let result = Self.rewrite(json + tensors, jsonBytes: json.utf8.count)
        #expect(result.body == #"{"inputs":[],"parameters":{"priority":1,"timeout":250000}}"# + tensors)
    }

    @Test(
        arguments: [
            (#"{"parameters":{},"parameters":{}}"#, "the request has parameters twice"),
            (#"{"parameters":{},"\u0070arameters":1}"#, "the request has parameters twice"),
            (#"{"parameters":null}"#, "the request's parameters are no object"),
            (#"{"parameters":[1]}"#, "the request's parameters are no object"),
            (#"{"parameters":"x"}"#, "the request's parameters are no object"),
            (#"[{"parameters":{}}]"#, "the body is no JSON object"),
            ("\u{FEFF}{}", "the body is no JSON object"), ("", "the body is no whole JSON object"),
            ("  ", "the body is no whole JSON object"), (#"{"a":1"#, "the body is no whole JSON object"),
            (#"{"a":"}"#, "the body is no whole JSON object"),
            (#"{"parameters":{"prio"#, "the body is no whole JSON object"),
            ("{}{}", "something follows the JSON object"), ("{}\0", "something follows the JSON object"),
            (#"{"a" 1}"#, "the body is no JSON object"), (#"{"a":}"#, "the body is no JSON object"),
            (#"{"a":1,}"#, "the body is no JSON object"), (#"{,"a":1}"#, "the body is no JSON object"),
            (#"{"parameters":{"a":1,}}"#, "the body is no JSON object"),
            (#"{"parameters":{"p\x":1}}"#, "the body is no JSON object"), (#"{'a':1}"#, "the body is no JSON object"),
        ])
    func refusesWhatCouldBeReadInTwoWays(_ body: String, _ reason: String) {
        #expect(Self.rewrite(body).refusal == reason)
    }

    @Test func refusesJSONOfAnotherLengthThanItIsSaidToHave() {
        #expect(Self.rewrite("{}  ", jsonBytes: 1).refusal == "the JSON in front of the tensors is no whole object")
        #expect(Self.rewrite("{}", jsonBytes: 3).refusal == "Inference-Header-Content-Length is longer than the body")
        #expect(Self.rewrite("{} ", jsonBytes: 3).refusal == nil)
        #expect(Self.rewrite("{", jsonBytes: 3).refusal == "the body is no whole JSON object")
    }
}

struct GRPCParameterTests {
    @Test func entriesStandBehindEachMessage() {
        var rewriter = GRPCModelRewriter(model: "new", version: nil)
        rewriter.parameters = RequestParameters(priority: 2, timeout: 300)
        var out: [UInt8] = []
        let clients = Wire.bytes(4, Wire.string(1, "priority") + Wire.bytes(2, [0x10, 1]))
        (Wire.message(clients) + Wire.message([])).withUnsafeBytes { bytes in
            #expect(rewriter.feed(bytes) { out += Array($0) } == nil)
        }
        let ours =
            Wire.model("new") + Wire.bytes(4, Wire.string(1, "priority") + Wire.bytes(2, [0x10, 2]))
            + Wire.bytes(4, Wire.string(1, "timeout") + Wire.bytes(2, [0x10] + Wire.varint(300)))
        #expect(out == Wire.message(clients + ours) + Wire.message(ours))
    }

    @Test(arguments: [1, 127, 128, 16_383, 16_384, 1 << 40, UInt64.max]) func timeouts(_ timeout: UInt64) {
        var rewriter = GRPCModelRewriter(model: nil, version: nil)
        rewriter.parameters = RequestParameters(timeout: timeout)
        var out: [UInt8] = []
        Wire.message([]).withUnsafeBytes { bytes in #expect(rewriter.feed(bytes) { out += Array($0) } == nil) }
        let value = Wire.varint(min(timeout, UInt64(Int64.max)))
        #expect(out == Wire.message(Wire.bytes(4, Wire.string(1, "timeout") + Wire.bytes(2, [0x10] + value))))
    }

    /// The time that is left becomes less from message to message, but not in the middle of one.
    @Test func theTimeoutIsThatOfTheBeginning() {
        var rewriter = GRPCModelRewriter(model: nil, version: nil)
        rewriter.parameters = RequestParameters(timeout: 300)
        var out: [UInt8] = []
        let body = Wire.message(Wire.filler(20)) + Wire.message([])
        for (index, byte) in body.enumerated() {
            if index == 10 { rewriter.parameters.timeout = 5 }
            [byte].withUnsafeBytes { bytes in #expect(rewriter.feed(bytes) { out += Array($0) } == nil) }
        }
        func entry(_ value: [UInt8]) -> [UInt8] {
            Wire.bytes(4, Wire.string(1, "timeout") + Wire.bytes(2, [0x10] + value))
        }
        #expect(out == Wire.message(Wire.filler(20) + entry(Wire.varint(300))) + Wire.message(entry([5])))
    }
}
