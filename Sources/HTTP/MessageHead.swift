public import Base

/// A run of bytes inside a message head, as offsets: stays right when the bytes move.
@usableFromInline package struct HeadRange: Sendable {
    @usableFromInline package var start: UInt32
    @usableFromInline package var end: UInt32

    package init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    package static var empty: HeadRange { HeadRange(0, 0) }
    package var count: Int { Int(end &- start) }
    package var isEmpty: Bool { end == start }
}

/// One header or trailer field.
package struct FieldLine {
    package var name: HeadRange
    /// Without surrounding white space.
    package var value: HeadRange
    package var id: FieldName
}

/// How long a message's body is (RFC 9112 section 6).
@usableFromInline package enum BodyFraming: Equatable, Sendable {
    case none
    case length(UInt64)
    case chunked
    /// Up to the end of the connection; answers only.
    case close

    /// Written out to be inlined: made by the compiler it is a call through a table, eight times for each request.
    @inlinable package static func == (left: BodyFraming, right: BodyFraming) -> Bool {
        switch (left, right) {
        case (.none, .none), (.chunked, .chunked), (.close, .close): true
        case (.length(let left), .length(let right)): left == right
        default: false
        }
    }
}

/// Why a message was refused.
package struct MessageError: Error, Equatable {
    package enum Kind: Sendable { case malformed, targetTooLong, headTooLarge, notImplemented }
    package var kind: Kind
    /// For the answer and the log; says what was wrong, repeats no peer bytes.
    package var reason: StaticString

    package init(_ kind: Kind, _ reason: StaticString) {
        self.kind = kind
        self.reason = reason
    }

    package static func == (left: MessageError, right: MessageError) -> Bool {
        left.kind == right.kind && left.reason.description == right.reason.description
    }
}

