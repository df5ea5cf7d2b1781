import Base
import Glibc

/// What the bytes so far amount to.
package enum HeadProgress {
    case incomplete
    /// The head is whole and took this many bytes.
    case complete(Int)
    case failed(MessageError)
}

/// Reads HTTP/1.x heads (RFC 9112) strictly: what two readers could read differently is refused.
///
/// Resumable: each call gets all bytes from the message's first one on, and goes on where the last call stopped, so a head
/// that trickles in costs no more than one that arrives whole.
extension MessageHead {
    /// Empty lines tolerated before a request line (RFC 9112 section 2.2 asks for at least one).
    private static let maxEmptyLines = 4
    /// Options in `Connection`: each is compared with every field, and nobody names more than two or three.
    private static let maxConnectionOptions = 16

    /// - Parameter limit: bytes the head may have in all.
    package func parseRequest(_ bytes: UnsafeRawBufferPointer, limit: Int) -> HeadProgress {
        parse(bytes, .request, limit: limit)
    }

    /// Framing is left to `frameResponse`, which needs the request.
    package func parseResponse(_ bytes: UnsafeRawBufferPointer, limit: Int) -> HeadProgress {
        parse(bytes, .answer, limit: limit)
    }

    /// Trailer fields: field lines up to an empty one, no start line.
    package func parseTrailers(_ bytes: UnsafeRawBufferPointer, limit: Int) -> HeadProgress {
        inFields = true
        return parse(bytes, .trailers, limit: limit)
    }

    private enum Section { case request, answer, trailers }

    private func parse(_ bytes: UnsafeRawBufferPointer, _ section: Section, limit: Int) -> HeadProgress {
        do {
            guard let length = try advance(bytes, section, limit: limit) else { return .incomplete }
            storage.append(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
            if section == .request { try frameRequest() }
            return .complete(length)
        } catch {
            // What was understood so far is for the log.
            if storage.isEmpty {
                storage.append(UnsafeRawBufferPointer(rebasing: bytes[..<min(lineStart, bytes.count)]))
            }
            return .failed(error)
        }
    }

    /// The length of the section, or `nil` while it is incomplete.
    private func advance(
        _ bytes: UnsafeRawBufferPointer, _ section: Section, limit: Int
    ) throws(MessageError) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        while true {
            guard let found = memchr(base + scanned, 0x0D, bytes.count &- scanned) else {
                try checkTail(bytes, max(scanned, lineStart)..<bytes.count, limit: limit)
                scanned = bytes.count
                return nil
            }
            let end = UnsafeRawPointer(found) - base
            guard end &+ 1 < bytes.count else {
                try checkTail(bytes, max(scanned, lineStart)..<end, limit: limit)
                scanned = end
                return nil
            }
            guard bytes[end &+ 1] == 0x0A else { throw MessageError(.malformed, "a CR without LF") }
            let line = UnsafeRawBufferPointer(rebasing: bytes[lineStart..<end])
            let start = lineStart
            lineStart = end &+ 2
            scanned = lineStart
            if lineStart > limit { throw tooLarge }
            if line.isEmpty {
                if inFields { return lineStart }
                emptyLines &+= 1
                if emptyLines > Self.maxEmptyLines {
                    throw MessageError(.malformed, "empty lines instead of a start line")
                }
                continue
            }
            if containsControl(line) { throw MessageError(.malformed, "a control character in the header") }
            if inFields {
                try readField(line, start)
            } else {
                if section == .request {
                    try readRequestLine(line, start)
                } else {
                    try readStatusLine(line, start)
                }
                inFields = true
            }
        }
    }

    private var tooLarge: MessageError {
        inFields
            ? MessageError(.headTooLarge, "the header is larger than the limit")
            : MessageError(.targetTooLong, "the request line is longer than the limit")
    }

    /// Looks at bytes whose line is not complete yet, so that garbage is answered at once and not after a timeout.
    private func checkTail(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>, limit: Int) throws(MessageError) {
        if bytes.count > limit { throw tooLarge }
        if containsControl(UnsafeRawBufferPointer(rebasing: bytes[line])) {
            throw MessageError(.malformed, "a control character in the header")
        }
    }

