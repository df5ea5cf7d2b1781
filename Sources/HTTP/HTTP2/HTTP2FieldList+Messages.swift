import Base

/// Messages for the next hop, with the same rules about fields as `HeadWriter` has for HTTP/1.1.
extension HTTP2FieldList {
    /// Requests of several clients share a connection: what one of them made up must not stay in the table that the fields of
    /// the others refer to. It could be guessed by the size of theirs (RFC 7541 section 7.1), and servers that keep what they
    /// made of a field would judge the others by it.
    ///
    /// - Parameter scheme: how the next hop is spoken to.
    package func request(_ head: MessageHead, _ forwarding: RequestForwarding, scheme: StaticString) {
        removeAll()
        add(":method", head.slice(head.methodName))
        add(":scheme", scheme)
        begin(staticBytes(":authority"))
        appendHost(forwarding)
        end(isSecret: false)
        add(":path", forwarding.target.isEmpty ? staticBytes("/") : forwarding.target)
        for index in 0..<head.fieldCount where forwarding.passesOn(index, of: head) {
            add(head, head.field(index), isSecret: head.field(index).id == .other)
        }
        // gRPC asks for it (RFC 9110 section 10.1.4: only of the next hop, so it is this hop's own to say).
        if asksForTrailers(head) { add("te", "trailers") }
        begin(staticBytes("via"))
        append(forwarding.receivedVersion)
        append(" sluice")
        end(isSecret: false)
        addList("x-forwarded-for", .xForwardedFor, forwarding.clientAddress, head, forwarding)
        addList("x-forwarded-proto", .xForwardedProto, staticBytes(forwarding.clientScheme), head, forwarding)
        addList("x-forwarded-host", .xForwardedHost, forwarding.host, head, forwarding)
        if let id = forwarding.requestID { add(staticBytes("x-request-id"), id, isSecret: true) }
        if let parent = forwarding.traceparent { add(staticBytes("traceparent"), parent, isSecret: true) }
        if let route = forwarding.mirrorRoute { add("x-sluice-mirror", route) }
        if case .length(let length) = forwarding.framing { add("content-length", decimal: length) }
    }

    /// - Parameter framing: of the body; `.none` writes what the answer states about a body it does not have. That a body
    ///   is empty is said by the end of the stream, and not once more: an answer of trailers only is to be that.
    package func answer(_ head: MessageHead, framing: BodyFraming) {
        beginAnswer(head)
        switch framing {
        case .length(let length) where length > 0 || head.statedLength != nil:
            add("content-length", decimal: length)
        case .none:
            if head.status != 204, let length = head.statedLength { add("content-length", decimal: length) }
        case .length, .chunked, .close: break
        }
    }

    /// An interim answer (RFC 9110 section 15.2).
    package func interim(_ head: MessageHead) { beginAnswer(head) }

    /// Trailers, without fields that frame, route or authenticate (RFC 9110 section 6.5.1).
    package func trailers(_ head: MessageHead) {
        removeAll()
        for index in 0..<head.fieldCount where head.field(index).id == .other || head.field(index).id == .date {
            add(head, head.field(index))
        }
    }

    private func beginAnswer(_ head: MessageHead) {
        removeAll()
        add(":status", decimal: UInt64(head.status))
        for index in 0..<head.fieldCount {
            let field = head.field(index)
            // What the gateway says of an answer is for it alone to say.
            if field.id.isHopByHop || field.id == .sluice || (head.nominatesFields && head.isNominated(index)) {
                continue
            }
            add(head, field)
        }
    }

    private func add(_ head: MessageHead, _ field: FieldLine, isSecret: Bool = false) {
        // What differs in every message would only push the rest out of the table.
        let isSecret =
            switch field.id {
            case .authorization, .xRequestID, .traceparent, .tracestate: true
            default: isSecret
            }
        add(head.slice(field.name), head.slice(field.value), isSecret: isSecret)
    }

    private func asksForTrailers(_ head: MessageHead) -> Bool {
        guard let index = head.first(.te) else { return false }
        var asks = false
        forEachListElement(head.value(index)) { if equalsIgnoringCase($0, "trailers") { asks = true } }
        return asks
    }

    /// A forwarding header: what a trusted peer said and our value behind it, or our value alone.
    private func addList(
        _ name: StaticString, _ id: FieldName, _ value: UnsafeRawBufferPointer, _ head: MessageHead,
        _ forwarding: RequestForwarding
    ) {
        begin(staticBytes(name))
        if forwarding.isTrusted {
            for index in 0..<head.fieldCount where head.field(index).id == id && !head.field(index).value.isEmpty {
                if !isValueEmpty { append(", ") }
                append(head.value(index))
            }
        }
        if !value.isEmpty {
            if !isValueEmpty { append(", ") }
            append(value)
        }
        if isValueEmpty { cancel() } else { end(isSecret: false) }
    }

    private func appendHost(_ forwarding: RequestForwarding) {
        let (name, mark, port) = forwarding.outgoingHost
        append(name)
        append(mark)
        append(port)
    }
}