/// The start line and fields of one request or answer, in one neutral form: bytes, and ranges into them.
///
/// Reused from message to message; parsing allocates nothing once the buffers have grown to the size of ordinary heads.
@usableFromInline package final class MessageHead {
    /// Field lines a message may have: more than any known client sends, few enough to walk for each message.
    package static let maxFields = 128
    /// What the gateway may add to them: two lists of header operations, and its own.
    static let maxOwnFields = 96

    /// Memory kept from message to message: enough for ordinary heads, while a hostile one leaves nothing behind.
    private static let keptBytes = 8 * 1024

    @usableFromInline var storage = ByteBuffer()
    private var lines = UnsafeMutablePointer<FieldLine>.allocate(capacity: maxFields + maxOwnFields)
    package private(set) var fieldCount = 0

    // Start line
    package internal(set) var method = Method.other
    package internal(set) var methodName = HeadRange.empty
    /// The request target as received.
    package internal(set) var target = HeadRange.empty
    package internal(set) var status = 0
    package internal(set) var reason = HeadRange.empty
    /// HTTP/1.x
    package internal(set) var minorVersion: UInt8 = 1

    // What the fields say together
    package internal(set) var hostIndex = -1
    package internal(set) var framing = BodyFraming.none
    package internal(set) var saysClose = false
    package internal(set) var saysKeepAlive = false
    package internal(set) var expectsContinue = false
    /// `Connection` names fields that must not be passed on.
    package internal(set) var nominatesFields = false
    /// HTTP/2: the stream ended with the head, so that neither body nor trailers follow.
    package internal(set) var endsMessage = false

    // Progress of the parser, see HeadParser.
    var lineStart = 0
    var scanned = 0
    var emptyLines = 0
    var inFields = false
    var lengthFields = 0
    var codingFields = 0
    var declaredLength: UInt64 = 0
    var codingIndex = -1
    var connectionOptions = 0

    package init() {}

    deinit { lines.deallocate() }

    /// Forgets the message and keeps the memory.
    package func reset() {
        storage.removeAll(keepingAtMost: Self.keptBytes)
        fieldCount = 0
        hostIndex = -1
        framing = .none
        saysClose = false
        saysKeepAlive = false
        expectsContinue = false
        nominatesFields = false
        endsMessage = false
        lineStart = 0
        scanned = 0
        emptyLines = 0
        inFields = false
        lengthFields = 0
        codingFields = 0
        codingIndex = -1
        connectionOptions = 0
        status = 0
        method = .other
        methodName = .empty
        target = .empty
        reason = .empty
        minorVersion = 1
    }

    /// Gives the message to another head and takes what that one has. For owners who keep their head, as a constant that is
    /// read without counting a reference.
    package func exchange(with other: MessageHead) {
        swap(&storage, &other.storage)
        swap(&lines, &other.lines)
        swap(&fieldCount, &other.fieldCount)
        swap(&method, &other.method)
        swap(&methodName, &other.methodName)
        swap(&target, &other.target)
        swap(&status, &other.status)
        swap(&reason, &other.reason)
        swap(&minorVersion, &other.minorVersion)
        swap(&hostIndex, &other.hostIndex)
        swap(&framing, &other.framing)
        swap(&saysClose, &other.saysClose)
        swap(&saysKeepAlive, &other.saysKeepAlive)
        swap(&expectsContinue, &other.expectsContinue)
        swap(&nominatesFields, &other.nominatesFields)
        swap(&endsMessage, &other.endsMessage)
        swap(&lengthFields, &other.lengthFields)
        swap(&declaredLength, &other.declaredLength)
        // The rest is the parser's, and of no use once a head is complete.
    }

    @inlinable package var bytes: UnsafeRawBufferPointer { storage.bytes }

    /// The bytes of a range. Valid until the head is reset; empty while the head is incomplete.
    @inlinable @inline(__always) package func slice(_ range: HeadRange) -> UnsafeRawBufferPointer {
        let bytes = storage.bytes
        guard let start = bytes.baseAddress, Int(range.end) <= bytes.count, range.start <= range.end else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(start: start + Int(range.start), count: Int(range.end &- range.start))
    }

    package func field(_ index: Int) -> FieldLine {
        precondition(index >= 0 && index < fieldCount)
        return lines[index]
    }

    package func name(_ index: Int) -> UnsafeRawBufferPointer { slice(field(index).name) }
    package func value(_ index: Int) -> UnsafeRawBufferPointer { slice(field(index).value) }

    /// The index of the first field with this name.
    package func first(_ id: FieldName) -> Int? {
        for index in 0..<fieldCount where lines[index].id == id { return index }
        return nil
    }

    /// The index of the first field with this name, for names that are looked for in few messages only.
    package func first(named name: StaticString) -> Int? {
        for index in 0..<fieldCount
        where lines[index].id == .other && equalsIgnoringCase(slice(lines[index].name), name) {
            return index
        }
        return nil
    }

    /// A field that a peer sent.
    func append(_ line: FieldLine) -> Bool {
        guard fieldCount < Self.maxFields else { return false }
        appendOwn(line)
        return true
    }

    /// A field of the gateway's; one past what it may add is left out.
    func appendOwn(_ line: FieldLine) {
        guard fieldCount < Self.maxFields + Self.maxOwnFields else { return }
        lines[fieldCount] = line
        fieldCount &+= 1
    }

    /// Takes out every field that `isGone` is true for.
    func removeFields(where isGone: (Int) -> Bool) {
        var kept = 0
        var host = -1
        for index in 0..<fieldCount where !isGone(index) {
            if hostIndex == index { host = kept }
            lines[kept] = lines[index]
            kept &+= 1
        }
        hostIndex = host
        fieldCount = kept
    }

    /// Becomes a copy of a complete head.
    package func copy(_ other: MessageHead) {
        reset()
        storage.append(other.storage.bytes)
        lines.update(from: other.lines, count: other.fieldCount)
        fieldCount = other.fieldCount
        method = other.method
        methodName = other.methodName
        target = other.target
        status = other.status
        reason = other.reason
        minorVersion = other.minorVersion
        hostIndex = other.hostIndex
        framing = other.framing
        saysClose = other.saysClose
        saysKeepAlive = other.saysKeepAlive
        expectsContinue = other.expectsContinue
        nominatesFields = other.nominatesFields
        endsMessage = other.endsMessage
        lengthFields = other.lengthFields
        declaredLength = other.declaredLength
    }

    /// Whether `Connection` says that this field ends here (RFC 9110 section 7.6.1). Framing and `Host` never do: a peer
    /// must not be able to have them removed.
    package func isNominated(_ index: Int) -> Bool {
        guard nominatesFields, field(index).id != .host else { return false }
        for line in 0..<fieldCount where lines[line].id == .connection {
            var found = false
            forEachListElement(value(line)) { if equalsIgnoringCase($0, name(index)) { found = true } }
            if found { return true }
        }
        return false
    }
}

/// Calls `body` with each non-empty element of a comma-separated list (RFC 9110 section 5.6.1).
package func forEachListElement(_ value: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
    var start = 0
    while start <= value.count {
        var end = start
        while end < value.count && value[end] != UInt8(ascii: ",") { end &+= 1 }
        let element = trimmed(UnsafeRawBufferPointer(rebasing: value[start..<end]))
        if !element.isEmpty { body(element) }
        start = end &+ 1
    }
}

/// Without spaces and tabs at both ends.
package func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var start = 0
    var end = bytes.count
    while start < end && (bytes[start] == 0x20 || bytes[start] == 0x09) { start &+= 1 }
    while end > start && (bytes[end &- 1] == 0x20 || bytes[end &- 1] == 0x09) { end &-= 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
}
