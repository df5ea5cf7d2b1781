import Base
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import Tracing

/// What loops write is what is sent: read back, and decoded from its bytes.
struct SpanRecordTests {
    static let head = SpanHead(
        trace: TraceID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10), span: SpanID(random: 0xAB),
        parent: SpanID(random: 0xCD), kind: .server, start: 1_000_000_000_000_000_001, end: 1_000_000_000_000_000_900)

    static func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) {
        Array(text.utf8).withUnsafeBytes(body)
    }

    /// Two spans, with everything there is.
    static func chunk() -> SpanChunk {
        var writer = SpanWriter()
        bytes("tenants/gold") { writer.begin(head, name: "POST", $0) }
        bytes("/v2/models/m/infer") { writer.set(.path, $0) }
        writer.set(.method, "POST")
        writer.set(.status, number: 200)
        bytes("models.example.com:8443") { writer.setPlace($0) }
        writer.set(.user, [])
        writer.add(.firstByte, at: 1_000_000_000_000_000_500)
        bytes("rojo=00f067aa0ba902b7") { writer.set(traceState: $0) }
        var second = head
        second.kind = .client
        second.parent = nil
        second.isError = true
        second.isParentRemote = true
        second.flags = 3
        bytes("") { writer.begin(second, name: "connect", $0) }
        return writer.take()
    }

    @Test func areReadBack() {
        let spans = ReadSpan.all(of: Self.chunk())
        #expect(spans.count == 2)
        #expect(spans[0].head == Self.head && spans[0].name == "POST tenants/gold")
        let said = spans[0].attributes.map { "\($0.key.name)=\($0.value)" }
        #expect(
            said == [
                #"url.path=text("/v2/models/m/infer")"#, #"http.request.method=text("POST")"#,
                "http.response.status_code=number(200)", #"server.address=text("models.example.com")"#,
                "server.port=number(8443)",
            ])
        #expect(spans[0].traceState == "rojo=00f067aa0ba902b7")
        #expect(spans[0].events.map(\.time) == [1_000_000_000_000_000_500])
        #expect(spans[1].name == "connect" && spans[1].head.isError && spans[1].head.isParentRemote)
        #expect(spans[1].head.parent == nil && spans[1].head.flags == 3 && spans[1].attributes.isEmpty)
    }

    @Test func arePutIntoMessages() throws {
        let resource = TraceResource(
            serviceName: "edge", serviceVersion: "1.2.3", instance: "me", host: "h", process: 7)
        let bytes = TraceMessages.request([Self.chunk(), Self.chunk()], resource)
        let request = try Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest(serializedBytes: bytes)
        #expect(request.resourceSpans.count == 1 && request.resourceSpans[0].scopeSpans.count == 1)
        let attributes = Dictionary(
            uniqueKeysWithValues: request.resourceSpans[0].resource.attributes.map { ($0.key, $0.value) })
        #expect(attributes["service.name"]?.stringValue == "edge" && attributes["process.pid"]?.intValue == 7)
        #expect(attributes["service.instance.id"]?.stringValue == "me")
        let spans = request.resourceSpans[0].scopeSpans[0].spans
        #expect(spans.count == 4)
        #expect(Array(spans[0].traceID) == Array(1...16) && Array(spans[0].spanID) == [0, 0, 0, 0, 0, 0, 0, 0xAB])
        #expect(Array(spans[0].parentSpanID) == [0, 0, 0, 0, 0, 0, 0, 0xCD] && spans[1].parentSpanID.isEmpty)
        #expect(spans[0].kind == .server && spans[1].kind == .client)
        #expect(spans[0].flags == 0x101 && spans[1].flags == 0x303)
        #expect(spans[0].startTimeUnixNano == Self.head.start && spans[0].endTimeUnixNano == Self.head.end)
        #expect(!spans[0].hasStatus && spans[1].status.code == .error)
        #expect(spans[0].events.first?.name == "first_byte" && spans[0].traceState == "rojo=00f067aa0ba902b7")
        #expect(spans[0].attributes.first { $0.key == "server.port" }?.value.intValue == 8443)
    }

    /// No span ends before it begins, and no text is anything but UTF-8.
    @Test func areMadeSound() throws {
        var writer = SpanWriter()
        var head = Self.head
        (head.start, head.end) = (head.end, head.start)
        [0x61, 0xFF, 0xC3].withUnsafeBytes { writer.begin(head, name: "", UnsafeRawBufferPointer(rebasing: $0[..<1])) }
        writer.set(.userAgent, [0x61, 0xFF, 0xC3])
        let resource = TraceResource(serviceName: "", serviceVersion: "", instance: "", host: "", process: 0)
        let request = try Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest(
            serializedBytes: TraceMessages.request([writer.take()], resource))
        let span = try #require(request.resourceSpans[0].scopeSpans[0].spans.first)
        #expect(span.name == "a" && span.startTimeUnixNano == span.endTimeUnixNano)
        #expect(span.attributes[0].value.stringValue == "a\u{FFFD}\u{FFFD}")
    }

    @Test func areBounded() {
        var writer = SpanWriter()
        let long = String(repeating: "a", count: 100_000)
        Self.bytes(long) { writer.begin(Self.head, name: "GET", $0) }
        Self.bytes(long) { writer.set(.path, $0) }
        Self.bytes(long) { writer.set(traceState: $0) }
        Self.bytes(String(repeating: "a", count: 512)) { writer.set(traceState: $0) }
        let spans = ReadSpan.all(of: writer.take())
        #expect(spans.first?.name.utf8.count == 4 + SpanWriter.textLimit)
        #expect(spans.first?.attributes.count == 1 && spans.first?.traceState.utf8.count == 512)
        #expect(writer.count == 0 && writer.spans == 0)
    }

    @Test(
        arguments: [
            ("127.0.0.1:8000", "127.0.0.1", 8000), ("[::1]:8000", "::1", 8000), ("host", "host", nil),
            ("host:", "host:", nil), ("host:x1", "host:x1", nil), ("[::1]", "::1", nil),
            ("unix:/run/a.sock", "/run/a.sock", nil),
            ("a:123456", "a:123456", nil), (":80", "", 80), ("[::12", "[::12", nil), ("::1", ":", 1),
        ] as [(String, String, UInt64?)])
    func placesHaveParts(_ place: String, _ host: String, _ port: UInt64?) {
        Self.bytes(place) {
            let parts = SpanWriter.parts(of: $0)
            #expect(String(decoding: parts.host, as: UTF8.self) == host && parts.port == port)
        }
    }

    @Test(arguments: [
        ("/inference.GRPCInferenceService/ModelInfer", ["inference.GRPCInferenceService", "ModelInfer"]), ("/a", []),
        ("", []), ("//a", []), ("/a/b/c", ["a/b", "c"]), ("/a/", ["a"]),
    ])
    func callsHaveParts(_ path: String, _ parts: [String]) {
        var writer = SpanWriter()
        Self.bytes("") { writer.begin(Self.head, name: "POST", $0) }
        Self.bytes(path) { writer.setCall($0) }
        let values = ReadSpan.all(of: writer.take())[0].attributes.map(\.value)
        #expect(values == [.text("grpc")] + parts.map { .text($0) })
    }

    /// The reader is of the same program, and does not trap for all that.
    @Test func whatMakesNoSenseEndsTheReading() throws {
        let chunk = Self.chunk()
        for length in 0..<chunk.bytes.count {
            let cut = SpanChunk(bytes: Array(chunk.bytes[..<length]), spans: 2)
            #expect(try Self.sent(cut) <= 2)
        }
        // A span is sent whole, as far as it was written, or not at all.
        #expect(try Self.sent(chunk) == 2)
        #expect(try Self.sent(SpanChunk(bytes: chunk.bytes.dropLast(), spans: 2)) == 1)
        var random = RandomSource(seed: 1)
        for _ in 0..<2000 {
            var bytes = chunk.bytes
            bytes[Int(random.below(UInt32(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
            #expect(try Self.sent(SpanChunk(bytes: bytes, spans: .max)) <= 10)
        }
    }

    /// Spans in what is sent.
    static func sent(_ chunk: SpanChunk) throws -> Int {
        let resource = TraceResource(serviceName: "", serviceVersion: "", instance: "", host: "", process: 0)
        let request = try Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest(
            serializedBytes: TraceMessages.request([chunk], resource))
        return request.resourceSpans[0].scopeSpans[0].spans.count
    }

    @Test func namesAreUnique() {
        #expect(Set(SpanAttribute.allCases.map(\.name)).count == SpanAttribute.allCases.count)
    }

    @Test func instancesAreUUIDs() {
        #expect(TraceResource.uuid(0, 0) == "00000000-0000-4000-8000-000000000000")
        #expect(TraceResource.uuid(.max, .max) == "ffffffff-ffff-4fff-bfff-ffffffffffff")
        #expect(
            TraceResource.uuid(0x0123_4567_89AB_CDEF, 0x0123_4567_89AB_CDEF) == "01234567-89ab-4def-8123-456789abcdef")
    }

    /// Every field, by the generated types: what is in a span beside what is expected would be there as an unknown field.
    @Test func areWhatTheLibraryWouldHaveMade() throws {
        let long = String(repeating: "é", count: 300)
        var writer = SpanWriter()
        var head = Self.head
        head.isError = true
        head.isParentRemote = true
        Self.bytes(long) { writer.begin(head, name: "GET", $0) }
        for key in SpanAttribute.allCases { Self.bytes("\(key) \(long)") { writer.set(key, $0) } }
        let numbers: [UInt64] = [0, 1, 127, 128, 16_383, 16_384, UInt64(Int64.max), .max]
        for number in numbers { writer.set(.status, number: number) }
        writer.add(.firstByte, at: 7)
        Self.bytes("a=b") { writer.set(traceState: $0) }
        let resource = TraceResource(serviceName: "", serviceVersion: "", instance: "", host: "", process: 0)
        let request = try Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest(
            serializedBytes: TraceMessages.request([writer.take()], resource))

        var span = Opentelemetry_Proto_Trace_V1_Span()
        span.traceID = Data(1...16)
        span.spanID = Data([0, 0, 0, 0, 0, 0, 0, 0xAB])
        span.parentSpanID = Data([0, 0, 0, 0, 0, 0, 0, 0xCD])
        span.traceState = "a=b"
        span.flags = 0x301
        span.name = "GET " + long
        span.kind = .server
        span.startTimeUnixNano = head.start
        span.endTimeUnixNano = head.end
        for key in SpanAttribute.allCases {
            var pair = Opentelemetry_Proto_Common_V1_KeyValue()
            pair.key = key.name
            pair.value.stringValue = "\(key) \(long)"
            span.attributes.append(pair)
        }
        for number in numbers {
            var pair = Opentelemetry_Proto_Common_V1_KeyValue()
            pair.key = "http.response.status_code"
            pair.value.intValue = Int64(clamping: number)
            span.attributes.append(pair)
        }
        var event = Opentelemetry_Proto_Trace_V1_Span.Event()
        event.name = "first_byte"
        event.timeUnixNano = 7
        span.events = [event]
        span.status.code = .error
        #expect(request.resourceSpans[0].scopeSpans[0].spans == [span])
    }
}

/// A span as it is read back.
struct ReadSpan {
    enum Value: Equatable {
        case text(String)
        case number(UInt64)
    }

    var head: SpanHead
    var name = ""
    var attributes: [(key: SpanAttribute, value: Value)] = []
    var events: [(event: SpanEvent, time: UInt64)] = []
    var traceState = ""

    static func all(of chunk: SpanChunk) -> [ReadSpan] {
        chunk.bytes.withUnsafeBytes { bytes in
            var reader = SpanReader(bytes)
            var spans: [ReadSpan] = []
            while let item = reader.next() {
                switch item {
                case .span(let head): spans.append(ReadSpan(head: head))
                case .name(let text): spans[spans.count - 1].name = String(decoding: text, as: UTF8.self)
                case .traceState(let text): spans[spans.count - 1].traceState = String(decoding: text, as: UTF8.self)
                case .text(let key, let text):
                    spans[spans.count - 1].attributes.append((key, .text(String(decoding: text, as: UTF8.self))))
                case .number(let key, let number): spans[spans.count - 1].attributes.append((key, .number(number)))
                case .event(let event, let time): spans[spans.count - 1].events.append((event, time))
                case .end: return spans
                }
            }
            return spans
        }
    }
}
