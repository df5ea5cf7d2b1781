import Testing

@testable import Telemetry

@Suite struct ExpositionTests {
    static func text(_ format: ExpositionFormat, _ body: (inout Exposition) -> Void) -> String {
        var exposition = Exposition(format: format)
        body(&exposition)
        return String(decoding: exposition.finish(), as: UTF8.self)
    }

    @Test func aCounterInBothFormats() {
        func body(_ exposition: inout Exposition) {
            exposition.family(.configReloads)
            exposition.sample([.outcome: "applied"], 3)
            exposition.sample([.outcome: "rejected"], 1)
        }
        let help = "Attempts to load the configuration again, by what they came to"
        let samples = """
            sluice_config_reloads_total{outcome="applied"} 3
            sluice_config_reloads_total{outcome="rejected"} 1

            """
        #expect(
            Self.text(.prometheusText, body) == """
                # HELP sluice_config_reloads_total \(help)
                # TYPE sluice_config_reloads_total counter
                \(samples)
                """)
        #expect(
            Self.text(.openMetrics, body) == """
                # HELP sluice_config_reloads \(help)
                # TYPE sluice_config_reloads counter
                \(samples)# EOF

                """)
    }

    @Test func aFamilyWithoutSamplesLeavesNoTrace() {
        #expect(Self.text(.prometheusText) { $0.family(.endpointUp) } == "")
        #expect(Self.text(.openMetrics) { $0.family(.endpointUp) } == "# EOF\n")
    }

    @Test func numbersAsBothFormatsReadThem() {
        let text = Self.text(.prometheusText) {
            $0.family(.accessLogDropped)
            $0.sample(UInt64.max)
            for value in [0.25, 1e-7, -1.5, 1e300, .infinity, -.infinity, .nan] { $0.sample(value) }
        }
        let values = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: " ").last.map(String.init) }
        #expect(values == ["18446744073709551615", "0.25", "1e-07", "-1.5", "1e+300", "+Inf", "-Inf", "NaN"])
    }

    @Test func labelValuesAreEscaped() {
        let text = Self.text(.prometheusText) {
            $0.family(.requestsQueued)
            $0.sample([.backend: "a\\b\"c\nd é"], 1)
        }
        #expect(text.hasSuffix("sluice_requests_queued{backend=\"a\\\\b\\\"c\\nd é\"} 1\n"))
    }

    @Test func bucketsAccumulateUpToTheCount() {
        var histogram = DurationHistogram()
        for value: UInt64 in [0, 100_000, 100_001, 1_500_000_000, 400_000_000_000] {
            histogram.record(nanoseconds: value)
        }
        func body(_ exposition: inout Exposition) {
            exposition.family(.queueDuration)
            exposition.histogram([.route: "r", .backend: "b"], histogram)
        }
        func buckets(_ format: ExpositionFormat) -> [String] {
            Self.text(format, body).split(separator: "\n").filter { $0.hasPrefix("sluice") }
                .map { line in
                    String(
                        line.replacing("sluice_queue_duration_seconds", with: "")
                            .replacing("route=\"r\",backend=\"b\"", with: ""))
                }
        }
        let plain = buckets(.prometheusText)
        #expect(plain.count == DurationHistogram.boundCount + 3)
        #expect(plain[0] == "_bucket{,le=\"0.0001\"} 2")
        #expect(plain[1] == "_bucket{,le=\"0.00025\"} 3")
        #expect(plain[12] == "_bucket{,le=\"1\"} 3")
        #expect(plain[13] == "_bucket{,le=\"2.5\"} 4")
        #expect(plain[19] == "_bucket{,le=\"300\"} 4")
        #expect(plain[20] == "_bucket{,le=\"+Inf\"} 5")
        #expect(plain[21] == "_sum{} 401.500200001")
        #expect(plain[22] == "_count{} 5")
        let open = buckets(.openMetrics)
        #expect(open[12] == "_bucket{,le=\"1.0\"} 3")
        #expect(open[13] == "_bucket{,le=\"2.5\"} 4")
    }

    @Test func aSeriesFillsItsFamilies() {
        var counters = SeriesCounters()
        counters.record(
            code: 200, cause: .none, duration: 1_000_000, queue: 0, firstByte: nil, requestBytes: 3, responseBytes: 4)
        counters.record(
            code: 503, cause: .queueFull, duration: 10, queue: nil, firstByte: nil, requestBytes: 0, responseBytes: 0,
            isError: true)
        for code in UInt16(600)..<700 { counters.responses.count(code: code, cause: .none) }
        let lines = Self.text(.openMetrics) {
            $0.write([LabeledSeries(route: "infer", backend: "stable", counters: counters)])
        }.split(separator: "\n").map(String.init)
        let labels = "{route=\"infer\",backend=\"stable\""
        for expected in [
            "sluice_requests_total\(labels),code=\"200\",cause=\"\"} 1",
            "sluice_requests_total\(labels),code=\"503\",cause=\"queue_full\"} 1",
            "sluice_requests_total\(labels),code=\"other\",cause=\"\"} 38",
            "sluice_errors_total\(labels)} 1",
            "sluice_request_duration_seconds_count\(labels)} 2",
            "sluice_queue_duration_seconds_count\(labels)} 1",
            "sluice_time_to_first_byte_seconds_count\(labels)} 0",
            "sluice_request_bytes_total\(labels)} 3",
            "sluice_response_bytes_total\(labels)} 4",
        ] { #expect(lines.contains(expected), "\(expected)") }
    }

    /// A few series are there before anything has happened to them; of thousands only those that are used.
    @Test func unusedSeries() {
        var used = SeriesCounters()
        used.record(
            code: 200, cause: .none, duration: 1, queue: 0, firstByte: nil, requestBytes: 0, responseBytes: 0)
        func counts(_ unused: Int) -> Int {
            let series = (0..<unused).map {
                LabeledSeries(route: "unused \($0)", backend: "b", counters: SeriesCounters())
            }
            let page = Self.text(.openMetrics) {
                $0.write(series + [LabeledSeries(route: "used", backend: "b", counters: used)])
            }
            #expect(page.contains("sluice_request_duration_seconds_count{route=\"used\",backend=\"b\"} 1"))
            return page.split(separator: "\n").count { $0.hasPrefix("sluice_request_duration_seconds_count") }
        }
        #expect(counts(Exposition.unusedSeriesLimit - 1) == Exposition.unusedSeriesLimit)
        #expect(counts(Exposition.unusedSeriesLimit) == 1)
    }
}
