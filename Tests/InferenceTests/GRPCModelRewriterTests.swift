import Base
import Inference
import Testing

struct GRPCModelRewriterTests {
    /// What comes out of a body that is cut at the given places, and how it was refused.
    static func rewrite(
        _ body: [UInt8], model: String? = "new", version: String? = nil, cuts: [Int] = []
    ) -> (bytes: [UInt8], refusal: GRPCRefusal.Kind?) {
        var rewriter = GRPCModelRewriter(model: model, version: version)
        var out: [UInt8] = []
        var start = 0
        for cut in cuts.sorted() + [body.count] {
            let refusal = Array(body[start..<cut]).withUnsafeBytes { bytes in
                rewriter.feed(bytes) { out += Array($0) }
            }
            if let refusal { return (out, refusal.kind) }
            start = cut
        }
        rewriter.end { out += Array($0) }
        return (out, nil)
    }

    @Test func theNewNamesStandBehindEachMessage() {
        let body = Wire.message(Wire.model("a") + Wire.filler(40)) + Wire.message([]) + Wire.message(Wire.version("2"))
        let both = Wire.model("new") + Wire.version("7")
        let expected =
            Wire.message(Wire.model("a") + Wire.filler(40) + both) + Wire.message(both)
            + Wire.message(Wire.version("2") + both)
        #expect(Self.rewrite(body, version: "7").bytes == expected)
    }

    @Test func onlyWhatIsNamed() {
        let body = Wire.message(Wire.model("a"))
        #expect(Self.rewrite(body, model: "b").bytes == Wire.message(Wire.model("a") + Wire.model("b")))
        #expect(
            Self.rewrite(body, model: nil, version: "1").bytes == Wire.message(Wire.model("a") + Wire.version("1")))
    }

    @Test(arguments: [127, 128, 300, 1024]) func longNames(_ length: Int) {
        let name = String(repeating: "m", count: length)
        #expect(Self.rewrite(Wire.message([]), model: name).bytes == Wire.message(Wire.model(name)))
    }

    /// The names as another implementation has written and read them: tritonclient 2.50, `service_pb2`.
    @Test func asTheClientLibraryWritesIt() {
        // ModelInferRequest(model_name="simple", id="1", inputs=[InferInputTensor(name="I", datatype="FP32", shape=[1])])
        let request: [UInt8] =
            [10, 6] + Array("simple".utf8) + [26, 1, 49, 42, 12, 10, 1, 73, 18, 4, 70, 80, 51, 50, 26, 1, 1]
        let result = Self.rewrite(Wire.message(request), model: "other", version: "2").bytes
        #expect(result == Wire.message(request + [10, 5] + Array("other".utf8) + [18, 1, 50]))
    }

    @Test(
        arguments: [
            // Compressed.
            (Wire.message(Wire.model("a"), flags: 1), .unimplemented),
            (Wire.message([2], flags: 2), .invalidArgument),
            // The length has no room for the names.
            (Wire.prefix(Int(UInt32.max)), .resourceExhausted),
            (Wire.prefix(Int(UInt32.max) - 4), .resourceExhausted),
            // What is put behind it would be taken for the rest of its last field.
            (Wire.message(Wire.model("a") + Wire.tag(9, 2) + [5]), .invalidArgument),
            (Wire.message(Wire.model("a") + Wire.tag(9, 2)), .invalidArgument),
            (Wire.message(Wire.model("a") + [0x80]), .invalidArgument),
            (Wire.message(Wire.model("a") + Wire.tag(9, 1)), .invalidArgument),
            (Wire.message(Wire.model("a") + Wire.tag(9, 5) + [0]), .invalidArgument),
            (Wire.message(Wire.model("a") + Wire.tag(9, 0)), .invalidArgument),
            (Wire.message(Wire.model("a") + Wire.tag(9, 3)), .invalidArgument),
        ] as [([UInt8], GRPCRefusal.Kind)])
    func refused(_ body: [UInt8], _ kind: GRPCRefusal.Kind) {
        #expect(Self.rewrite(body).refusal == kind)
        #expect(Self.rewrite(body, cuts: Array(1..<body.count)).refusal == kind)
    }

    @Test func theLongestMessage() {
        let names = Wire.model("new").count
        let body = Wire.prefix(Int(UInt32.max) - names)
        #expect(Self.rewrite(body).bytes == Wire.prefix(Int(UInt32.max)))
    }

    @Test func aRefusalIsFinal() {
        var rewriter = GRPCModelRewriter(model: "new", version: nil)
        for body in [Wire.message([], flags: 1), Wire.message([])] {
            let refusal = body.withUnsafeBytes { bytes in
                rewriter.feed(bytes) { _ in Issue.record("nothing is to be sent") }
            }
            #expect(refusal?.kind == .unimplemented)
        }
    }

    /// A body that is cut short stays so: the server sees that something is missing.
    @Test func cutShort() {
        let body = Wire.message(Wire.model("a"))
        let whole = Wire.message(Wire.model("a") + Wire.model("new"))
        for length in 1..<body.count {
            let result = Self.rewrite(Array(body[..<length]))
            #expect(result.refusal == nil)
            #expect(result.bytes == (length < 5 ? Array(body[..<length]) : Array(whole[..<length])))
            var rewriter = GRPCModelRewriter(model: "new", version: nil)
            _ = Array(body[..<length]).withUnsafeBytes { rewriter.feed($0) { _ in } }
            #expect(rewriter.isInsideMessage)
        }
    }

    /// However the body is cut, the same comes out; and what is read from it is the new name.
    @Test(arguments: 0..<24) func cutsMakeNoDifference(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        for _ in 0..<50 {
            let contents = (0..<random.below(5)).map { _ -> [UInt8] in
                var fields = [Wire.filler(Int(2 + random.below(300)))]
                if random.below(2) == 0 { fields.append(Wire.model("model\(random.below(9))")) }
                if random.below(2) == 0 { fields.append(Wire.version("\(random.below(9))")) }
                return fields.shuffled(using: &random).flatMap { $0 }
            }
            let body = contents.flatMap { Wire.message($0) }
            let expected = contents.flatMap { Wire.message($0 + Wire.model("new") + Wire.version("4")) }
            let cuts = (0..<random.below(12)).map { _ in Int(random.below(UInt32(body.count + 1))) }
            let result = Self.rewrite(body, version: "4", cuts: cuts)
            #expect(result.refusal == nil)
            #expect(result.bytes == expected, "seed \(seed), cuts \(cuts)")
        }
    }

    /// Bodies with bytes changed: whatever is not refused is framed as it should be and ends in the new name.
    @Test(arguments: 0..<24) func noise(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        var kept = 0
        for _ in 0..<400 {
            var body = Wire.message(Wire.model("abc") + Wire.filler(12)) + Wire.message(Wire.version("1"))
            for _ in 0..<random.below(4) {
                body[Int(random.below(UInt32(body.count)))] = UInt8(truncatingIfNeeded: random.next())
            }
            let result = Self.rewrite(body, cuts: [Int(random.below(UInt32(body.count)))])
            guard result.refusal == nil else { continue }
            var rest = result.bytes[...]
            while rest.count >= 5 {
                let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(5)
                guard rest.count >= length else { break }
                #expect(Array(rest.prefix(length).suffix(5)) == Wire.model("new"))
                rest = rest.dropFirst(length)
                kept += 1
            }
        }
        #expect(kept > 50)
    }
}
