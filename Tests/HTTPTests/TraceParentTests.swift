import HTTP
import Testing

/// `traceparent` as W3C Trace Context has it, with the cases of its test suite (https://github.com/w3c/trace-context).
struct TraceParentTests {
    static let trace = "12345678901234567890123456789012"
    static let span = "1234567890123456"

    private static func parse(_ text: String) -> TraceParent? {
        Array(text.utf8).withUnsafeBytes { TraceParent($0) }
    }

    @Test(arguments: [
        "00-\(trace)-\(span)-00", "00-\(trace)-\(span)-01", "00-\(trace)-\(span)-ff",
        "00-00000000000000000000000000000001-\(span)-01", "00-10000000000000000000000000000000-\(span)-01",
        "cc-\(trace)-\(span)-01", "cc-\(trace)-\(span)-01-what-the-future-will-be-like", "01-\(trace)-\(span)-01-",
        "fe-\(trace)-\(span)-01",
    ])
    func isOne(_ text: String) throws {
        let parent = try #require(Self.parse(text))
        var written = [UInt8](repeating: 0, count: TraceParent.textCount)
        written.withUnsafeMutableBufferPointer { parent.write(to: $0.baseAddress!) }
        #expect(String(decoding: written, as: UTF8.self) == "00" + text.dropFirst(2).prefix(53))
    }

    @Test(arguments: [
        "", "00", "00-", "00-\(trace)-\(span)-", "00-\(trace)-\(span)-0", "00-\(trace)-\(span)-1",
        // Version
        "ff-\(trace)-\(span)-01", "ff-\(trace)-\(span)-01-what", ".0-\(trace)-\(span)-01", "0.-\(trace)-\(span)-01",
        "0-\(trace)-\(span)-01", "000-\(trace)-\(span)-01", "0000-\(trace)-\(span)-01", "0G-\(trace)-\(span)-01",
        "cC-\(trace)-\(span)-01", "cc-\(trace)-\(span)-01.what-the-future-will-not-be-like",
        "cc-\(trace)-\(span)-012", "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01-what",
        // The trace's id
        "00-00000000000000000000000000000000-\(span)-01", "00-.2345678901234567890123456789012-\(span)-01",
        "00-1234567890123456789012345678901.-\(span)-01", "00-123456789012345678901234567890123-\(span)-01",
        "00-1234567890123456789012345678901-\(span)-01", "00-ABCDEF78901234567890123456789012-\(span)-01",
        // The span's
        "00-\(trace)-0000000000000000-01", "00-\(trace)-.234567890123456-01", "00-\(trace)-123456789012345.-01",
        "00-\(trace)-12345678901234567-01", "00-\(trace)-123456789012345-01", "00-\(trace)-ABCDEF7890123456-01",
        // Flags
        "00-\(trace)-\(span)-.0", "00-\(trace)-\(span)-0.", "00-\(trace)-\(span)-001", "00-\(trace)-\(span)-1",
        "00-\(trace)-\(span)-0A", "00 \(trace)-\(span)-01", "00-\(trace) \(span)-01", "00-\(trace)-\(span) 01",
        // Bytes that are digits to some.
        "00-\(trace)-\(span)-0١", "٠0-\(trace)-\(span)-01",
    ])
    func isNone(_ text: String) { #expect(Self.parse(text) == nil) }

    @Test func parts() throws {
        let parent = try #require(Self.parse("00-0123456789abcdef00000000000000ff-00f067aa0ba902b7-03"))
        #expect(parent.traceHigh == 0x0123_4567_89ab_cdef && parent.traceLow == 0xff)
        #expect(parent.span == 0x00f0_67aa_0ba9_02b7 && parent.flags == 3 && parent.isSampled)
        #expect(try #require(Self.parse("00-\(Self.trace)-\(Self.span)-02")).isSampled == false)
    }

    /// Two are two readings, and one that `Connection` keeps here would be missing at the endpoint.
    @Test(arguments: [
        ("traceparent: 00-\(trace)-\(span)-01\r\n", true), ("TraceParent: \t 00-\(trace)-\(span)-01 \r\n", true),
        ("traceparent: 00-\(trace)-\(span)-01\r\ntraceparent: 00-\(trace)-\(span)-01\r\n", false),
        ("traceparent: 00-\(trace)-\(span)-01\r\ntraceparent: x\r\n", false), ("traceparent:\r\n", false),
        ("traceparent: 00-\(trace)-\(span)-01, 00-\(trace)-\(span)-01\r\n", false),
        ("traceparent: 00-\(trace)-\(span)-01\r\nConnection: traceparent\r\n", false),
        ("trace-parent: 00-\(trace)-\(span)-01\r\n", false), ("", false),
    ])
    func ofAHead(_ lines: String, _ isTaken: Bool) {
        let head = MessageHead()
        let text = Array("GET / HTTP/1.1\r\nHost: h\r\n\(lines)\r\n".utf8)
        guard case .complete = text.withUnsafeBytes({ head.parseRequest($0, limit: 4096) }) else {
            Issue.record("not parsed")
            return
        }
        #expect((head.traceparent != nil) == isTaken)
    }
}
