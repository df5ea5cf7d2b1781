import Foundation

/// Reads `GET /v2/models/stats`: the same counters as Triton's metrics, for servers that have those off
/// (github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md). How many requests wait is not
/// among them.
package enum StatisticsReader {
    /// Bytes of an answer: about two kilobytes for each model.
    package static let bodyLimit = 8 << 20

    package static func read(_ body: [UInt8]) throws(CounterPage.Unreadable) -> CounterPage {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let answer = try? decoder.decode(Answer.self, from: Data(body)) else {
            throw CounterPage.Unreadable("answered with statistics that cannot be read")
        }
        var page = CounterPage()
        var seen: Set<ModelPlace> = []
        for entry in answer.modelStats {
            guard let name = ModelText.name(Array(entry.name.utf8)),
                let version = ModelText.version(Array((entry.version ?? "").utf8))
            else {
                page.refusedSamples += 1
                continue
            }
            let place = ModelPlace(name: name, version: version)
            // A server that names one twice is believed once.
            guard !seen.contains(place) else { continue }
            guard seen.count < CounterLimits.models else {
                page.leftOut += 1
                continue
            }
            seen.insert(place)
            var model = CounterPage.Model(name: name, version: version)
            model.counts = entry.counts
            page.models.append(model)
        }
        page.models.sort {
            ModelPlace(name: $0.name, version: $0.version) < ModelPlace(name: $1.name, version: $1.version)
        }
        return page
    }

    // As Triton names them, with underscores.
    private struct Answer: Decodable { var modelStats: [Entry] }

    /// Versions differ in what they have; what is missing is 0.
    private struct Entry: Decodable {
        var name: String
        var version: String?
        var inferenceCount: Count?
        var executionCount: Count?
        var inferenceStats: Durations?

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
