import Foundation
import Testing

@testable import Telemetry

/// docs/metrics.md holds tables that are printed from the code. When a test fails, paste what it shows between the markers.
@Suite struct MetricsDocumentTests {
    static let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/metrics.md")

    @Test func metrics() throws {
        try expect(
            "metrics", header: ["name", "type", "labels", "meaning"],
            rows: MetricName.allCases.map { metric in
                let labels = metric.labels.map { "`\($0.rawValue)`" }.joined(separator: ", ")
                return ["`\(metric.name)`", metric.kind.rawValue, labels, metric.help]
            })
    }

    @Test func causes() throws {
        try expect(
            "causes", header: ["cause", "status", "the client reads"],
            rows: Cause.allCases.filter { $0 != .none }.map { ["`\($0.name)`", String($0.status), $0.message] })
    }

    @Test func outcomes() throws {
        func names<Outcome: OutcomeLabel>(_ type: Outcome.Type) -> String {
            Outcome.allCases.map { "`\($0.name)`" }.joined(separator: ", ")
        }
        try expect(
            "outcomes", header: ["metric", "label", "values"],
            rows: [
                ["`\(MetricName.mirrorRequests.name)`", "`outcome`", names(MirrorOutcome.self)],
                ["`\(MetricName.auth.name)`", "`outcome`", names(AuthOutcome.self)],
                ["`\(MetricName.traceSpans.name)`", "`outcome`", names(SpanOutcome.self)],
                ["`\(MetricName.configReloads.name)`", "`outcome`", names(ReloadOutcome.self)],
                ["`\(MetricName.dnsLookups.name)`", "`outcome`", names(LookupOutcome.self)],
                ["`\(MetricName.kubernetesEvents.name)`", "`outcome`", names(ClusterOutcome.self)],
                ["`\(MetricName.scaleRequests.name)`", "`outcome`", names(ScaleOutcome.self)],
                ["`\(MetricName.retries.name)`", "`reason`", names(RetryReason.self)],
                ["`\(MetricName.retriesStopped.name)`", "`reason`", names(RetryStop.self)],
                ["`\(MetricName.healthChecks.name)`", "`outcome`", names(HealthCheckOutcome.self)],
                ["`\(MetricName.modelReadings.name)`", "`outcome`", names(ModelReadingOutcome.self)],
                ["`\(MetricName.modelFailures.name)`", "`reason`", "`rejected`, `canceled`, `backend`, `other`"],
                ["`\(MetricName.activations.name)`", "`outcome`", names(ActivationOutcome.self)],
            ])
    }

    @Test func bounds() throws {
        let bounds = (0..<DurationHistogram.boundCount).map { bucket in
            let bound = Double(DurationHistogram.bounds[bucket]) / 1e9
            return bound == bound.rounded() ? String(Int(bound)) : NSDecimalNumber(value: bound).stringValue
        }
        try expect("bounds", text: bounds.joined(separator: ", "))
    }

    private func expect(_ section: String, header: [String], rows: [[String]]) throws {
        let lines = [header, header.map { _ in "---" }] + rows
        try expect(section, text: lines.map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n"))
    }

    private func expect(_ section: String, text: String) throws {
        let document = try String(contentsOf: Self.path, encoding: .utf8)
        let opening = "<!-- \(section): printed from the code -->"
        let rest = document.split(separator: opening, omittingEmptySubsequences: false).dropFirst().first ?? ""
        let written = rest.split(separator: "<!-- end -->", omittingEmptySubsequences: false).first ?? ""
        let isCurrent = written.trimmingCharacters(in: .newlines) == text
        #expect(isCurrent, "docs/metrics.md differs from the code; below \(opening) belongs:\n\n\(text)\n")
    }
}
