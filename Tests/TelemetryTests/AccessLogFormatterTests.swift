import Base
import Foundation
import Testing

@testable import Telemetry

@Suite struct AccessLogFormatterTests {
    @Test func aWholeLineOfJSON() {
        let line = Sample.withRecord(.json) { Sample.line($0, .json) }
        #expect(
            line == #"{"time":"2026-11-21T09:22:00.123456Z","client":"192.0.2.7","method":"POST","#
                + #""path":"/v2/models/m/infer?x=1","protocol":"HTTP/1.1","host":"gw:8080","route":"infer","#
                + #""backend":"stable","endpoint":"10.0.0.7:8000","status":502,"cause":"upstream_reset","#
                + #""requestId":"r-1","user":"ann","userAgent":"curl/8 (x)","traceId":"4bf92f","requestBytes":128,"#
                + #""responseBytes":64,"queueSeconds":0.000000,"firstByteSeconds":0.002100,"#
                + #""durationSeconds":61.000001,"retries":1,"tries":2,"model":"m","version":"3"}"# + "\n")
    }

    @Test func aWholeLineOfText() {
        let line = Sample.withRecord(.text) { Sample.line($0, .text) }
        #expect(
            line == #"192.0.2.7 - ann [2026-11-21T09:22:00.123456Z] "POST /v2/models/m/infer?x=1 HTTP/1.1" 502 64 "-" "#
                + #""curl/8 (x)" host=gw:8080 route=infer backend=stable endpoint=10.0.0.7:8000 cause=upstream_reset "#
                + #"request_id=r-1 trace_id=4bf92f request_bytes=128 queue=0.000000 first_byte=0.002100 "#
                + #"duration=61.000001 retries=1 tries=2 model=m version=3"# + "\n")
    }

    @Test func whatIsNotKnownIsLeftOut() {
        #expect(
            Sample.line(AccessLogRecord(), .json)
                == #"{"time":"1970-01-01T00:00:00.000000Z","status":0,"requestBytes":0,"responseBytes":0,"#
                + #""durationSeconds":0.000000,"retries":0,"tries":0}"# + "\n")
        #expect(
            Sample.line(AccessLogRecord(), .text)
                == #"- - - [1970-01-01T00:00:00.000000Z] "- - -" 0 0 "-" "-" host=- route=- backend=- endpoint=- cause=- "#
                + #"request_id=- trace_id=- request_bytes=0 queue=- first_byte=- duration=0.000000 retries=0 "#
                + #"tries=0 model=- version=-"# + "\n")
    }

    @Test(
        arguments: [
            (0, "0.000000"), (499, "0.000000"), (500, "0.000001"), (1_000_000_000, "1.000000"),
            (999_999_499, "0.999999"), (999_999_500, "1.000000"), (.max, "18446744073.709552"),
        ] as [(UInt64, String)])
    func durationsAreRoundedToMicroseconds(nanoseconds: UInt64, text: String) {
        let record = AccessLogRecord()
        record.duration = nanoseconds
        #expect(Sample.line(record, .json).contains(#""durationSeconds":\#(text),"#))
    }

    @Test(
        arguments: [
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_001_999, "2000-02-29T00:00:00.000001Z"),
            (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000Z"),
            (.min, "1677-09-21T00:12:43.145224Z"),
            (.max, "2262-04-11T23:47:16.854775Z"),
        ] as [(Int64, String)])
    func timestamps(time: Int64, text: String) {
        var cache = TimestampCache()
        #expect(line { cache.append(time, to: &$0) } == text)
    }

    /// However long the fields are, the line has all of them.
    @Test(arguments: AccessLogFormatter.Format.allCases)
    func linesOfEveryLengthAreWhole(format: AccessLogFormatter.Format) {
        func line(_ agent: String, _ model: String) -> String {
            let (agent, model) = (StableBytes(agent), StableBytes(model))
            return withExtendedLifetime((agent, model)) {
                let record = AccessLogRecord()
                record.userAgent = agent.bytes
                record.model = model.bytes
                return Sample.line(record, format)
            }
        }
        let short = line("AGENT", "MODEL")
        for length in stride(from: 1, through: AccessLogFormatter.fieldLimit, by: 105) {
            let agent = String(repeating: "a", count: length)
            #expect(line(agent, "MODEL") == short.replacing("AGENT", with: agent))
            let model = String(repeating: "m", count: length)
            #expect(line(agent, model) == short.replacing("AGENT", with: agent).replacing("MODEL", with: model))
        }
    }

