import FoundationEssentials
import SwiftProtobuf

/// The messages of OTLP (opentelemetry.io/docs/specs/otlp).
package enum TraceMessages {
    private typealias Response = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse
    private typealias Span = Opentelemetry_Proto_Trace_V1_Span
    private typealias Flags = Opentelemetry_Proto_Trace_V1_SpanFlags
    private typealias KeyValue = Opentelemetry_Proto_Common_V1_KeyValue

    /// An `ExportTraceServiceRequest` of all spans of the chunks.
    ///
    /// Each span is serialised by itself and put into what is around it by its length (protobuf.dev, "Encoding"): the library
    /// counts the size of a message anew for each level it is in, which took half the time of the whole.
    package static func request(_ chunks: [SpanChunk], _ resource: TraceResource) -> [UInt8] {
        var scope = Opentelemetry_Proto_Common_V1_InstrumentationScope()
        scope.name = "sluice"
        scope.version = resource.serviceVersion
        var spans: [UInt8] = []
        append(bytes(of: scope), as: ScopeSpans.scope, to: &spans)
        for chunk in chunks {
            for each in SpanReader.spans(of: chunk) { append(bytes(of: span(each)), as: ScopeSpans.spans, to: &spans) }
        }
        var origin = Opentelemetry_Proto_Resource_V1_Resource()
        origin.attributes = attributes(of: resource)
        var all: [UInt8] = []
        append(bytes(of: origin), as: ResourceSpans.resource, to: &all)
        append(spans, as: ResourceSpans.scopeSpans, to: &all)
        var request: [UInt8] = []
        append(all, as: ExportRequest.resourceSpans, to: &request)
        return request
    }

    /// The numbers of the fields that hold others (opentelemetry/proto/trace/v1/trace.proto and its service).
    private enum ScopeSpans { static let (scope, spans): (UInt8, UInt8) = (1, 2) }
    private enum ResourceSpans { static let (resource, scopeSpans): (UInt8, UInt8) = (1, 2) }
    private enum ExportRequest { static let resourceSpans: UInt8 = 1 }

    /// A field that holds a message: its number and type, the length, the message.
    private static func append(_ message: [UInt8], as field: UInt8, to result: inout [UInt8]) {
        let lengthDelimited: UInt8 = 2
        result.append(field << 3 | lengthDelimited)
        var length = message.count
        while length >= 0x80 {
            result.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        result.append(UInt8(truncatingIfNeeded: length))
        result += message
    }

    /// Nothing in it is required, and no string is anything but UTF-8, so there is nothing to fail.
    private static func bytes(of message: some Message) -> [UInt8] { (try? message.serializedBytes()) ?? [] }

    /// How many spans a collector that has answered 200 has not taken; 0 for an answer that says nothing of it.
    package static func rejectedSpans(in answer: [UInt8]) -> Int {
        guard let response = try? Response(serializedBytes: answer) else { return 0 }
        return Int(clamping: max(0, response.partialSuccess.rejectedSpans))
    }

    private static func attributes(of resource: TraceResource) -> [KeyValue] {
        [
            text("service.name", resource.serviceName), text("service.version", resource.serviceVersion),
            text("service.instance.id", resource.instance), text("host.name", resource.host),
            number("process.pid", resource.process),
        ]
    }

    private static func span(_ span: SpanReader.Span) -> Span {
        let head = span.head
        var message = Span()
        message.traceID = bytes(head.trace.high) + bytes(head.trace.low)
        message.spanID = bytes(head.span.value)
        if let parent = head.parent { message.parentSpanID = bytes(parent.value) }
        message.traceState = span.traceState
        message.flags = UInt32(head.flags) | UInt32(Flags.contextHasIsRemoteMask.rawValue)
        if head.isParentRemote { message.flags |= UInt32(Flags.contextIsRemoteMask.rawValue) }
        message.name = span.name
        message.kind =
            switch head.kind {
            case .internal: .internal
            case .server: .server
            case .client: .client
            }
        message.startTimeUnixNano = head.start
        message.endTimeUnixNano = max(head.start, head.end)
        message.attributes = span.attributes.map { attribute in
            switch attribute.value {
            case .text(let value): text(attribute.key.name, value)
            case .number(let value): number(attribute.key.name, Int64(clamping: value))
            }
        }
        message.events = span.events.map { event in
            var message = Span.Event()
            message.name = event.event.name
            message.timeUnixNano = event.time
            return message
        }
        if head.isError { message.status.code = .error }
        return message
    }

    /// The bytes of an id, first digit first.
    private static func bytes(_ word: UInt64) -> Data { withUnsafeBytes(of: word.bigEndian) { Data($0) } }

    private static func text(_ key: String, _ value: String) -> KeyValue {
        var pair = KeyValue()
        pair.key = key
        pair.value.stringValue = value
        return pair
    }

    private static func number(_ key: String, _ value: Int64) -> KeyValue {
        var pair = KeyValue()
        pair.key = key
        pair.value.intValue = value
        return pair
    }
}
