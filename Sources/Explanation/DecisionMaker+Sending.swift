import Base
import Configuration
import HTTP
import Traffic

/// What arrives at an endpoint: written by the serialiser that writes it for endpoints, and read again.
extension DecisionMaker {
    func sent(to entry: Route.WeightedBackend) -> (Decision.Sent, Explanation.Refusal?) {
        let rewriting = rewriting(ModelNames(model: entry.model, version: entry.version))
        var sent = sent(
            [route.requestHeaders, entry.requestHeaders], entry: entry.label, isMirror: false, rewriting.target)
        sent.changes += rewriting.ofMessages
        return (sent, rewriting.refusal)
    }

    func sent(to mirror: Route.Mirror) -> Decision.Sent {
        let target = rewriting(nil).target
        return sent([route.requestHeaders, mirror.requestHeaders], entry: nil, isMirror: true, target)
    }

    private func sent(_ operations: [HeaderOperations], entry: String?, isMirror: Bool, _ target: [UInt8])
        -> Decision.Sent
    {
        let head = edited(HeaderEdits(operations), entry: entry)
        var sent = written(target, isMirror: isMirror) { forwarding, host, out in
            forwarding.newHost = host.isEmpty ? nil : host
            forwarding.keepsAuthorization = route.basicAuth?.forwardAuthorization ?? true
            HeadWriter.request(head, forwarding, into: &out)
        }
        let received = reading.target.map {
            reading.head.slice(HeadRange(Int($0.path.start), Int(reading.head.target.end)))
        }
        let untouched = written(received.map { Array($0) } ?? [], isMirror: isMirror) { forwarding, host, out in
            // The host of a copy follows from that of the original.
            if isMirror, !host.isEmpty { forwarding.newHost = host }
            HeadWriter.request(reading.head, forwarding, into: &out)
        }
        sent.changes = sent.changes(since: untouched)
        return sent
    }

    /// Takes a head apart that was written here.
    private static func read(_ head: String) -> Decision.Sent {
        var lines = head.split(separator: "\r\n")[...]
        let start = (lines.popFirst() ?? "").split(separator: " ")
        var sent = Decision.Sent(method: "", target: "", host: "")
        if start.count == 3 { (sent.method, sent.target) = (String(start[0]), Shown.value(String(start[1]))) }
        for line in lines {
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            let name = String(line[..<colon])
            let value = String(line[colon...].dropFirst().drop { $0 == " " || $0 == "\t" })
            if name == "Host", sent.host.isEmpty {
                sent.host = value
            } else {
                let isMade = ["\(Variables.requestID)", "\(Variables.traceparent)"].contains(value)
                sent.headers.append(Decision.Field(name, isMade ? nil : Shown.value(of: name, value)))
            }
        }
        return sent
    }

    /// The head with what the route changes about it.
    private func edited(_ edits: HeaderEdits?, entry: String?) -> MessageHead {
        let edited = MessageHead()
        edited.copy(reading.head)
        // No client says who it is, on any route.
        for name in Set(gateway.routes.compactMap { $0.basicAuth?.forwardUser }) {
            edited.remove(named: Array(name.utf8))
        }
        var scratch = ByteBuffer()
        if let edits { variables(entry: entry).withValues { edits.apply(to: edited, $0, scratch: &scratch) } }
        if let name = route.basicAuth?.forwardUser, let user {
            edited.remove(named: Array(name.utf8))
            edited.add(name, user)
        }
        return edited
    }

    private func written(
        _ target: [UInt8], isMirror: Bool,
        _ write: (inout RequestForwarding, UnsafeRawBufferPointer, inout ByteBuffer) -> Void
    ) -> Decision.Sent {
        let head = reading.head
        let peer = Array((reading.peer?.description ?? "\(Variables.client)").utf8)
        let (name, host) = (Array(route.name.utf8), Array((route.rewrite?.host ?? "").utf8))
        var out = ByteBuffer()
        target.withUnsafeBytes { target in
            peer.withUnsafeBytes { peer in
                name.withUnsafeBytes { name in
                    host.withUnsafeBytes { host in
                        var forwarding = RequestForwarding(
                            framing: head.framing == .close ? .chunked : head.framing, target: target,
                            host: reading.authority)
                        forwarding.isTrusted = reading.isTrusted
                        forwarding.isSecure = reading.ownScheme == .https
                        forwarding.receivedVersion = reading.isGRPC ? "2" : "1.1"
                        forwarding.clientAddress = peer
                        forwarding.requestID = head.requestID == nil ? staticBytes(Variables.requestID) : nil
                        forwarding.traceparent = head.traceparent == nil ? staticBytes(Variables.traceparent) : nil
                        forwarding.mirrorRoute = isMirror ? name : nil
                        write(&forwarding, host, &out)
                    }
                }
            }
        }
        return Self.read(text(out.bytes))
    }
}

extension Decision.Sent {
    /// What is different from a request that was passed on as it came.
    fileprivate func changes(since other: Decision.Sent) -> [String] {
        var changes: [String] = []
        if target != other.target { changes.append("path \(target)") }
        if host != other.host { changes.append("Host: \(host)") }
        var before = other.headers
        for field in headers {
            if let same = before.firstIndex(of: field) {
                before.remove(at: same)
            } else {
                changes.append("\(field.name): \(field.value ?? "")")
            }
        }
        // What has only got another value is among the others.
        let names = Set(headers.map { $0.name.lowercased() })
        for field in before where !names.contains(field.name.lowercased()) { changes.append("without \(field.name)") }
        return changes
    }
}
