import Models
import Testing

@Suite struct StatisticsTests {
    private func read(_ text: String) throws -> CounterPage { try StatisticsReader.read(Array(text.utf8)) }

    @Test func aRealAnswer() throws {
        let found = try StatisticsReader.read(page("triton-2.51-stats.json"))
        #expect(
            found.models.map { "\($0.name)/\($0.version)" } == [
                "densenet/1", "densenet/2", "densenet_of_next_year/1", "tokens/1", "tokens/2",
            ])
        let first = try #require(found["densenet", "1"])
        #expect(first.counts.successes == 7 && first.counts.inferences == 7 && first.counts.executions == 7)
        #expect(first.counts.requestMicroseconds == 58127 && first.counts.queueMicroseconds == 269)
        #expect(first.counts.computeMicroseconds == 359 + 56994 + 488)
        #expect(first.pending == nil)
    }

    /// The two doors of one server, opened one after the other: nanoseconds are cut for each request there, and once here.
    @Test func bothWaysAgree() throws {
        let statistics = try StatisticsReader.read(page("triton-2.51-stats.json"))
        let metrics = try ModelsTests.read(page("triton-2.51-metrics.txt"))
        for (one, other) in zip(statistics.models, metrics.models) {
            #expect(one.name == other.name && one.counts.successes == other.counts.successes)
            #expect(one.counts.queueMicroseconds - other.counts.queueMicroseconds <= one.counts.successes)
            #expect(one.counts.computeMicroseconds - other.counts.computeMicroseconds <= 3 * one.counts.successes)
        }
    }

    @Test func oldVersionsLackFields() throws {
        let found = try read(
            #"{"model_stats":[{"name":"m"},{"name":"n","version":"2","inference_stats":{"fail":{"count":3}}}]}"#)
        #expect(found["m", ""]?.counts == ModelCounts())
        #expect(found["n", "2"]?.counts.failures.other == 3)
    }

    @Test func newVersionsHaveMore() throws {
        let found = try read(
            #"{"model_stats":[{"name":"m","version":"1","new":[1],"inference_stats":{"cancel":{"count":2,"ns":5},"x":{}}}]}"#
        )
        #expect(found["m", "1"]?.counts.failures.canceled == 2)
    }

    @Test(arguments: ["-1", "1e300", "\"5\"", "null", "[]", "18446744073709551616", "1.5"])
    func numbersThatCannotBe(number: String) throws {
        let found = try read(
            #"{"model_stats":[{"name":"m","version":"1","inference_count":\#(number),"execution_count":4}]}"#)
        #expect(found["m", "1"]?.counts.inferences == 0)
        #expect(found["m", "1"]?.counts.executions == 4)
    }

    @Test(arguments: [
        "", "{}", "[]", "<html>", #"{"model_stats":{}}"#, #"{"error":"no"}"#, String(repeating: "[", count: 100_000),
    ])
    func noStatistics(text: String) {
        #expect(refusal { _ = try read(text) } == "answered with statistics that cannot be read")
    }

    @Test func names() throws {
        let long = String(repeating: "m", count: 256)
        let found = try read(
            #"{"model_stats":[{"name":"a/b"},{"name":""},{"name":"\#(long)"},{"name":"a\u0000b"},{"name":"a/b","inference_count":9}]}"#
        )
        #expect(found.models.map(\.name) == ["a/b"] && found.refusedSamples == 3)
        #expect(found["a/b", ""]?.counts.inferences == 0)
    }

    @Test func tooMany() throws {
        let entries = (0..<CounterLimits.models + 7).map { #"{"name":"m\#($0)"}"# }.joined(separator: ",")
        let found = try read("{\"model_stats\":[\(entries)]}")
        #expect(found.models.count == CounterLimits.models && found.leftOut == 7)
    }

    /// Whoever asks whether a server is used must not overlook a model.
    @Test func sumOfAll() throws {
        #expect(try StatisticsReader.sum(page("triton-2.51-stats.json")).successes == 10)
        let entries = (0..<CounterLimits.models + 7).map { _ in
            #"{"name":"","inference_stats":{"success":{"count":1},"fail":{"count":2},"cancel":{"count":"many"}}}"#
        }
        let found = try StatisticsReader.sum(Array("{\"model_stats\":[\(entries.joined(separator: ","))]}".utf8))
        #expect(found.successes == 2007 && found.failures.sum == 4014)
        #expect(throws: UnreadableAnswer.self) { try StatisticsReader.sum(Array("{}".utf8)) }
    }
}
