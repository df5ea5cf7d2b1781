import FoundationEssentials
import SwiftProtobuf

/// The messages of OTLP (opentelemetry.io/docs/specs/otlp).
package enum TraceMessages {
    private typealias Request = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest
    private typealias Response = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse
    private typealias Span = Opentelemetry_Proto_Trace_V1_Span
    private typealias Flags = Opentelemetry_Proto_Trace_V1_SpanFlags
    private typealias KeyValue = Opentelemetry_Proto_Common_V1_KeyValue

    /// An `ExportTraceServiceRequest` of all spans of the chunks.
    package static func request(_ chunks: [SpanChunk], _ resource: TraceResource) -> [UInt8] {
        var scope = Opentelemetry_Proto_Trace_V1_ScopeSpans()
        scope.scope.name = "sluice"
        scope.scope.version = resource.serviceVersion
        scope.spans = chunks.flatMap { SpanReader.spans(of: $0) }.map(span)
        var all = Opentelemetry_Proto_Trace_V1_ResourceSpans()
        all.resource.attributes = attributes(of: resource)
        all.scopeSpans = [scope]
        var request = Request()
        request.resourceSpans = [all]
        // Nothing in it is required, and no string is anything but UTF-8, so there is nothing to fail.
        return (try? request.serializedBytes()) ?? []
    }

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
