package import Base

/// What the gateway adds to a request it passes on, or takes away.
package struct RequestForwarding {
    package var framing: BodyFraming
    /// The bytes of the request line's target.
    package var target: UnsafeRawBufferPointer
    /// What the client asked for.
    package var host: UnsafeRawBufferPointer
    /// What the endpoint is to see instead.
    package var newHost: UnsafeRawBufferPointer?
    /// The client's address without port, for `X-Forwarded-For`; empty where it has none.
    package var clientAddress: UnsafeRawBufferPointer
    /// The client is a proxy whose forwarding headers are believed.
    package var isTrusted: Bool
    /// The client came over TLS.
    package var isSecure: Bool
    /// The version the request came in, for `Via` (RFC 9110 section 7.6.3).
    package var receivedVersion: StaticString
    package var keepsAuthorization: Bool
    /// Set where the client sent none that can be used; else the client's own is passed on.
    package var requestID: UnsafeRawBufferPointer?
    package var traceparent: UnsafeRawBufferPointer?
    /// What stands beside a `traceparent` means nothing without it (W3C Trace Context, section 3.3).
    package var keepsTracestate: Bool
    /// The request asks for WebSocket, and an endpoint that is spoken to in HTTP/1.1 is asked too.
    package var asksForWebSocket: Bool
    /// The route's name on a copy for a mirror; its `Host` gets `-shadow` before the port.
    package var mirrorRoute: UnsafeRawBufferPointer?

    package init(framing: BodyFraming, target: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer) {
        self.framing = framing
        self.target = target
        self.host = host
        clientAddress = UnsafeRawBufferPointer(start: nil, count: 0)
        isTrusted = false
        isSecure = false
        receivedVersion = "1.1"
        keepsAuthorization = true
        keepsTracestate = true
        asksForWebSocket = false
    }
}

extension RequestForwarding {
    /// The host for the next hop, in three parts. Istio's convention for copies: `host-shadow`, `host-shadow:port`. Nothing
    /// can stand behind a bracketed address but a port (RFC 3986 section 3.2.2), so one stays as it is.
    var outgoingHost: (name: UnsafeRawBufferPointer, mark: StaticString, port: UnsafeRawBufferPointer) {
        let host = newHost ?? host
        guard mirrorRoute != nil, host.first != UInt8(ascii: "[") else {
            return (host, "", UnsafeRawBufferPointer(start: nil, count: 0))
        }
        let name = HostValue.name(host) ?? host
        return (name, "-shadow", UnsafeRawBufferPointer(rebasing: host[name.count...]))
    }

    var clientScheme: StaticString { isSecure ? "https" : "http" }

    /// Whether a field goes on as it came; what does not is left out, or written anew by the gateway.
    func passesOn(_ index: Int, of head: MessageHead) -> Bool {
        let isForNext =
            switch head.field(index).id {
            case .other, .contentType, .via, .userAgent, .date, .trailer: true
            case .authorization: keepsAuthorization
            case .forwarded: isTrusted
            case .expect: mirrorRoute == nil && head.minorVersion == 1
            case .xRequestID: requestID == nil
            case .traceparent: traceparent == nil
            case .tracestate: keepsTracestate
            default: false
            }
        return isForNext && !(head.nominatesFields && head.isNominated(index))
    }
}