    /// Every byte takes the longest escape and every number all its digits: the writer, which ends a debug build where it is
    /// given too little room, has enough. Just below 410 bytes the fields together are not longer than one may be.
    @Test(
        arguments: AccessLogFormatter.Format.allCases,
        [1, 7, 409, 410, AccessLogFormatter.fieldLimit, AccessLogFormatter.fieldLimit + 1])
    func hostileLinesHaveTheRoomTheyNeed(format: AccessLogFormatter.Format, length: Int) {
        let bytes = [UInt8](repeating: 1, count: length)
        let trace = StableBytes(String(repeating: "a", count: 32))
        var entryNames = KeptMembers()
        var endpointName = KeptMembers()
        let line = bytes.withUnsafeBytes { view in
            let record = AccessLogRecord()
            record.client = view
            record.method = view
            record.path = view
            record.entry = entryNames.keep(route: view, backend: view, for: format)
            record.endpoint = endpointName.keep(endpoint: view, for: format)
            record.traceID = trace.bytes
            record.protocol = "HTTP/1.1"
            record.host = view
            record.status = .max
            record.cause = .exchangeTimeout
            record.grpcStatus = .max
            record.requestID = view
            record.user = view
            record.userAgent = view
            record.clientSubject = view
            record.requestBytes = .max
            record.responseBytes = .max
            record.queue = .max
            record.firstByte = .max
            record.duration = .max
            record.retries = .max
            record.tries = .max
            record.model = view
            record.version = view
            return Sample.line(record, format)
        }
        withExtendedLifetime(trace) {}
        let written = line.split(separator: format == .json ? "\\u0001" : "\\x01", omittingEmptySubsequences: false)
            .count
        #expect(written - 1 == 13 * min(length, AccessLogFormatter.fieldLimit))
        #expect(line.hasSuffix(format == .json ? "\"}\n" : "\n"))
    }

    @Test func idsMadeHereAreWrittenAsTheyAre() {
        let id = "0123456789abcdef0123456789abcdef"
        for text in [id, "short"] {
            let bytes = StableBytes(text)
            let record = AccessLogRecord()
            record.requestID = bytes.bytes
            record.madeRequestID = true
            record.traceID = bytes.bytes
            let line = withExtendedLifetime(bytes) { Sample.line(record, .json) }
            #expect(line.contains(#""status":0,"requestId":"\#(text)","traceId":"\#(text)","requestBytes":0"#))
        }
    }

    @Test(arguments: [0, 9, 42, 99, 100, 101, 199, 200, 404, 499, 502, 599, 999, 1000, UInt16.max])
    func statuses(status: UInt16) {
        #expect(line { $0.append(status: status) } == String(status))
    }

    @Test func keptNamesAreThoseOfTheFormat() {
        var names = KeptMembers()
        #expect(names.bytes(for: .json) == nil && names.bytes(for: .text) == nil)
        let json = names.keep(route: staticBytes("a\"b"), backend: staticBytes(""), for: .json)
        #expect(names.bytes(for: .json)?.baseAddress == json.baseAddress && names.bytes(for: .text) == nil)
        #expect(String(decoding: json, as: UTF8.self) == #","route":"a\"b""#)
        let text = names.keep(route: staticBytes("a b"), backend: staticBytes(""), for: .text)
        #expect(names.bytes(for: .text)?.baseAddress == text.baseAddress && names.bytes(for: .json) == nil)
        #expect(String(decoding: text, as: UTF8.self) == #" route=a\x20b backend=-"#)
    }

