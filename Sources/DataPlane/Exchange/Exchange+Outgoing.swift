import Base
import Configuration
import HTTP
import Inference
import Telemetry
import Traffic

/// The request as the next hop gets it: what the route says about its path, its host and its header, and what a proxy adds.
extension Exchange {
    // MARK: The path

    /// The path as the route makes it, in its one reading. An entry may put another model into it.
    var upstreamPath: UnsafeRawBufferPointer { isRewritten ? rewrittenPath.bytes : path }

    /// Finds out what endpoints are to see instead of the path.
    ///
    /// - Returns: false where what came out is no path that has one reading.
    func rewritePath(_ route: RouteState) -> Bool {
        guard let rewriter = route.policies?.pathRewriter else { return true }
        isRewritten = true
        return rewriter.rewrite(path, matched: matchedPath(route), into: &rewrittenPath, scratch: &worker.substitution)
    }

    /// The plain path that the request was matched by, where something depends on it.
    func matchedPath(_ route: RouteState) -> Match.PathMatch? {
        guard let target, let alternatives = route.policies?.alternatives else { return nil }
        return alternatives.path(matching: view(target, model: modelSource))
    }

    /// Where the model of the request was read when its route was chosen.
    private var modelSource: ModelSource {
        guard isGRPC, let inspector, inspector.readsModel, inspector.isDecided else { return .inPath }
        return .known(inspector.model, version: inspector.version)
    }

    // MARK: The head

    /// Calls `send` with the request for the next hop; its views are valid until that returns.
    ///
    /// - Parameters:
    ///   - edits: what else changes about the header.
    ///   - mirror: the mirror it is a copy for. Those see the model that the client has named.
    func withRequest(edits: HeaderEdits?, mirror: MirrorState? = nil, _ send: (UpstreamSide.Request) -> Void) {
        guard let client = client?.connection, let route else { return }
        let isMirror = mirror != nil
        var forwarding = RequestForwarding(
            framing: outgoingFraming(isMirror: isMirror), target: outgoingTarget(isMirror: isMirror),
            host: head.slice(host))
        forwarding.isTrusted = peer.isTrusted
        forwarding.isSecure = client.isSecure
        if case .http2 = self.client { forwarding.receivedVersion = "2" }
        forwarding.keepsAuthorization = route.keepsAuthorization
        forwarding.requestID = identity.madeRequestID
        forwarding.traceparent = outgoingTraceparent
        forwarding.keepsTracestate = identity.keepsTracestate
        forwarding.asksForWebSocket = !isMirror && head.asksForWebSocket
        let endsWithHead = isRequestComplete && kept.isEmpty && !hasTrailers
        forwarding.clientAddress = peer.address
        route.name.withUnsafeBytes { name in
            (route.policies?.host ?? []).withUnsafeBytes { host in
                forwarding.mirrorRoute = isMirror ? name : nil
                forwarding.newHost = host.isEmpty ? nil : host
                guard let edited = editedHead(route, edits, mirror) else {
                    send(UpstreamSide.Request(head: head, forwarding: forwarding, endsWithHead: endsWithHead))
                    return
                }
                send(UpstreamSide.Request(head: edited, forwarding: forwarding, endsWithHead: endsWithHead))
                worker.giveHead(edited)
            }
        }
    }

    private func outgoingTarget(isMirror: Bool) -> UnsafeRawBufferPointer {
        guard let target else { return staticBytes("/") }
        let received = UnsafeRawBufferPointer(
            rebasing: head.slice(HeadRange(Int(target.path.start), Int(head.target.end)))[...])
        let query = UnsafeRawBufferPointer(rebasing: received[target.path.count...])
        worker.targetScratch.removeAll()
        if !isMirror, !isGRPC, let names = names, names.rewrite(upstreamPath, into: &worker.targetScratch) {
            worker.targetScratch.append(query)
            return worker.targetScratch.bytes
        }
        if isRewritten {
            worker.targetScratch.append(rewrittenPath.bytes)
            worker.targetScratch.append(query)
            return worker.targetScratch.bytes
        }
        guard target.path.isEmpty else { return received }
        // An absolute target may leave the path out; `OPTIONS` then asks about the server (RFC 9112 section 3.2.4).
        worker.targetScratch.append(head.method == .options && !target.hasQuery ? "*" : "/")
        worker.targetScratch.append(received)
        return worker.targetScratch.bytes
    }

    /// A copy of the head with what the route changes about it, to be given back to the worker; `nil` where it goes out as
    /// it came.
    private func editedHead(_ route: RouteState, _ edits: HeaderEdits?, _ mirror: MirrorState?) -> MessageHead? {
        let jsonLength = outgoingJSONLength(isMirror: mirror != nil)
        guard edits != nil || jsonLength != nil || configuration?.reservesHeaders == true else { return nil }
        let reserved = configuration?.snapshot.reservedHeaders ?? []
        let name = route.policies?.forwardUser
        let isChanged = edits != nil || jsonLength != nil || name != nil
        guard isChanged || reserved.contains(where: { head.has(readAs: $0) }) else { return nil }
        let edited = worker.takeHead()
        edited.copy(head)
        edited.removeNominated()
        for name in reserved { edited.remove(readAs: name) }
        if let edits {
            withBackendName(mirror) { name in
                withHeaderVariables(name) { edits.apply(to: edited, $0, scratch: &worker.valueScratch) }
            }
        }
        if let name, !user.isEmpty {
            edited.remove(named: name)
            worker.valueScratch.removeAll()
            user.withUnsafeBytes { worker.valueScratch.append(fieldValue: $0) }
            name.withUnsafeBytes { edited.add($0, worker.valueScratch.bytes) }
        }
        if let jsonLength {
            edited.remove { equalsIgnoringCase($0, ParameterRule.inferenceHeader) }
            worker.valueScratch.removeAll()
            worker.valueScratch.append(decimal: jsonLength)
            edited.add("Inference-Header-Content-Length", worker.valueScratch.bytes)
        }
        return edited
    }

    /// No client says who it is, behind its body as little as in front of it: some servers make one list of both.
    func removeClaims(from trailers: MessageHead) {
        for name in configuration?.snapshot.reservedHeaders ?? [] { trailers.remove(readAs: name) }
    }

    private func withBackendName(_ mirror: MirrorState?, _ body: (UnsafeRawBufferPointer) -> Void) {
        if let mirror { mirror.backend.withUnsafeBytes(body) } else { body(entryName) }
    }

    /// What metrics and log call the entry; empty where none has been chosen.
    var entryName: UnsafeRawBufferPointer {
        guard let entry, let route else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return route.entries[entry].series.backend.bytes
    }

    /// - Parameter backend: whose header it is.
    func withHeaderVariables(_ backend: UnsafeRawBufferPointer, _ body: (HeaderVariables) -> Void) {
        var values = HeaderVariables()
        values.requestID = identity.requestID(head)
        values.clientAddress = clientText
        values.backend = backend
        user.withUnsafeBytes { user in
            values.user = user
            (route?.name ?? []).withUnsafeBytes { name in
                values.route = name
                body(values)
            }
        }
    }

    // MARK: Models

    /// The model that the entry puts in the place of the one that the request names.
    var names: ModelNames? { entry.flatMap { route?.entries[$0].changes?.names } }
}
