import Base

/// Makes `Span` messages (opentelemetry/proto/trace/v1/trace.proto) of what loops have written, from bytes to bytes.
struct SpanEncoder: ~Copyable {
    /// The numbers of the fields.
    private enum Field {
        static let traceID: UInt64 = 1
        static let spanID: UInt64 = 2
        static let traceState: UInt64 = 3
        static let parentSpanID: UInt64 = 4
        static let name: UInt64 = 5
        static let kind: UInt64 = 6
        static let start: UInt64 = 7
        static let end: UInt64 = 8
        static let attributes: UInt64 = 9
        static let events: UInt64 = 11
        static let status: UInt64 = 15
        static let flags: UInt64 = 16
    }
    /// Those of the messages inside.
    private enum KeyValue { static let (key, value): (UInt64, UInt64) = (1, 2) }
    private enum AnyValue { static let (string, int): (UInt64, UInt64) = (1, 3) }
    private enum Event { static let (time, name): (UInt64, UInt64) = (1, 2) }
    private enum Status { static let code: UInt64 = 3 }
    /// Values of its enumerations.
    private static let statusError: UInt64 = 2
    private static let hasIsRemote: UInt32 = 0x100
    private static let isRemote: UInt32 = 0x200
    private static let names = SpanAttribute.allCases.map { Array($0.name.utf8) }

    private var span = FieldWriter()

    /// Appends the spans of a chunk as fields, up to a place that makes no sense, if there is one.
    mutating func append(_ chunk: SpanChunk, as field: UInt64, to result: inout FieldWriter) {
        chunk.bytes.withUnsafeBytes { bytes in
            var reader = SpanReader(bytes)
            var isOpen = false
            while let item = reader.next() {
                switch item {
                case .span(let head):
                    if isOpen { result.append(field, span.buffer.bytes) }
                    span.removeAll()
                    isOpen = true
                    append(head)
                case .end:
                    if isOpen { result.append(field, span.buffer.bytes) }
                    return
                case .name(let text): Self.withUTF8(text) { span.append(Field.name, $0) }
                case .traceState(let text): Self.withUTF8(text) { span.append(Field.traceState, $0) }
                case .text(let key, let text): Self.withUTF8(text) { append(key, $0) }
                case .number(let key, let number): append(key, min(number, UInt64(Int64.max)))
                case .event(let event, let time): append(event, time)
                }
            }
        }
    }

    private mutating func append(_ head: SpanHead) {
        span.append(Field.traceID, bytesOf: head.trace.high, head.trace.low)
        span.append(Field.spanID, bytesOf: head.span.value)
        if let parent = head.parent { span.append(Field.parentSpanID, bytesOf: parent.value) }
        let kind: UInt64 =
            switch head.kind {
            case .internal: 1
            case .server: 2
            case .client: 3
            }
        span.append(Field.kind, number: kind)
        span.append(Field.start, fixed64: head.start)
        span.append(Field.end, fixed64: max(head.start, head.end))
        if head.isError {
            span.append(Field.status, length: FieldWriter.size(ofNumber: Self.statusError))
            span.append(Status.code, number: Self.statusError)
        }
        let flags = UInt32(head.flags) | Self.hasIsRemote | (head.isParentRemote ? Self.isRemote : 0)
        span.append(Field.flags, fixed32: flags)
    }

    private mutating func append(_ key: SpanAttribute, _ text: UnsafeRawBufferPointer) {
        begin(key, FieldWriter.size(ofLength: text.count))
        span.append(AnyValue.string, text)
    }

    private mutating func append(_ key: SpanAttribute, _ number: UInt64) {
        begin(key, FieldWriter.size(ofNumber: number))
        span.append(AnyValue.int, number: number)
    }

    /// - Parameter size: of the value that follows.
    private mutating func begin(_ key: SpanAttribute, _ size: Int) {
        let name = Self.names[Int(key.rawValue)]
        span.append(
            Field.attributes, length: FieldWriter.size(ofLength: name.count) + FieldWriter.size(ofLength: size))
        span.append(KeyValue.key, name)
        span.append(KeyValue.value, length: size)
    }

    private mutating func append(_ event: SpanEvent, _ time: UInt64) {
        let fixed64 = 9
        let name = Array(event.name.utf8)
        span.append(Field.events, length: fixed64 + FieldWriter.size(ofLength: name.count))
        span.append(Event.time, fixed64: time)
        span.append(Event.name, name)
    }

    /// Strings of protobuf are UTF-8; what is none is repaired.
    private static func withUTF8(_ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        if text.allSatisfy({ $0 < 0x80 }) {
            body(text)
        } else {
            Array(String(decoding: text, as: UTF8.self).utf8).withUnsafeBytes(body)
        }
    }
}
