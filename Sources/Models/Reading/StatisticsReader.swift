import Foundation

/// Reads `GET /v2/models/stats`: the same counters as Triton's metrics, for servers that have those off
/// (github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md). How many requests wait is not
/// among them.
package enum StatisticsReader {
    /// Bytes of an answer: about two kilobytes for each model.
    package static let bodyLimit = 8 << 20

    package static func read(_ body: [UInt8]) throws(UnreadableAnswer) -> CounterPage {
        let entries = try entries(body)
        var page = CounterPage()
        var seen: Set<ModelVersion> = []
        for entry in entries {
            guard let name = ModelText.name(Array(entry.name.utf8)),
                let version = ModelText.version(Array((entry.version ?? "").utf8))
            else {
                page.refusedSamples += 1
                continue
            }
            let id = ModelVersion(name: name, version: version)
            // A server that names one twice is believed once.
            guard !seen.contains(id) else { continue }
            guard seen.count < CounterLimits.models else {
                page.leftOut += 1
                continue
            }
            seen.insert(id)
            var model = CounterPage.Model(name: name, version: version)
            model.counts = entry.counts
            page.models.append(model)
        }
        page.models.sort { $0.id < $1.id }
        return page
    }

    /// All models together, also those beyond the limit and those whose names cannot be shown.
    package static func sum(_ body: [UInt8]) throws(UnreadableAnswer) -> ModelCounts {
        var sum = ModelCounts()
        for entry in try entries(body) { sum.add(entry.counts) }
        return sum
    }

    private static func entries(_ body: [UInt8]) throws(UnreadableAnswer) -> [Entry] {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else {
            throw UnreadableAnswer("answered with statistics that cannot be read")
        }
        return answer.models
    }

    private struct Answer: Decodable {
        var models: [Entry]

        enum CodingKeys: String, CodingKey { case models = "model_stats" }
    }

    /// Versions differ in what they have; what is missing is 0.
    private struct Entry: Decodable {
        var name: String
        var version: String?
        var inferenceCount: Count?
        var executionCount: Count?
        var inferenceStats: Durations?

        // Written out: having the decoder convert names takes twice the time.
        enum CodingKeys: String, CodingKey {
            case name, version
            case inferenceCount = "inference_count"
            case executionCount = "execution_count"
            case inferenceStats = "inference_stats"
        }

        var counts: ModelCounts {
            var counts = ModelCounts()
            counts.inferences = inferenceCount?.value ?? 0
            counts.executions = executionCount?.value ?? 0
            guard let stats = inferenceStats else { return counts }
            counts.successes = stats.success?.count?.value ?? 0
            counts.failures.other = stats.fail?.count?.value ?? 0
            counts.failures.canceled = stats.cancel?.count?.value ?? 0
            counts.requestMicroseconds = stats.success.microseconds
            counts.queueMicroseconds = stats.queue.microseconds
            counts.computeMicroseconds =
                stats.computeInput.microseconds &+ stats.computeInfer.microseconds
                &+ stats.computeOutput.microseconds
            return counts
        }
    }

    private struct Durations: Decodable {
        var success: Duration?
        var fail: Duration?
        var cancel: Duration?
        var queue: Duration?
        var computeInput: Duration?
        var computeInfer: Duration?
        var computeOutput: Duration?

        enum CodingKeys: String, CodingKey {
            case success, fail, cancel, queue
            case computeInput = "compute_input"
            case computeInfer = "compute_infer"
            case computeOutput = "compute_output"
        }
    }

    fileprivate struct Duration: Decodable {
        var count: Count?
        var ns: Count?
    }

    /// A number that is none, or cannot be, counts as missing and spoils nothing else.
    fileprivate struct Count: Decodable {
        var value: UInt64?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            value = (try? container.decode(UInt64.self)).flatMap { $0 <= UInt64(CounterLimits.count) ? $0 : nil }
        }
    }
}

extension StatisticsReader.Duration? {
    fileprivate var microseconds: UInt64 { (self?.ns?.value ?? 0) / 1000 }
}