    // MARK: Start lines

    private func readRequestLine(_ line: UnsafeRawBufferPointer, _ offset: Int) throws(MessageError) {
        var index = 0
        while index < line.count && isTokenByte(line[index]) { index &+= 1 }
        guard index > 0, index < line.count, line[index] == 0x20 else {
            throw MessageError(.malformed, "no method in the request line")
        }
        method = Method(UnsafeRawBufferPointer(rebasing: line[..<index]))
        methodName = HeadRange(offset, offset &+ index)
        let targetStart = index &+ 1
        index = targetStart
        while index < line.count && line[index] > 0x20 && line[index] < 0x7F && line[index] != UInt8(ascii: "#") {
            index &+= 1
        }
        guard index > targetStart else { throw MessageError(.malformed, "no target in the request line") }
        guard index < line.count, line[index] == 0x20 else {
            throw MessageError(.malformed, "a character in the target that has to be percent-encoded")
        }
        target = HeadRange(offset &+ targetStart, offset &+ index)
        try readVersion(UnsafeRawBufferPointer(rebasing: line[(index &+ 1)...]))
    }

    private func readStatusLine(_ line: UnsafeRawBufferPointer, _ offset: Int) throws(MessageError) {
        if emptyLines > 0 { throw MessageError(.malformed, "an empty line before the status line") }
        guard line.count >= 12, line[8] == 0x20 else { throw MessageError(.malformed, "the status line is broken") }
        try readVersion(UnsafeRawBufferPointer(rebasing: line[..<8]))
        var code = 0
        for index in 9..<12 {
            guard line[index] &- 0x30 < 10 else { throw MessageError(.malformed, "the status code is no number") }
            code = code &* 10 &+ Int(line[index] &- 0x30)
        }
        guard code >= 100, code < 600, line.count == 12 || line[12] == 0x20 else {
            throw MessageError(.malformed, "the status code is out of range")
        }
        status = code
        reason = line.count > 13 ? HeadRange(offset &+ 13, offset &+ line.count) : .empty
    }

    /// HTTP/1.0 and HTTP/1.1; a later minor version is read as 1.1 (RFC 9110 section 2.5).
    private func readVersion(_ text: UnsafeRawBufferPointer) throws(MessageError) {
        let expected: StaticString = "HTTP/1."
        guard text.count == 8, text[7] &- 0x30 < 10 else { throw MessageError(.malformed, "no HTTP version") }
        for index in 0..<7 where text[index] != expected.utf8Start[index] {
            throw MessageError(.malformed, "not HTTP/1.0 or HTTP/1.1")
        }
        minorVersion = text[7] == 0x30 ? 0 : 1
    }

    // MARK: Fields

    private func readField(_ line: UnsafeRawBufferPointer, _ offset: Int) throws(MessageError) {
        if line[0] == 0x20 || line[0] == 0x09 { throw MessageError(.malformed, "a folded header line") }
        var colon = 0
        while colon < line.count && isTokenByte(line[colon]) { colon &+= 1 }
        guard colon > 0, colon < line.count, line[colon] == UInt8(ascii: ":") else {
            throw MessageError(.malformed, "a header line without a proper name")
        }
        var start = colon &+ 1
        var end = line.count
        while start < end && (line[start] == 0x20 || line[start] == 0x09) { start &+= 1 }
        while end > start && (line[end &- 1] == 0x20 || line[end &- 1] == 0x09) { end &-= 1 }
        let id = FieldName(UnsafeRawBufferPointer(rebasing: line[..<colon]))
        let value = UnsafeRawBufferPointer(rebasing: line[start..<end])
        let field = FieldLine(
            name: HeadRange(offset, offset &+ colon), value: HeadRange(offset &+ start, offset &+ end), id: id)
        guard append(field) else { throw MessageError(.headTooLarge, "more header fields than the limit") }
        switch id {
        case .host:
            if hostIndex >= 0 { throw MessageError(.malformed, "more than one Host") }
            hostIndex = fieldCount &- 1
        case .contentLength:
            lengthFields &+= 1
            declaredLength = try Self.readLength(value)
        case .transferEncoding:
            codingFields &+= 1
            codingIndex = fieldCount &- 1
            try readCoding(value)
        case .connection: try readConnection(value)
        // HTTP/1.0 does not know it (RFC 9110 section 10.1.1).
        case .expect: expectsContinue = minorVersion == 1 && equalsIgnoringCase(value, "100-continue")
        default: break
        }
    }

