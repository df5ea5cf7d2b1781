import Base
import Testing
import Traffic

/// A table that can be asked and changed in one expression.
private final class Table {
    private(set) var outages = ModelOutages()

    var isEmpty: Bool { outages.isEmpty }
    var count: Int { outages.count }

    func isOut(_ model: ModelKey, at endpoint: Int, now: Instant) -> Bool {
        outages.isOut(model, at: endpoint, now: now)
    }

    func begin(_ model: ModelKey, at endpoint: Int, now: Instant) { outages.begin(model, at: endpoint, now: now) }

    @discardableResult
    func refused(_ model: ModelKey, at endpoint: Int, now: Instant) -> Instant {
        outages.refused(model, at: endpoint, now: now)
    }

    func answered(_ model: ModelKey, at endpoint: Int) -> Bool { outages.answered(model, at: endpoint) }
    func forget(_ endpoint: Int) { outages.forget(endpoint) }
    func purge(now: Instant) { outages.purge(now: now) }
}

@Suite struct HealthModelTests {
    private static func key(_ name: String, _ version: String = "") -> ModelKey? {
        ModelKey(name: name.utf8, version: version.utf8)
    }

    private func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    @Test func namesAreBounded() {
        #expect(Self.key("") == nil && Self.key("m") != nil)
        #expect(
            Self.key(String(repeating: "m", count: 255)) != nil && Self.key(String(repeating: "m", count: 256)) == nil)
        #expect(Self.key("m", "12345678901234567890") != nil && Self.key("m", "123456789012345678901") == nil)
        #expect(Self.key("m", "1") != Self.key("m") && Self.key("m1") != Self.key("m", "1"))
    }

    @Test func oneModelOfOneEndpointIsLeftOut() throws {
        let model = try #require(Self.key("bert"))
        let other = try #require(Self.key("bert", "2"))
        let outages = Table()
        #expect(outages.isEmpty && !outages.isOut(model, at: 1, now: at(0)))
        #expect(outages.refused(model, at: 1, now: at(0)) == at(1000))
        #expect(outages.isOut(model, at: 1, now: at(999)) && !outages.isOut(model, at: 1, now: at(1000)))
        #expect(!outages.isOut(model, at: 2, now: at(0)) && !outages.isOut(other, at: 1, now: at(0)))
        #expect(outages.answered(model, at: 1) && outages.isEmpty && !outages.answered(model, at: 1))
    }

    /// Whoever is refused together with others counts once.
    @Test func manyRefusalsAtOnceAreOne() throws {
        let model = try #require(Self.key("bert"))
        let outages = Table()
        let ends = (0..<32).map { outages.refused(model, at: 1, now: at($0)) }
        #expect(ends.allSatisfy { $0 == at(1000) })
    }

    @Test func oneTriesAndEachRefusalDoubles() throws {
        let model = try #require(Self.key("bert"))
        let outages = Table()
        var end = outages.refused(model, at: 1, now: at(0))
        var spans: [UInt64] = []
        for _ in 0..<7 {
            let now = end
            #expect(!outages.isOut(model, at: 1, now: now))
            outages.begin(model, at: 1, now: now)
            #expect(outages.isOut(model, at: 1, now: now), "the others wait for the one that tries")
            end = outages.refused(model, at: 1, now: now + .milliseconds(2))
            spans.append(end.since(now + .milliseconds(2)).count / 1_000_000_000)
        }
        #expect(spans == [2, 4, 8, 16, 30, 30, 30])
        // A try of which nothing is heard keeps the others away for a moment only.
        outages.begin(model, at: 1, now: end)
        #expect(outages.isOut(model, at: 1, now: end + .milliseconds(999)))
        #expect(!outages.isOut(model, at: 1, now: end + .seconds(1)))
        // Long after, it is an outage of its own.
        #expect(outages.refused(model, at: 1, now: end + .seconds(100)) == end + .seconds(101))
    }

    @Test func theTableIsBoundedAndEmpties() throws {
        let outages = Table()
        let first = try #require(Self.key("first"))
        outages.refused(first, at: 1, now: at(0))
        for index in 0..<5000 as Range<UInt64> {
            outages.refused(try #require(Self.key("model\(index)")), at: 1, now: at(1 + index % 7))
            #expect(outages.count <= ModelOutages.capacity)
        }
        #expect(outages.count == ModelOutages.capacity && !outages.isOut(first, at: 1, now: at(2)))
        outages.refused(try #require(Self.key("other")), at: 2, now: at(9))
        outages.forget(1)
        #expect(outages.count == 1)
        outages.purge(now: at(60_000))
        #expect(outages.count == 1)
        outages.purge(now: at(61_009))
        #expect(outages.isEmpty)
    }

    // MARK: - Triton's texts

    private static func refusal(_ status: Int, _ body: String, of model: String = "bert") -> TritonRefusal? {
        Array(body.utf8).withUnsafeBytes { TritonRefusal(status: status, body: $0, model: model.utf8) }
    }

    private static func refusal(grpc status: Int, _ message: String) -> TritonRefusal? {
        Array(message.utf8).withUnsafeBytes { TritonRefusal(grpcStatus: status, message: $0, model: "bert".utf8) }
    }

    private static let stopping =
        "[request id: 7] Server is stopping, scheduler for model has stopped accepting new inference requests"

    @Test(arguments: [
        (503, 14, "Server not ready"), (503, 14, "Server exiting"), (503, 14, stopping),
        (400, 3, "Model version not ready"),
        (503, 14, "Request for unknown model: 'bert' version 3 is not at ready state"),
        (503, 14, "Request for unknown model: 'bert' is not at ready state"),
        (503, 14, "[request id: 7] Request for unknown model: 'bert' version 3 is not at ready state"),
        (404, 5, "Request for unknown model: 'bert' has no available versions"),
        (400, 3, "Request for unknown model: 'bert' has no available versions"),
    ])
    func notReady(_ status: Int, _ grpcStatus: Int, _ text: String) {
        #expect(Self.refusal(status, "{\"error\":\"\(text)\"}") == .notReady)
        #expect(Self.refusal(status, " { \"error\" : \"\(text)\" }\r\n") == .notReady)
        #expect(Self.refusal(grpc: grpcStatus, text) == .notReady)
        #expect(Self.refusal(500, "{\"error\":\"\(text)\"}") == nil && Self.refusal(grpc: 13, text) == nil)
    }

    @Test(arguments: [
        "[request id: 7] Exceeds maximum queue size", "Request timeout expired", "",
        // A client's words are no evidence.
        "[request id: Server not ready] Exceeds maximum queue size", "[request id: <id>] Server not ready, or so",
        "[request id: ' version 1 is not at ready state] Exceeds maximum queue size",
        "[request id: a] x] Request for unknown model: 'bert' is not at ready state",
        "[request id: Request for unknown model: 'bert' is not at ready state",
    ])
    func busy(_ text: String) {
        #expect(Self.refusal(503, "{\"error\":\"\(text)\"}") == .busy && Self.refusal(grpc: 14, text) == .busy)
        #expect(Self.refusal(400, "{\"error\":\"\(text)\"}") == nil)
    }

    @Test(arguments: [
        "Request for unknown model: 'Server not ready' is not found",
        "Request for unknown model: 'x' has no available versions' is not found",
        "Unable to parse 'trace_rate', got: x is not at ready state",
        "invalid datatype: Request for unknown model: 'bert' is not at ready state",
        "[request id: a] invalid datatype: b] Request for unknown model: 'bert' is not at ready state",
        "Request for unknown model: 'other' is not at ready state",
        "Request for unknown model: 'bert' version x is not at ready state",
        "Request for unknown model: 'bert' is not at ready state now",
        "unexpected inference input name Server not ready", "unexpected shape for input 'Model version not ready'",
        "[request id: a] inference input data-type is 'FP32'",
    ])
    func neither(_ text: String) {
        #expect(Self.refusal(400, "{\"error\":\"\(text)\"}") == nil && Self.refusal(grpc: 3, text) == nil)
    }

    /// Bodies are a peer's bytes.
    @Test(arguments: [
        "", "{", "{\"error\"", "{\"error\":", "{\"error\":\"", "{\"error\":\"}", "\"}", "}", "   ",
        "{\"error\":\"Server not ready\"",
        "[\"Server not ready\"]", "{\"error\":\"Server not ready\"} trailing",
    ])
    func oddBodiesAreBusy(_ body: String) {
        #expect(Self.refusal(503, body) == .busy)
        #expect(Self.refusal(400, body) == nil && Self.refusal(404, body) == nil)
    }

    /// Only of the model that was asked for, and only as a whole.
    @Test(arguments: [
        (404, #"{"error":"Request for unknown model: 'bert' is not found"}"#, true),
        (400, #"{"error":"Request for unknown model: 'bert' version 7 is not found"}"#, true),
        (400, #"{"error":"[request id: 5] Request for unknown model: 'bert' is not found"}"#, true),
        (404, #"{"error":"Request for unknown model: 'bert' has no available versions"}"#, false),
        (404, #"{"error":"Request for unknown model: 'other' is not found"}"#, false),
        (404, #"{"error":"Request for unknown model: 'bert' is not found, or so"}"#, false),
        (503, #"{"error":"Request for unknown model: 'bert' is not found"}"#, false),
        (404, "", false),
    ])
    func unknownModels(_ status: Int, _ body: String, _ expected: Bool) {
        #expect(
            Array(body.utf8).withUnsafeBytes {
                TritonRefusal.saysUnknown(status: status, body: $0, model: "bert".utf8)
            } == expected)
    }

    @Test func unknownModelsOfCalls() {
        func says(_ status: Int, _ text: String) -> Bool {
            Array(text.utf8).withUnsafeBytes {
                TritonRefusal.saysUnknown(grpcStatus: status, message: $0, model: "bert".utf8)
            }
        }
        #expect(says(5, "Request for unknown model: 'bert' is not found"))
        #expect(says(3, "Request for unknown model: 'bert' version 1 is not found"))
        #expect(!says(14, "Request for unknown model: 'bert' is not found") && !says(5, "bert is not found"))
    }

}
