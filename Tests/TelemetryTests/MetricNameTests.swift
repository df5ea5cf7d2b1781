import Testing

@testable import Telemetry

@Suite struct MetricNameTests {
    @Test func namesFollowThePrometheusConventions() {
        for metric in MetricName.allCases {
            let name = metric.name
            #expect(name.hasPrefix("sluice_") || name.hasPrefix("process_"), "\(name)")
            #expect(
                name.utf8.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) },
                "\(name)")
            #expect((metric.kind == .counter) == name.hasSuffix("_total"), "\(name)")
            #expect(metric.kind != .histogram || name.hasSuffix("_seconds"), "\(name)")
            #expect(!["_bucket", "_sum", "_count", "_created"].contains { name.hasSuffix($0) }, "\(name)")
        }
        #expect(Set(MetricName.allCases.map(\.name)).count == MetricName.allCases.count)
    }

    @Test func helpIsOneSentenceThatNeedsNoEscaping() {
        for metric in MetricName.allCases {
            #expect(!metric.help.isEmpty && !metric.help.hasSuffix("."), "\(metric.name)")
            #expect(
                metric.help.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }, "\(metric.name)")
        }
    }

    @Test func labelsAreDistinct() {
        for metric in MetricName.allCases {
            #expect(Set(metric.labels).count == metric.labels.count, "\(metric.name)")
        }
    }
}
