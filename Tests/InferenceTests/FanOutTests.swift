import Inference
import Testing

struct FanOutTests {
    static func reply(_ endpoint: String, _ status: Int, _ body: String, type: String = "application/json")
        -> FanOutReply
    {
        var answer = FanOutReply.Answer(status: status)
        answer.contentType = type
        answer.body = Array(body.utf8)
        return FanOutReply(endpoint: endpoint, outcome: .answered(answer))
    }

    static func failed(_ endpoint: String, _ failure: FanOutReply.Failure, _ reason: String = "does not answer")
        -> FanOutReply
    {
        FanOutReply(endpoint: endpoint, outcome: .failed(failure, reason: reason))
    }

    static func call(
        _ endpoint: String, _ status: GRPCStatus?, _ message: String = "", body: [UInt8] = Wire.message([])
    )
        -> FanOutReply
    {
        var answer = FanOutReply.Answer(status: 200)
        answer.grpcStatus = status
        answer.grpcMessage = message
        answer.body = status == .ok ? body : []
        return FanOutReply(endpoint: endpoint, outcome: .answered(answer))
    }

    private func text(_ answer: FanOutAnswer) -> String { String(decoding: answer.body, as: UTF8.self) }

    @Test func whatIsTheSameIsOneAnswer() {
        let answer = FanOutMerge.http([
            Self.reply("a:1", 200, "x", type: "text/plain"), Self.reply("b:1", 200, "x", type: "text/plain"),
        ])
        #expect(answer.status == 200 && answer.contentType == "text/plain" && text(answer) == "x")
    }

