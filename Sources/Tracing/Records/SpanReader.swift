/// Reads back what a `SpanWriter` has written.
package struct SpanReader {
    package enum Value: Sendable, Equatable {
        case text(String)
        case number(UInt64)
    }

    package struct Span: Sendable, Equatable {
        package var head: SpanHead
        package var name = ""
        package var attributes: [(key: SpanAttribute, value: Value)] = []
        package var events: [(event: SpanEvent, time: UInt64)] = []
        package var traceState = ""

        package static func == (left: Span, right: Span) -> Bool {
            left.head == right.head && left.name == right.name && left.traceState == right.traceState
                && left.attributes.elementsEqual(right.attributes) { $0 == $1 }
                && left.events.elementsEqual(right.events) { $0 == $1 }
        }
    }

    /// - Returns: the spans of a chunk, up to a place that makes no sense, if there is one.
    package static func spans(of chunk: SpanChunk) -> [Span] {
        chunk.bytes.withUnsafeBytes { bytes in
            var reader = SpanReader(bytes: bytes)
            var spans: [Span] = []
            spans.reserveCapacity(min(chunk.spans, bytes.count / 64 + 1))
            while let span = reader.next() { spans.append(span) }
            return spans
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private mutating func next() -> Span? {
        guard tag() == .span, let head = head() else { return nil }
        offset += 1 + Self.headBytes
        var span = Span(head: head)
        while let tag = tag(), tag != .span {
            offset += 1
            switch tag {
            case .span: return span
            case .name:
                guard let text = text() else { return nil }
                span.name = text
            case .traceState:
                guard let text = text() else { return nil }
                span.traceState = text
            case .text:
                guard let key = byte().flatMap({ SpanAttribute(rawValue: $0) }), let text = text() else { return nil }
                span.attributes.append((key, .text(text)))
            case .number:
                guard let key = byte().flatMap({ SpanAttribute(rawValue: $0) }), let number = word() else { return nil }
                span.attributes.append((key, .number(number)))
            case .event:
                guard let event = byte().flatMap({ SpanEvent(rawValue: $0) }), let time = word() else { return nil }
                span.events.append((event, time))
            }
        }
        return span
    }

    private static let headBytes = 6 * 8 + 3

    private func head() -> SpanHead? {
        guard bytes.count - offset > Self.headBytes else { return nil }
        func word(_ index: Int) -> UInt64 {
            bytes.loadUnaligned(fromByteOffset: offset + 1 + 8 * index, as: UInt64.self)
        }
        let rest = offset + 1 + 6 * 8
        guard let span = SpanID(word(2)), let kind = SpanKind(rawValue: bytes[rest]) else { return nil }
        var head = SpanHead(
            trace: TraceID(high: word(0), low: word(1)), span: span, parent: SpanID(word(3)), kind: kind,
            start: word(4),
            end: word(5))
        head.isError = bytes[rest + 1] & 1 != 0
        head.isParentRemote = bytes[rest + 1] & 2 != 0
        head.flags = bytes[rest + 2]
        return head
    }

    private func tag() -> SpanWriter.Tag? {
        offset < bytes.count ? SpanWriter.Tag(rawValue: bytes[offset]) : nil
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

    /// What is no UTF-8 is repaired: a string of OTLP is UTF-8.
    private mutating func text() -> String? {
        guard bytes.count - offset >= 2 else { return nil }
        let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        guard bytes.count - offset - 2 >= length else { return nil }
        defer { offset += 2 + length }
        return String(decoding: bytes[(offset + 2)..<(offset + 2 + length)], as: UTF8.self)
    }
}
