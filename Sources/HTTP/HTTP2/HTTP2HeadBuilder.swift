import Base

/// Makes a neutral head of the fields of one header block (RFC 9113 section 8), strictly: what becomes an HTTP/1.1
/// message on the other side must not be able to say two things.
///
/// nghttp2 has looked at the fields before. What smuggling is made of is checked here once more, so that no option or
/// version of the library decides about it.
struct HTTP2HeadBuilder: ~Copyable {
    enum Section { case request, answer, trailers }

    private var section = Section.request
    private var listLimit = 0
    /// Bytes of the list so far, counted as in RFC 9113 section 6.5.2; goes on behind the limit.
    private(set) var listBytes = 0
    /// The first thing that was wrong.
    private(set) var failure: MessageError?
    private var pseudoFields: UInt8 = 0
    private var sawField = false
    private var authority = HeadRange.empty
    /// Cookie crumbs, joined (RFC 9113 section 8.2.3).
    private var cookie = ByteBuffer()

    mutating func begin(_ section: Section, _ head: MessageHead, listLimit: Int) {
        self.section = section
        self.listLimit = listLimit
        listBytes = 0
        failure = nil
        pseudoFields = 0
        sawField = false
        authority = .empty
        cookie.removeAll(keepingAtMost: 4096)
        head.reset()
    }

    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, to head: MessageHead) {
        // 32 for each entry, as RFC 9113 section 6.5.2 counts.
        listBytes &+= name.count &+ value.count &+ 32
        guard failure == nil else { return }
        if listBytes > listLimit {
            failure = MessageError(.headTooLarge, "the header is larger than the limit")
            return
        }
        do {
            if name.first == UInt8(ascii: ":") {
                try addPseudo(name, value, head)
            } else {
                sawField = true
                try addField(name, value, head)
            }
        } catch {
            failure = error
        }
    }

    /// - Returns: what is wrong with the message, or `nil`.
    mutating func finish(_ head: MessageHead, endsStream: Bool, answersTo method: Method) -> MessageError? {
        head.endsMessage = endsStream
        if failure == nil {
            do {
                if !cookie.isEmpty { try append(staticBytes("cookie"), cookie.bytes, .other, head) }
                switch section {
                case .request: try finishRequest(head, endsStream)
                case .answer: try finishAnswer(head, endsStream, method)
                case .trailers: break
                }
            } catch {
                failure = error
            }
        }
        return failure
    }

    // MARK: Pseudo-header fields, RFC 9113 section 8.3

    private mutating func addPseudo(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ head: MessageHead
    ) throws(MessageError) {
        if sawField { throw MessageError(.malformed, "a pseudo-header field behind a field") }
        switch section {
        case .trailers: throw MessageError(.malformed, "a pseudo-header field in trailers")
        case .answer:
            guard equals(name, staticBytes(":status")) else { break }
            try take(1)
            head.status = try Self.status(value)
            return
        case .request:
            if equals(name, staticBytes(":method")) {
                try take(1)
                guard !value.isEmpty, value.allSatisfy(isTokenByte) else {
                    throw MessageError(.malformed, "the method is no token")
                }
                head.method = Method(value)
                head.methodName = Self.store(value, head)
                return
            }
            if equals(name, staticBytes(":path")) {
                try take(2)
                for byte in value where byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "#") {
                    throw MessageError(.malformed, "a character in the target that has to be percent-encoded")
                }
                head.target = Self.store(value, head)
                return
            }
            if equals(name, staticBytes(":scheme")) {
                try take(4)
                guard equalsIgnoringCase(value, "http") || equalsIgnoringCase(value, "https") else {
                    throw MessageError(.malformed, "a scheme other than http and https")
                }
                return
            }
            if equals(name, staticBytes(":authority")) {
                try take(8)
                try addHost(value, head)
                return
            }
        }
        throw MessageError(.malformed, "an unknown pseudo-header field")
    }

    private mutating func take(_ bit: UInt8) throws(MessageError) {
        if pseudoFields & bit != 0 { throw MessageError(.malformed, "a pseudo-header field twice") }
        pseudoFields |= bit
    }

    private static func status(_ value: UnsafeRawBufferPointer) throws(MessageError) -> Int {
        guard value.count == 3, value.allSatisfy({ $0 &- 0x30 < 10 }) else {
            throw MessageError(.malformed, "the status code is no number")
        }
        let code = Int(value[0] &- 0x30) * 100 + Int(value[1] &- 0x30) * 10 + Int(value[2] &- 0x30)
        // 101 has no meaning here (RFC 9113 section 8.6).
        guard code >= 100, code < 600, code != 101 else {
            throw MessageError(.malformed, "the status code is out of range")
        }
        return code
    }

    // MARK: Fields, RFC 9113 section 8.2

    private mutating func addField(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ head: MessageHead
    ) throws(MessageError) {
        guard !name.isEmpty else { throw MessageError(.malformed, "a field without a name") }
        for byte in name where !isTokenByte(byte) || byte &- 0x41 < 26 {
            throw MessageError(.malformed, "a field name that is no lower-case token")
        }
        if containsControl(value) { throw MessageError(.malformed, "a control character in a field") }
        if let first = value.first, let last = value.last, Self.isBlank(first) || Self.isBlank(last) {
            throw MessageError(.malformed, "white space around a field's value")
        }
        let id = FieldName(name)
        switch id {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade:
            throw MessageError(.malformed, "a field of HTTP/1.1 connections")
        case .te where !equalsIgnoringCase(value, "trailers"):
            throw MessageError(.malformed, "a TE other than trailers")
        case .host where section == .request:
            try addHost(value, head)
            return
        case .contentLength where section != .trailers:
            head.lengthFields &+= 1
            if head.lengthFields > 1 { throw MessageError(.malformed, "more than one Content-Length") }
            head.declaredLength = try MessageHead.readLength(value)
        case .expect: head.expectsContinue = equalsIgnoringCase(value, "100-continue")
        case .other where name.count == 6 && equals(name, staticBytes("cookie")):
            if !cookie.isEmpty { cookie.append("; ") }
            cookie.append(value)
            return
        default: break
        }
        try append(name, value, id, head)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// `:authority` and `host` are one thing (RFC 9113 section 8.3.1).
    private mutating func addHost(_ value: UnsafeRawBufferPointer, _ head: MessageHead) throws(MessageError) {
        if head.hostIndex >= 0 {
            guard authority.count > 0, equalsIgnoringCase(value, head.slice(authority)) else {
                throw MessageError(.malformed, "more than one Host, or one that differs from :authority")
            }
            // A third one has nothing left to be equal to.
            authority = .empty
            return
        }
        guard HostValue.name(value) != nil else { throw MessageError(.malformed, "no host in :authority or Host") }
        try append(staticBytes("host"), value, .host, head)
        head.hostIndex = head.fieldCount &- 1
        if !sawField { authority = head.field(head.hostIndex).value }
    }

    /// A field line as HTTP/1.1 writes it, which `HeadWriter` copies whole.
    private func append(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ id: FieldName, _ head: MessageHead
    ) throws(MessageError) {
        let name = Self.store(name, head)
        head.storage.append(": ")
        let line = FieldLine(name: name, value: Self.store(value, head), id: id)
        guard head.append(line) else { throw MessageError(.headTooLarge, "more header fields than the limit") }
    }

    private static func store(_ bytes: UnsafeRawBufferPointer, _ head: MessageHead) -> HeadRange {
        let start = head.storage.count
        head.storage.append(bytes)
        return HeadRange(start, head.storage.count)
    }

    // MARK: The whole

    private func finishRequest(_ head: MessageHead, _ endsStream: Bool) throws(MessageError) {
        guard pseudoFields & 1 != 0 else { throw MessageError(.malformed, "no :method") }
        guard head.hostIndex >= 0 else { throw MessageError(.malformed, "no :authority and no Host") }
        if head.method == .connect {
            // RFC 9113 section 8.5: neither scheme nor path. The caller has to refuse it; its target is for the log.
            guard pseudoFields & 6 == 0 else { throw MessageError(.malformed, "CONNECT with a path or scheme") }
            head.target = head.field(head.hostIndex).value
        } else {
            guard pseudoFields & 6 == 6 else { throw MessageError(.malformed, "no :path or no :scheme") }
            let target = head.slice(head.target)
            let isAsterisk = target.count == 1 && target[0] == UInt8(ascii: "*") && head.method == .options
            guard target.first == UInt8(ascii: "/") || isAsterisk else {
                throw MessageError(.malformed, "the :path does not begin with a slash")
            }
        }
        if head.lengthFields > 0 {
            if endsStream && head.declaredLength > 0 {
                throw MessageError(.malformed, "a body shorter than Content-Length")
            }
            head.framing = .length(head.declaredLength)
        } else {
            head.framing = endsStream ? .none : .close
        }
    }

    private func finishAnswer(_ head: MessageHead, _ endsStream: Bool, _ method: Method) throws(MessageError) {
        guard pseudoFields & 1 != 0 else { throw MessageError(.malformed, "no :status") }
        if head.status < 200 && endsStream { throw MessageError(.malformed, "an interim answer that ends the stream") }
        try head.frameResponse(to: method)
        guard endsStream else { return }
        switch head.framing {
        case .close, .chunked: head.framing = .length(0)
        case .length(let length) where length > 0: throw MessageError(.malformed, "a body shorter than Content-Length")
        case .length, .none: break
        }
    }
}