    @Test func theCachedSecondIsReplaced() {
        var cache = TimestampCache()
        let text = line { line in
            for time: Int64 in [0, 999_999_999, 1_000_000_000, 0] {
                cache.append(time, to: &line)
                line.append(" ")
            }
        }
        #expect(
            text == "1970-01-01T00:00:00.000000Z 1970-01-01T00:00:00.999999Z "
                + "1970-01-01T00:00:01.000000Z 1970-01-01T00:00:00.000000Z ")
    }

    @Test func timestampsAgreeWithTheCalendar() {
        var random = SeededRandom(seed: 11)
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        var cache = TimestampCache()
        for _ in 0..<2000 {
            // From 1970 to the end of what 64 bits hold.
            let second = Int64(random.next() % 9_223_372_036)
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second], from: Date(timeIntervalSince1970: Double(second)))
            let expected = String(
                format: "%04d-%02d-%02dT%02d:%02d:%02d.000000Z", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0,
                parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
            #expect(line { cache.append(second * 1_000_000_000, to: &$0) } == expected)
        }
    }
}

@Suite struct AccessLogMirrorTests {
    private let mirrors = [
        MirrorNote(place: 0, backend: Array("sha\"dow".utf8), outcome: .ok),
        MirrorNote(place: 1, backend: Array("b".utf8), outcome: .dropped),
    ]

    private func ends(_ format: AccessLogFormatter.Format, _ mirrors: [MirrorNote]) -> String {
        var buffer = ByteBuffer()
        var formatter = AccessLogFormatter(format: format)
        formatter.begin(AccessLogRecord(), to: &buffer)
        AccessLogFormatter.end(mirrors, format, to: &buffer)
        let line = String(decoding: buffer.bytes, as: UTF8.self)
        return String(line[(line.range(of: "\"tries\":0") ?? line.range(of: "version=-")!).upperBound...])
    }

    @Test func theEndTellsOfEachCopy() {
        #expect(
            ends(.json, mirrors)
                == #","mirrors":[{"backend":"sha\"dow","outcome":"ok"},{"backend":"b","outcome":"dropped"}]}"# + "\n")
        #expect(ends(.text, mirrors).hasPrefix(" mirrors="))
        #expect(ends(.text, mirrors).hasSuffix(":ok,b:dropped\n"))
    }

    @Test func nothingIsSaidWithoutMirrors() {
        #expect(ends(.json, []) == "}\n")
        #expect(ends(.text, []) == "\n")
    }
}

/// A record with every field set.
enum Sample {
    static func line(_ record: AccessLogRecord, _ format: AccessLogFormatter.Format) -> String {
        String(decoding: bytes(record, format), as: UTF8.self)
    }

    static func bytes(_ record: AccessLogRecord, _ format: AccessLogFormatter.Format) -> [UInt8] {
        var buffer = ByteBuffer()
        var formatter = AccessLogFormatter(format: format)
        formatter.append(record, to: &buffer)
        return [UInt8](buffer.bytes)
    }

    static func withRecord<Result>(_ format: AccessLogFormatter.Format, _ body: (AccessLogRecord) -> Result) -> Result {
        let texts = [
            "192.0.2.7", "POST", "/v2/models/m/infer?x=1", "gw:8080", "r-1", "ann", "curl/8 (x)", "4bf92f", "m", "3",
        ].map(StableBytes.init)
        var entryNames = KeptMembers()
        var endpointName = KeptMembers()
        let entry = entryNames.keep(route: staticBytes("infer"), backend: staticBytes("stable"), for: format)
        let endpoint = endpointName.keep(endpoint: staticBytes("10.0.0.7:8000"), for: format)
        return withExtendedLifetime(texts) {
            let record = AccessLogRecord()
            record.time = 1_795_252_920_123_456_789
            record.client = texts[0].bytes
            record.method = texts[1].bytes
            record.path = texts[2].bytes
            record.protocol = "HTTP/1.1"
            record.host = texts[3].bytes
            record.entry = entry
            record.endpoint = endpoint
            record.status = 502
            record.cause = .upstreamReset
            record.requestID = texts[4].bytes
            record.user = texts[5].bytes
            record.userAgent = texts[6].bytes
            record.traceID = texts[7].bytes
            record.requestBytes = 128
            record.responseBytes = 64
            record.queue = 0
            record.firstByte = 2_100_000
            record.duration = 61_000_001_000
            record.retries = 1
            record.tries = 2
            record.model = texts[8].bytes
            record.version = texts[9].bytes
            return body(record)
        }
    }
}

private func staticBytes(_ text: StaticString) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
}
