import Base
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
        let spans = SpanReader.spans(of: Self.chunk())
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
        let spans = SpanReader.spans(of: writer.take())
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
        let values = SpanReader.spans(of: writer.take())[0].attributes.map(\.value)
        #expect(values == [.text("grpc")] + parts.map { .text($0) })
    }

    /// The reader is of the same program, and does not trap for all that.
    @Test func whatMakesNoSenseEndsTheReading() {
        let chunk = Self.chunk()
        for length in 0..<chunk.bytes.count {
            let cut = SpanReader.spans(of: SpanChunk(bytes: Array(chunk.bytes[..<length]), spans: 2))
            #expect(cut.count <= 2)
        }
        var random = RandomSource(seed: 1)
        for _ in 0..<2000 {
            var bytes = chunk.bytes
            bytes[Int(random.below(UInt32(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
            #expect(SpanReader.spans(of: SpanChunk(bytes: bytes, spans: .max)).count <= 10)
        }
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
}