    /// The one number of a `Content-Length`, in either protocol (RFC 9110 section 8.6).
    static func readLength(_ value: UnsafeRawBufferPointer) throws(MessageError) -> UInt64 {
        // 18 digits stay below 2^63.
        guard !value.isEmpty, value.count <= 18 else { throw MessageError(.malformed, "an impossible Content-Length") }
        var length: UInt64 = 0
        for byte in value {
            guard byte &- 0x30 < 10 else { throw MessageError(.malformed, "Content-Length is not one number") }
            length = length &* 10 &+ UInt64(byte &- 0x30)
        }
        return length
    }

    /// Only `chunked` itself is carried; other codings in front of it are known to RFC 9112 but not passed on here.
    private func readCoding(_ value: UnsafeRawBufferPointer) throws(MessageError) {
        if equalsIgnoringCase(value, "chunked") { return }
        var last = false
        var chunkedBefore = false
        forEachListElement(value) {
            if last { chunkedBefore = true }
            last = equalsIgnoringCase($0, "chunked")
        }
        guard last, !chunkedBefore else {
            throw MessageError(.malformed, "a Transfer-Encoding that does not end in one chunked")
        }
        throw MessageError(.notImplemented, "a Transfer-Encoding other than chunked")
    }

    private func readConnection(_ value: UnsafeRawBufferPointer) throws(MessageError) {
        if equalsIgnoringCase(value, "keep-alive") {
            saysKeepAlive = true
            return
        }
        var options = 0
        forEachListElement(value) {
            options &+= 1
            if equalsIgnoringCase($0, "close") {
                saysClose = true
            } else if equalsIgnoringCase($0, "keep-alive") {
                saysKeepAlive = true
            } else {
                nominatesFields = true
            }
        }
        connectionOptions &+= options
        if connectionOptions > Self.maxConnectionOptions {
            throw MessageError(.malformed, "more Connection options than the limit")
        }
    }

    // MARK: Framing

    /// RFC 9112 section 6.3; a request with both length and coding is refused, not repaired.
    private func frameRequest() throws(MessageError) {
        if hostIndex < 0 && minorVersion == 1 { throw MessageError(.malformed, "no Host") }
        framing = try framing(fallback: .none)
    }

    /// RFC 9112 section 6.3 for an answer to `method`.
    package func frameResponse(to method: Method) throws(MessageError) {
        let declared = try framing(fallback: .close)
        if method == .head || status < 200 || status == 204 || status == 304 {
            framing = .none
        } else {
            framing = declared
        }
    }

    /// What `Content-Length` says, for answers that describe a body without having one (HEAD, 304).
    package var statedLength: UInt64? { lengthFields == 1 ? declaredLength : nil }

    private func framing(fallback: BodyFraming) throws(MessageError) -> BodyFraming {
        if lengthFields > 1 { throw MessageError(.malformed, "more than one Content-Length") }
        if codingFields > 0 {
            if lengthFields > 0 { throw MessageError(.malformed, "both Content-Length and Transfer-Encoding") }
            if codingFields > 1 { throw MessageError(.malformed, "more than one Transfer-Encoding") }
            if minorVersion == 0 { throw MessageError(.malformed, "Transfer-Encoding in HTTP/1.0") }
            return .chunked
        }
        if lengthFields == 1 { return .length(declaredLength) }
        return fallback
    }

    /// Whether the peer lets the connection go on after this message (RFC 9112 section 9.3).
    package var allowsReuse: Bool { minorVersion == 1 ? !saysClose : saysKeepAlive && !saysClose }
}
