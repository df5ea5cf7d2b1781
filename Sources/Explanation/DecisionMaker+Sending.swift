import Base
import Configuration
import HTTP
import Traffic

/// What arrives at an endpoint: written by the serialiser that writes it for endpoints.
extension DecisionMaker {
    func sent(to entry: Route.WeightedBackend) -> (Decision.Sent, Explanation.Refusal?) {
        let rewriting = rewriting(ModelNames(model: entry.model, version: entry.version))
        let writer = Writer(
            isHTTP2: speaksHTTP2(entry.backend), isMirror: false, target: rewriting.target,
            head: edited([route.requestHeaders, entry.requestHeaders], entry: entry.label))
        var sent = sent(writer)
        sent.changes += rewriting.ofMessages
        return (sent, rewriting.refusal)
    }

    func sent(to mirror: Route.Mirror) -> Decision.Sent {
        sent(
            Writer(
                isHTTP2: speaksHTTP2(mirror.backend), isMirror: true, target: rewriting(nil).target,
                head: edited([route.requestHeaders, mirror.requestHeaders], entry: mirror.backend)))
    }

    private func speaksHTTP2(_ name: String) -> Bool {
        guard let backend = backend(name) else { return false }
        return backend.protocol == .http2 || (reading.isGRPC && backend.hasGRPCPort)
    }

    /// The head with what the route changes about it.
    private func edited(_ operations: [HeaderOperations], entry: String) -> MessageHead {
        let edited = MessageHead()
        edited.copy(reading.head)
        edited.removeNominated()
        // No client says who it is, on any route.
        for name in Set(gateway.routes.compactMap { $0.basicAuth?.forwardUser }) {
            edited.remove(readAs: Array(name.utf8))
        }
        var scratch = ByteBuffer()
        if let edits = HeaderEdits(operations) {
            variables(entry: entry).withValues { edits.apply(to: edited, $0, scratch: &scratch) }
        }
        if let name = route.basicAuth?.forwardUser, let user, !user.isEmpty {
            edited.remove(named: Array(name.utf8))
            scratch.removeAll()
            Array(user.utf8).withUnsafeBytes { scratch.append(fieldValue: $0) }
            edited.add(name, text(scratch.bytes))
        }
        return edited
    }

    // MARK: Writing

    private struct Writer {
        var isHTTP2: Bool
        var isMirror: Bool
        var target: [UInt8]
        var head: MessageHead
    }

    private func sent(_ writer: Writer) -> Decision.Sent {
        let host = Array((route.rewrite?.host ?? "").utf8)
        let keeps = route.basicAuth?.forwardAuthorization ?? true
        var sent = written(writer, host: host, keepsAuthorization: keeps)
        var untouched = writer
        untouched.head = reading.head
        if let target = reading.target {
            untouched.target = Array(
                reading.head.slice(HeadRange(Int(target.path.start), Int(reading.head.target.end))))
        }
        // The host of a copy follows from that of the original.
        let before = written(untouched, host: writer.isMirror ? host : [], keepsAuthorization: true)
        sent.changes = sent.changes(since: before)
        return sent
    }

    private func written(_ writer: Writer, host: [UInt8], keepsAuthorization: Bool) -> Decision.Sent {
        let head = reading.head
        let peer = Array((reading.peer?.description ?? "\(Variables.client)").utf8)
        let name = Array(route.name.utf8)
        var sent = Decision.Sent(method: text(head.slice(head.methodName)), target: "", host: "")
        writer.target.withUnsafeBytes { target in
            peer.withUnsafeBytes { peer in
                name.withUnsafeBytes { name in
                    host.withUnsafeBytes { host in
                        let framing = head.framing == .close ? .chunked : head.framing
                        var forwarding = RequestForwarding(
                            framing: framing, target: target, host: reading.authority)
                        forwarding.newHost = host.isEmpty ? nil : host
                        forwarding.keepsAuthorization = keepsAuthorization
                        forwarding.isTrusted = reading.isTrusted
                        forwarding.isSecure = reading.ownScheme == .https
                        forwarding.receivedVersion = reading.isGRPC ? "2" : "1.1"
                        forwarding.clientAddress = peer
                        forwarding.requestID = head.requestID == nil ? staticBytes(Variables.requestID) : nil
                        let isTraceKept = head.traceparent != nil
                        forwarding.traceparent =
                            isTraceKept && gateway.tracing == nil ? nil : staticBytes(Variables.traceparent)
                        forwarding.keepsTracestate = isTraceKept
                        forwarding.mirrorRoute = writer.isMirror ? name : nil
                        forwarding.asksForWebSocket = !writer.isMirror && head.asksForWebSocket
                        sent.read(writer.head, forwarding, isHTTP2: writer.isHTTP2)
                    }
                }
            }
        }
        return sent
    }
}

extension Decision.Sent {
    fileprivate mutating func read(_ head: MessageHead, _ forwarding: RequestForwarding, isHTTP2: Bool) {
        if isHTTP2 {
            let fields = HTTP2FieldList()
            fields.request(head, forwarding, scheme: "http")
            fields.forEach { add(text($0), text($1)) }
            return
        }
        var out = ByteBuffer()
        HeadWriter.request(head, forwarding, into: &out)
        var lines = text(out.bytes).split(separator: "\r\n")[...]
        let words = (lines.popFirst() ?? "").split(separator: " ")
        if words.count == 3 { add(":path", String(words[1])) }
        for line in lines {
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            let value = line[colon...].dropFirst().drop { $0 == " " || $0 == "\t" }
            add(String(line[..<colon]), String(value))
        }
    }

    private mutating func add(_ name: String, _ value: String) {
        switch name {
        case ":path": target = Shown.value(value)
        case ":authority", "Host": host = value
        case ":method", ":scheme": break
        default:
            let isMade = ["\(Variables.requestID)", "\(Variables.traceparent)"].contains(value)
            headers.append(Decision.Field(name, isMade ? nil : Shown.value(of: name, value)))
        }
    }

    /// What is different from a request that was passed on as it came.
    fileprivate func changes(since other: Decision.Sent) -> [String] {
        var changes: [String] = []
        if target != other.target { changes.append("path \(Shown.word(target))") }
        if host != other.host { changes.append("Host: \(host)") }
        var before = other.headers
        for field in headers {
            if let same = before.firstIndex(of: field) {
                before.remove(at: same)
            } else {
                changes.append("\(field.name): \(Shown.word(field.value ?? ""))")
            }
        }
        // What has only got another value is among the others.
        let names = Set(headers.map { $0.name.lowercased() })
        for field in before where !names.contains(field.name.lowercased()) { changes.append("without \(field.name)") }
        return changes
    }
}
