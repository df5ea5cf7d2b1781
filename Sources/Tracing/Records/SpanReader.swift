/// Reads back what a `SpanWriter` has written, without copying any of it.
struct SpanReader {
    /// Views are valid as long as the bytes are. What follows a span, up to the next one, is said of it.
    enum Item {
        case span(SpanHead)
        case name(UnsafeRawBufferPointer)
        case traceState(UnsafeRawBufferPointer)
        case text(SpanAttribute, UnsafeRawBufferPointer)
        case number(SpanAttribute, UInt64)
        case event(SpanEvent, UInt64)
        case end
    }

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// - Returns: `nil` at a place that makes no sense.
    mutating func next() -> Item? {
        guard let tag = byte() else { return .end }
        switch SpanWriter.Tag(rawValue: tag) {
        case .span: return head().map { .span($0) }
        case .name: return text().map { .name($0) }
        case .traceState: return text().map { .traceState($0) }
        case .text:
            guard let key = byte().flatMap({ SpanAttribute(rawValue: $0) }), let text = text() else { return nil }
            return .text(key, text)
        case .number:
            guard let key = byte().flatMap({ SpanAttribute(rawValue: $0) }), let number = word() else { return nil }
            return .number(key, number)
        case .event:
            guard let event = byte().flatMap({ SpanEvent(rawValue: $0) }), let time = word() else { return nil }
            return .event(event, time)
        case nil: return nil
        }
    }

    private mutating func head() -> SpanHead? {
        guard let high = word(), let low = word(), let span = word().flatMap({ SpanID($0) }), let parent = word(),
            let start = word(), let end = word(), let kind = byte().flatMap({ SpanKind(rawValue: $0) }),
            let marks = byte(), let flags = byte()
        else { return nil }
        var head = SpanHead(
            trace: TraceID(high: high, low: low), span: span, parent: SpanID(parent), kind: kind, start: start, end: end
        )
        head.isError = marks & 1 != 0
        head.isParentRemote = marks & 2 != 0
        head.flags = flags
        return head
    }

    private mutating func byte() -> UInt8? {
        guard offset < bytes.count else { return nil }
        defer { offset += 1 }
        return bytes[offset]
    }

    private mutating func word() -> UInt64? {
        guard bytes.count - offset >= 8 else { return nil }
        defer { offset += 8 }
        return bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    private mutating func text() -> UnsafeRawBufferPointer? {
        guard bytes.count - offset >= 2 else { return nil }
        let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        guard bytes.count - offset - 2 >= length else { return nil }
        defer { offset += 2 + length }
        return UnsafeRawBufferPointer(rebasing: bytes[(offset + 2)..<(offset + 2 + length)])
    }
}