    @Test func listsBecomeOne() {
        let answer = FanOutMerge.http([
            Self.reply("a:1", 200, #"[{"name":"m","state":"READY"},{"name":"n, ]"}]"#), Self.reply("b:1", 200, " [ ] "),
            Self.reply("c:1", 200, #"[{"name":"n, ]"}, {"name":"m","state":"UNAVAILABLE"}]"#),
        ])
        #expect(text(answer) == #"[{"name":"m","state":"READY"},{"name":"n, ]"},{"name":"m","state":"UNAVAILABLE"}]"#)
        #expect(answer.status == 200 && answer.contentType == "application/json")
    }

    @Test func othersStandSideBySide() {
        let answer = FanOutMerge.http([
            Self.reply("a:1", 200, #"{"log":1}"#), Self.reply("b:1", 204, "", type: ""),
            Self.reply("c:1", 200, "\"\u{1}\\"),
        ])
        #expect(
            text(answer)
                == #"{"endpoints":[{"endpoint":"a:1","status":200,"answer":{"log":1}},{"endpoint":"b:1","status":204,"answer":""},{"endpoint":"c:1","status":200,"answer":"\"\u0001\\"}]}"#
        )
    }

    @Test func whoSaysNothingDoesNotHideWhatOthersSay() {
        let answer = FanOutMerge.http([Self.reply("a:1", 204, "", type: ""), Self.reply("b:1", 200, "1")])
        #expect(
            answer.status == 200 && answer.contentType == "application/json" && text(answer).contains("\"answer\":1"))
        #expect(FanOutMerge.http([Self.reply("a:1", 204, ""), Self.reply("b:1", 204, "")]).status == 204)
    }

    @Test func oneFailureIsEverybodys() {
        let answer = FanOutMerge.http([
            Self.reply("a:1", 200, ""), Self.reply("b:1", 400, #"{"error":"failed to load 'm', \"x\""}"#),
            Self.reply("c:1", 503, "busy", type: "text/plain"),
        ])
        #expect(answer.status == 503 && answer.failure == nil)
        #expect(
            text(answer)
                == #"{"error":"2 of 3 endpoints: b:1: failed to load 'm', \"x\"; c:1: status 503","endpoints":[{"endpoint":"a:1","status":200,"answer":""},{"endpoint":"b:1","status":400,"answer":{"error":"failed to load 'm', \"x\""}},{"endpoint":"c:1","status":503,"answer":"busy"}]}"#
        )
    }

    /// What is no success is no answer, and what is the same but for its status is not the same.
    @Test func statuses() {
        let moved = FanOutMerge.http([Self.reply("a:1", 200, ""), Self.reply("b:1", 302, "")])
        #expect(moved.status == 302 && text(moved).hasPrefix(#"{"error":"1 of 2 endpoints: b:1: status 302","#))
        let other = FanOutMerge.http([
            Self.reply("a:1", 200, "x", type: "text/plain"), Self.reply("b:1", 202, "x", type: "text/plain"),
        ])
        #expect(other.status == 200 && other.contentType == "application/json")
        #expect(text(other).contains(#"{"endpoint":"b:1","status":202,"answer":"x"}"#))
    }

    @Test func theFirstOfTwoErrorsCounts() {
        let answer = FanOutMerge.http([Self.reply("a:1", 400, #"{"error":"first","error":"second"}"#)])
        #expect(text(answer).hasPrefix(#"{"error":"1 of 1 endpoints: a:1: first","#))
    }

    @Test(
        arguments: [
            ([.connect, .timeout], 502, .connect), ([.timeout, .reset], 504, .timeout), ([.reset], 502, .reset),
            ([.tls, .protocol], 502, .tls),
        ] as [([FanOutReply.Failure], Int, FanOutReply.Failure)])
    func whoCouldNotBeAskedIsTheWorst(_ failures: [FanOutReply.Failure], _ status: Int, _ worst: FanOutReply.Failure) {
        let answer = FanOutMerge.http([Self.reply("a:1", 500, "")] + failures.map { Self.failed("b:1", $0) })
        #expect(answer.status == status && answer.failure == worst)
        #expect(text(answer).contains(#"{"endpoint":"b:1","error":"does not answer"}"#))
    }

    @Test func longReasonsAreCut() {
        let long = String(repeating: "é", count: 10_000)
        let replies = (0..<40).map { Self.reply("a:\($0)", 400, #"{"error":"\#(long)"}"#) }
        let answer = FanOutMerge.grpc((0..<40).map { Self.call("a:\($0)", .internal, long) }, isIndex: false)
        #expect(answer.grpcMessage.count < 16 * 520 && answer.grpcMessage.hasSuffix("; and 24 more"))
        #expect(text(FanOutMerge.http(replies)).hasPrefix(#"{"error":"40 of 40 endpoints: a:0: é"#))
    }

    @Test(
        arguments: [
            "{}", "[1,-0.5e+3,true,false,null,\"\\u00e9\"]", " {\"a\":[{}]} ", "0", "\"\"",
            String(repeating: "[", count: 90) + String(repeating: "]", count: 90),
        ])
    func values(_ body: String) {
        #expect(
            text(FanOutMerge.http([Self.reply("a:1", 200, body), Self.reply("b:1", 204, "")])).contains(
                "\"answer\":\(body)}"))
    }

    @Test(
        arguments: [
            "", "{", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{a:1}", "01", "1.", "1e", "tru", "nul", "\"", "\"\\x\"",
            "[1 2]", "{}{}", "[1]x", String(repeating: "[", count: 102) + String(repeating: "]", count: 102),
            String(repeating: "[", count: 5000),
        ])
    func whatIsNoValueIsShownAsText(_ body: String) {
        let whole = text(FanOutMerge.http([Self.reply("a:1", 200, body), Self.reply("b:1", 204, "[]")]))
        #expect(whole.hasPrefix(#"{"endpoints":[{"endpoint":"a:1","status":200,"answer":""#))
    }

    // MARK: Calls

    @Test func callsThatAgree() {
        let answer = FanOutMerge.grpc([Self.call("a:1", .ok), Self.call("b:1", .ok)], isIndex: false)
        #expect(answer.grpcStatus == .ok && answer.body == Wire.message([]))
    }

    /// Entries of a map come in an order of their own.
    @Test func fieldsInAnotherOrder() {
        let (first, second) = (Wire.string(1, "m"), Wire.string(1, "n"))
        let body = Wire.message(first + second)
        let replies = [Self.call("a:1", .ok, body: body), Self.call("b:1", .ok, body: Wire.message(second + first))]
        let answer = FanOutMerge.grpc(replies, isIndex: false)
        #expect(answer.grpcStatus == .ok && answer.body == body)
        let twice = Self.call("c:1", .ok, body: Wire.message(first + first))
        #expect(FanOutMerge.grpc(replies + [twice], isIndex: false).grpcStatus == .failedPrecondition)
    }

    @Test func indexesBecomeOne() {
        let (first, second) = (Wire.string(1, "m"), Wire.string(1, "n"))
        let replies = [
            Self.call("a:1", .ok, body: Wire.message(first + second)), Self.call("b:1", .ok, body: Wire.message([])),
            Self.call("c:1", .ok, body: Wire.message(second + Wire.string(1, "o"))),
        ]
        #expect(FanOutMerge.grpc(replies, isIndex: true).body == Wire.message(first + second + Wire.string(1, "o")))
        let other = FanOutMerge.grpc(replies, isIndex: false)
        #expect(other.grpcStatus == .failedPrecondition && other.body.isEmpty)
    }

    @Test(
        arguments: [
            Wire.message([0x0A, 5, 1]), Wire.message([], flags: 1) + [0], [1, 2],
            Wire.message([]) + Wire.message([8, 1]),
            Wire.message([0x0F]), Wire.message([UInt8](repeating: 0x80, count: 20)),
        ])
    func indexesThatCannotBeRead(_ body: [UInt8]) {
        let replies = [Self.call("a:1", .ok), Self.call("b:1", .ok, body: body)]
        #expect(FanOutMerge.grpc(replies, isIndex: true).grpcStatus == .failedPrecondition)
    }

    @Test func callsThatFail() {
        let own = FanOutMerge.grpc(
            [Self.call("a:1", .ok), Self.call("b:1", .notFound, "no model 'm'"), Self.call("c:1", nil)], isIndex: true)
        #expect(own.grpcStatus == .notFound && own.failure == nil)
        #expect(own.grpcMessage == "2 of 3 endpoints: b:1: no model 'm'; c:1: status 200")
        let down = FanOutMerge.grpc(
            [Self.call("b:1", .notFound), Self.failed("c:1", .connect, "refused")], isIndex: true)
        #expect(down.grpcStatus == .unavailable && down.failure == .connect)
        #expect(down.grpcMessage == "2 of 2 endpoints: b:1: gRPC status 5; c:1: refused")
        #expect(FanOutMerge.grpc([Self.failed("c:1", .timeout)], isIndex: true).grpcStatus == .deadlineExceeded)
    }

    /// An answer to a call that is none of gRPC's, from somebody in front of the endpoint for example.
    @Test(arguments: [(503, .unavailable), (401, .unauthenticated), (404, .unimplemented)] as [(Int, GRPCStatus)])
    func callsThatAreAnsweredByHTTP(_ status: Int, _ expected: GRPCStatus) {
        let answer = FanOutMerge.grpc([Self.call("a:1", .ok), Self.reply("b:1", status, "<html>")], isIndex: true)
        #expect(answer.grpcStatus == expected && answer.grpcMessage == "1 of 2 endpoints: b:1: status \(status)")
    }
}
