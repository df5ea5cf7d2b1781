import Base
import SwiftProtobuf

/// The messages of OTLP (opentelemetry.io/docs/specs/otlp).
package enum TraceMessages {
    private typealias Response = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse
    private typealias KeyValue = Opentelemetry_Proto_Common_V1_KeyValue

    /// An `ExportTraceServiceRequest` of all spans of the chunks.
    package static func request(_ chunks: [SpanChunk], _ resource: TraceResource) -> [UInt8] {
        var scope = Opentelemetry_Proto_Common_V1_InstrumentationScope()
        scope.name = "sluice"
        scope.version = resource.serviceVersion
        var spans = FieldWriter()
        spans.append(ScopeSpans.scope, bytes(of: scope))
        var encoder = SpanEncoder()
        for chunk in chunks { encoder.append(chunk, as: ScopeSpans.spans, to: &spans) }
        var origin = Opentelemetry_Proto_Resource_V1_Resource()
        origin.attributes = attributes(of: resource)
        var all = FieldWriter()
        all.append(ResourceSpans.resource, bytes(of: origin))
        all.append(ResourceSpans.scopeSpans, spans.buffer.bytes)
        var request = FieldWriter()
        request.append(ExportRequest.resourceSpans, all.buffer.bytes)
        return Array(request.buffer.bytes)
    }

    /// The numbers of the fields that hold others (opentelemetry/proto/trace/v1/trace.proto and its service).
    private enum ScopeSpans { static let (scope, spans): (UInt64, UInt64) = (1, 2) }
    private enum ResourceSpans { static let (resource, scopeSpans): (UInt64, UInt64) = (1, 2) }
    private enum ExportRequest { static let resourceSpans: UInt64 = 1 }

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