/// Writes HTTP/1.1 heads for the next hop.
package enum HeadWriter {
    package static func request(_ head: MessageHead, _ forwarding: RequestForwarding, into out: inout ByteBuffer) {
        out.append(head.slice(head.methodName))
        out.append(byte: 0x20)
        out.append(forwarding.target)
        out.append(" HTTP/1.1\r\nHost: ")
        appendHost(forwarding, into: &out)
        out.append("\r\n")
        for index in 0..<head.fieldCount where forwarding.passesOn(index, of: head) {
            append(head.field(index), of: head, into: &out)
        }
        out.append("Via: ")
        out.append(forwarding.receivedVersion)
        out.append(" sluice\r\n")
        appendList("X-Forwarded-For: ", .xForwardedFor, forwarding.clientAddress, head, forwarding, into: &out)
        appendList(
            "X-Forwarded-Proto: ", .xForwardedProto, staticBytes(forwarding.clientScheme), head, forwarding, into: &out)
        appendList("X-Forwarded-Host: ", .xForwardedHost, forwarding.host, head, forwarding, into: &out)
        if let id = forwarding.requestID { append("x-request-id: ", id, into: &out) }
        if let parent = forwarding.traceparent { append("traceparent: ", parent, into: &out) }
        if let route = forwarding.mirrorRoute { append("x-sluice-mirror: ", route, into: &out) }
        if forwarding.asksForWebSocket { out.append(webSocketFields) }
        append(forwarding.framing, into: &out)
        out.append("\r\n")
    }

    /// - Parameters:
    ///   - framing: how the body goes to the client; `.none` writes what the answer states about a body it does not have.
    ///   - minorVersion: the client's.
    package static func response(
        _ head: MessageHead, framing: BodyFraming, minorVersion: UInt8, keepsOpen: Bool, into out: inout ByteBuffer
    ) {
        appendStatusLine(head, into: &out)
        appendResponseFields(head, into: &out)
        if framing == .none {
            if head.status != 204, let length = head.statedLength { append(.length(length), into: &out) }
        } else {
            append(framing, into: &out)
        }
        if !keepsOpen {
            out.append("Connection: close\r\n")
        } else if minorVersion == 0 {
            out.append("Connection: keep-alive\r\n")
        }
        out.append("\r\n")
    }

    /// An interim answer (RFC 9110 section 15.2): no body, nothing said about the connection.
    package static func interim(_ head: MessageHead, into out: inout ByteBuffer) {
        appendStatusLine(head, into: &out)
        appendResponseFields(head, into: &out)
        out.append("\r\n")
    }

    /// The answer that ends HTTP on a connection, which speaks WebSocket behind it.
    package static func switching(_ head: MessageHead, into out: inout ByteBuffer) {
        appendStatusLine(head, into: &out)
        appendResponseFields(head, into: &out)
        out.append(webSocketFields)
        out.append("\r\n")
    }

    /// What either side says of the protocol to change to (RFC 6455 sections 4.1 and 4.2.2).
    private static let webSocketFields: StaticString = "Connection: Upgrade\r\nUpgrade: websocket\r\n"

    /// Trailer fields and the empty line that ends a chunked body. Fields that frame, route or authenticate have no business
    /// there (RFC 9110 section 6.5.1).
    package static func trailers(_ head: MessageHead?, into out: inout ByteBuffer) {
        out.append("0\r\n")
        if let head {
            for index in 0..<head.fieldCount where head.field(index).id == .other || head.field(index).id == .date {
                append(head.field(index), of: head, into: &out)
            }
        }
        out.append("\r\n")
    }

    private static func appendStatusLine(_ head: MessageHead, into out: inout ByteBuffer) {
        out.append("HTTP/1.1 ")
        out.append(decimal: UInt64(head.status))
        out.append(byte: 0x20)
        out.append(head.slice(head.reason))
        out.append("\r\n")
    }

    private static func appendResponseFields(_ head: MessageHead, into out: inout ByteBuffer) {
        for index in 0..<head.fieldCount {
            let line = head.field(index)
            // What the gateway says of an answer is for it alone to say.
            if line.id.isHopByHop || line.id == .sluice || (head.nominatesFields && head.isNominated(index)) {
                continue
            }
            append(line, of: head, into: &out)
        }
    }

    /// A whole field line: what stands between name and value is kept, what follows the value is not.
    private static func append(_ line: FieldLine, of head: MessageHead, into out: inout ByteBuffer) {
        if line.value.isEmpty {
            out.append(head.slice(line.name))
            out.append(":\r\n")
            return
        }
        out.append(head.slice(HeadRange(Int(line.name.start), Int(line.value.end))))
        out.append("\r\n")
    }

    private static func append(_ name: StaticString, _ value: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        out.append(name)
        out.append(value)
        out.append("\r\n")
    }

    private static func append(_ framing: BodyFraming, into out: inout ByteBuffer) {
        switch framing {
        case .none, .close: break
        case .chunked: out.append("Transfer-Encoding: chunked\r\n")
        case .length(let length):
            out.append("Content-Length: ")
            out.append(decimal: length)
            out.append("\r\n")
        }
    }

    /// A forwarding header: what a trusted peer said and our value behind it, or our value alone.
    private static func appendList(
        _ name: StaticString, _ id: FieldName, _ value: UnsafeRawBufferPointer, _ head: MessageHead,
        _ forwarding: RequestForwarding, into out: inout ByteBuffer
    ) {
        var first = true
        if forwarding.isTrusted {
            for index in 0..<head.fieldCount where head.field(index).id == id && !head.field(index).value.isEmpty {
                out.append(first ? name : ", ")
                out.append(head.value(index))
                first = false
            }
        }
        if !value.isEmpty {
            out.append(first ? name : ", ")
            out.append(value)
            first = false
        }
        if !first { out.append("\r\n") }
    }

    private static func appendHost(_ forwarding: RequestForwarding, into out: inout ByteBuffer) {
        let (name, mark, port) = forwarding.outgoingHost
        out.append(name)
        out.append(mark)
        out.append(port)
    }
}

/// The bytes of a literal.
package func staticBytes(_ text: StaticString) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
}
