import Base

/// Notes finished spans one behind the other in plain bytes: no allocation once the buffer has grown, and whoever makes OTLP
/// of them has all the time.
///
/// A span is its head, then its name, attributes and events as tagged items; see `SpanReader`.
package struct SpanWriter: ~Copyable {
    /// Bytes of a text: more than any but hostile requests have, and a bound on what one span takes.
    package static let textLimit = 1024
    /// What is kept at least of a `tracestate` (W3C Trace Context, section 3.3.1.5); what is longer is left out, because a
    /// part of one says something else.
    static let traceStateLimit = 512

    enum Tag: UInt8 { case span, name, text, number, event, traceState }

    private var buffer = ByteBuffer()
    package private(set) var spans = 0

    package init() {}

    package var count: Int { buffer.count }

    /// Takes what has been written, and keeps the memory.
    package mutating func take() -> SpanChunk {
        let chunk = SpanChunk(bytes: Array(buffer.bytes), spans: spans)
        buffer.removeAll()
        spans = 0
        return chunk
    }

    /// Begins a span; what follows is said of it.
    ///
    /// - Parameter name: in two parts, the second of which may be empty.
    package mutating func begin(_ head: SpanHead, name: StaticString, _ second: UnsafeRawBufferPointer) {
        spans &+= 1
        buffer.append(byte: Tag.span.rawValue)
        append(head.trace.high)
        append(head.trace.low)
        append(head.span.value)
        append(head.parent?.value ?? 0)
        append(head.start)
        append(head.end)
        buffer.append(byte: head.kind.rawValue)
        buffer.append(byte: (head.isError ? 1 : 0) | (head.isParentRemote ? 2 : 0))
        buffer.append(byte: head.flags)
        buffer.append(byte: Tag.name.rawValue)
        let first = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        let second = UnsafeRawBufferPointer(rebasing: second.prefix(Self.textLimit))
        let hasBoth = !first.isEmpty && !second.isEmpty
        append(length: first.count &+ second.count &+ (hasBoth ? 1 : 0))
        buffer.append(first)
        if hasBoth { buffer.append(byte: 0x20) }
        buffer.append(second)
    }

    /// An empty text says nothing and is left out.
    package mutating func set(_ attribute: SpanAttribute, _ text: UnsafeRawBufferPointer) {
        guard !text.isEmpty else { return }
        buffer.append(byte: Tag.text.rawValue)
        buffer.append(byte: attribute.rawValue)
        append(UnsafeRawBufferPointer(rebasing: text.prefix(Self.textLimit)))
    }

    package mutating func set(_ attribute: SpanAttribute, _ text: [UInt8]) {
        text.withUnsafeBytes { set(attribute, $0) }
    }

    package mutating func set(_ attribute: SpanAttribute, _ text: StaticString) {
        set(attribute, UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func set(_ attribute: SpanAttribute, number: UInt64) {
        buffer.append(byte: Tag.number.rawValue)
        buffer.append(byte: attribute.rawValue)
        append(number)
    }

    package mutating func add(_ event: SpanEvent, at time: UInt64) {
        buffer.append(byte: Tag.event.rawValue)
        buffer.append(byte: event.rawValue)
        append(time)
    }

    package mutating func set(traceState: UnsafeRawBufferPointer) {
        guard 1...Self.traceStateLimit ~= traceState.count else { return }
        buffer.append(byte: Tag.traceState.rawValue)
        append(traceState)
    }

    private mutating func append(_ text: UnsafeRawBufferPointer) {
        append(length: text.count)
        buffer.append(text)
    }

    /// Both limits, and both parts of a name together, are below 2^16.
    private mutating func append(length: Int) {
        buffer.reserve(2).storeBytes(of: UInt16(truncatingIfNeeded: length), as: UInt16.self)
        buffer.advance(2)
    }

    private mutating func append(_ word: UInt64) {
        buffer.reserve(8).storeBytes(of: word, as: UInt64.self)
        buffer.advance(8)
    }
}

extension SpanWriter {
    /// `host:port` as `server.address` and `server.port`; the path of a Unix socket as the address alone.
    package mutating func setPlace(_ place: UnsafeRawBufferPointer) {
        let (host, port) = Self.parts(of: place)
        set(.server, host)
        if let port { set(.serverPort, number: port) }
    }

    static func parts(of place: UnsafeRawBufferPointer) -> (host: UnsafeRawBufferPointer, port: UInt64?) {
        if place.count > 5, equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: place[..<5]), "unix:") {
            return (UnsafeRawBufferPointer(rebasing: place[5...]), nil)
        }
        var end = place.count
        var port: UInt64?
        if let colon = place.lastIndex(of: UInt8(ascii: ":")), (1...5).contains(place.count &- colon &- 1) {
            var number: UInt64 = 0
            let isNumber = place[(colon &+ 1)...].allSatisfy { digit in
                number = number &* 10 &+ UInt64(digit &- 0x30)
                return (0x30...0x39).contains(digit)
            }
            if isNumber { (port, end) = (number, colon) }
        }
        var start = 0
        if end >= 2, place[0] == UInt8(ascii: "["), place[end &- 1] == UInt8(ascii: "]") {
            start = 1
            end &-= 1
        } else if place.first == UInt8(ascii: "[") {
            // An address whose last part looked like a port.
            return (place, nil)
        }
        return (UnsafeRawBufferPointer(rebasing: place[start..<end]), port)
    }

    /// `/package.Service/Method`, the path of a gRPC call.
    package mutating func setCall(_ path: UnsafeRawBufferPointer) {
        set(.rpcSystem, "grpc")
        guard path.first == UInt8(ascii: "/"), let slash = path[1...].lastIndex(of: UInt8(ascii: "/")), slash > 1 else {
            return
        }
        set(.rpcService, UnsafeRawBufferPointer(rebasing: path[1..<slash]))
        set(.rpcMethod, UnsafeRawBufferPointer(rebasing: path[(slash &+ 1)...]))
    }
}
