import Testing

@testable import Configuration

@Suite struct DurationTextTests {
    @Test(arguments: [
        ("0s", Duration.zero), ("250ms", .milliseconds(250)), ("1.5s", .milliseconds(1500)), ("5m", .seconds(300)),
        ("1h", .seconds(3600)), ("0.001s", .milliseconds(1)), ("007s", .seconds(7)),
        ("1.000000001s", .nanoseconds(1_000_000_001)),
        ("1us", .microseconds(1)), ("1ns", .nanoseconds(1)), ("0.5h", .seconds(1800)), ("1.50ms", .microseconds(1500)),
        ("9223372036s", .seconds(9_223_372_036)), ("9223372036854775807ns", .nanoseconds(Int64.max)),
        ("1.0000000000000ns", .nanoseconds(1)),
    ])
    func reads(text: String, expected: Duration) throws {
        #expect(try DurationText.parse(text) == expected)
    }

    @Test(arguments: [
        "", "s", "10", "1.5", "1,5s", "-1s", "+1s", " 1s", "1s ", "1 s", "1S", "1sec", "1d", "1h30m", ".5s", "1.s",
        "1..5s",
        "1.2.3s", "0.0000000001s", "0.5ns", "9223372037s", "9223372036854775808ns", "2562048h", "1e3s", "٣s", "1s\n",
        "∞", "0x1s",
        "99999999999999999999999s",
    ])
    func refuses(text: String) {
        #expect(throws: InvalidValue.self) { try DurationText.parse(text) }
    }

    @Test(arguments: [
        ("10", "needs a unit, write 10s for seconds or 10ms for milliseconds"),
        ("9223372037s", "is too long, the longest duration is 292 years"),
        ("0.5ns", "has a fraction of a nanosecond, write fewer decimals"),
    ])
    func saysWhatToWrite(text: String, message: String) {
        #expect(throws: InvalidValue(message)) { try DurationText.parse(text) }
    }

    @Test(arguments: ["0s", "1ns", "250ms", "1500ms", "5m", "1h", "90m", "25s", "168h"])
    func formatsWhatItReads(text: String) throws {
        #expect(DurationText.format(try DurationText.parse(text)) == text)
    }
}
