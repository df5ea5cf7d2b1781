import Testing

@testable import Telemetry

@Suite struct ExpositionFormatTests {
    @Test func contentTypes() {
        #expect(ExpositionFormat.prometheusText.contentType == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            ExpositionFormat.openMetrics.contentType == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    }

    @Test(arguments: [
        // What Prometheus 2.42, Prometheus 3, curl and Chromium send.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", ExpositionFormat.openMetrics
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                + "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
                + "text/plain;version=0.0.4;q=0.2,*/*;q=0.1", .openMetrics
        ),
        ("*/*", .prometheusText),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", .prometheusText),
        // Case, blanks, quotes.
        ("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.9", .openMetrics),
        ("application/openmetrics-text", .openMetrics),
        ("application/openmetrics-text; note=\"a,b;q=0\"", .openMetrics),
        ("application/openmetrics-text; note=\"a;q=0\"", .openMetrics),
        // Only an old version; refused; less wanted than the plain text.
        ("application/openmetrics-text;version=0.0.1", .prometheusText),
        ("application/openmetrics-text;q=0", .prometheusText),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.5", .prometheusText),
        ("text/plain;q=0.5,application/openmetrics-text;q=0.5", .openMetrics),
        // The exact range says more about the plain text than the one for everything.
        ("*/*;q=0.9,text/plain;q=0.1,application/openmetrics-text;q=0.5", .openMetrics),
        ("application/openmetrics-text;q=0.5,text/*;q=0.1,*/*;q=0.9", .openMetrics),
        ("text/plain;q=0.9,*/*;q=0.1,application/openmetrics-text;q=0.5", .prometheusText),
        ("text/plain;q=0.9,text/plain;q=0.1,application/openmetrics-text;q=0.5", .prometheusText),
        // Nonsense.
        ("", .prometheusText),
        (",;,=;q", .prometheusText),
        ("application/openmetrics-text;q=1.5", .prometheusText),
        ("application/openmetrics-text;q=0.1234", .prometheusText),
        ("application/json", .prometheusText),
    ])
    func negotiation(accept: String, format: ExpositionFormat) {
        #expect(ExpositionFormat.negotiate(accept: accept) == format)
    }

    @Test func withoutAcceptThePlainText() {
        #expect(ExpositionFormat.negotiate(accept: nil) == .prometheusText)
    }
}
