import Base
import Configuration
import EventLoop
import HTTP
import Inference
import Telemetry
import Traffic

/// A request that goes to every endpoint (`fanOut`): to load a model, to change what is logged. Such requests are few and small,
/// so they are gathered whole, and the control plane asks.
extension Exchange {
    /// Bytes of a request's body where the route has no `maxBodySize`: a model's configuration has a few thousand.
    private static let gatheredLimit: UInt64 = 1 << 20
    /// For each endpoint, where the route has no `timeout`: the largest models take minutes to load.
    private static let longestCall = Duration.seconds(600)

    /// Waits for the whole request.
    func gather() {
        guard let route else { return }
        guard rewritePath(route) else {
            reject(.badRequest, "the path cannot be rewritten")
            return
        }
        if case .length(let length) = head.framing, length > gatheredLimit {
            reject(.bodyTooLarge)
            return
        }
        phase = .gathering
        if isRequestComplete {
            fanOut()
            return
        }
        askForBody()
        armGathering()
        client?.wake()
    }

    private var gatheredLimit: UInt64 {
        (route?.maxBodySize ?? Self.gatheredLimit) &+ (isGRPC ? UInt64(GRPCMessageScanner.prefixBytes) : 0)
    }

    func gather(_ bytes: UnsafeRawBufferPointer) {
        guard requestBytes <= gatheredLimit else {
            reject(.bodyTooLarge)
            return
        }
        kept.append(bytes, from: worker.loop.blocks)
        armGathering()
    }

    private func armGathering() {
        let idle = route?.idleTimeout.map { worker.loop.now + $0 } ?? .never
        worker.loop.setDeadline(self, min(idle, callDeadline))
    }

    /// The request is complete: it goes to everybody.
    func fanOut() {
        guard let route else { return }
        phase = .fanningOut
        worker.loop.setDeadline(self, .never)
        let now = worker.loop.now
        dispatchedAt = now
        var body: [UInt8] = []
        kept.forEachRun { body.append(contentsOf: $0) }
        dropKept()
        var timeout = route.route.timeout ?? Self.longestCall
        if callDeadline != .never {
            timeout = min(timeout, .nanoseconds(Int64(clamping: max(callDeadline.since(now).count, 1))))
        }
        let legs = makeLegs(route)
        guard !legs.isEmpty else {
            reject(.noEndpoint)
            return
        }
        let request = FanOutRequest(
            method: String(decoding: head.slice(head.methodName), as: UTF8.self), body: body, isGRPC: isGRPC,
            isIndex: isGRPC && GRPCMethod.isIndex(upstreamPath), legs: legs, timeout: timeout)
        worker.fanOut(request, for: self)
    }

    /// One for each entry that takes requests. It is counted for the first of them.
    private func makeLegs(_ route: RouteState) -> [FanOutRequest.Leg] {
        guard case .forward(let forward) = route.route.action, let snapshot = configuration?.snapshot else { return [] }
        let places = forward.backends.indices.filter { forward.backends[$0].weight > 0 }
        let legs = places.compactMap { place -> FanOutRequest.Leg? in
            let name = forward.backends[place].backend
            guard let backend = snapshot.backends.first(where: { $0.backend.name == name }) else { return nil }
            entry = place
            var leg = FanOutRequest.Leg(backend: backend, path: "", headers: [])
            withRequest(edits: route.entries[place].changes?.requestEdits) { request in
                leg.path = String(decoding: request.forwarding.target, as: UTF8.self)
                leg.headers = fields(request)
            }
            return leg
        }
        entry = places.first
        return legs
    }

    /// What frames the message is made anew, and answers that are compared must not be compressed.
    private static let ownFields = [
        "connection", "content-length", "transfer-encoding", "expect", "accept-encoding", "grpc-accept-encoding",
    ]

    /// The header as an endpoint would get it.
    private func fields(_ request: UpstreamSide.Request) -> [(name: String, value: String)] {
        worker.stage.removeAll()
        HeadWriter.request(request.head, request.forwarding, into: &worker.stage)
        let lines = String(decoding: worker.stage.bytes, as: UTF8.self).split(separator: "\r\n").dropFirst()
        var fields = lines.compactMap { line -> (name: String, value: String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let name = String(line[..<colon])
            let value = line[colon...].dropFirst().drop { $0 == " " || $0 == "\t" }
            return Self.ownFields.contains(name.lowercased()) ? nil : (name, String(value))
        }
        if isGRPC { fields.append(("te", "trailers")) }
        return fields
    }

    // MARK: The answer

    /// Everybody has answered, or did not.
    func fannedOut(_ answer: FanOutAnswer?, endpoints: Int) {
        guard phase == .fanningOut else { return }
        guard let answer else {
            reject(.overloaded)
            return
        }
        guard endpoints > 0 else {
            reject(.noEndpoint)
            return
        }
        tries = endpoints
        firstByteAt = worker.loop.now
        let cause = answer.failure.map { Cause($0) } ?? .none
        if isGRPC {
            passCall(answer, cause)
            return
        }
        self.answer(status: answer.status, cause: cause, body: answer.body) { head in
            if !answer.contentType.isEmpty { Self.add("Content-Type", answer.contentType, to: head) }
            if cause != .none { head.add("x-sluice-cause", staticBytes(cause.name)) }
        }
    }

    private func passCall(_ answer: FanOutAnswer, _ cause: Cause) {
        let status = answer.grpcStatus ?? .unknown
        guard status == .ok else {
            let code = cause == .none ? 200 : cause.status
            self.answer(status: code, cause: cause) { head in
                head.add("Content-Type", staticBytes("application/grpc"))
                addStatus(cause, answer.grpcMessage, status, to: head)
            }
            return
        }
        guard let client else { return }
        grpcStatus = .ok
        self.status = 200
        isHeadSent = true
        responseBytes = UInt64(answer.body.count)
        let head = worker.takeHead()
        head.beginAnswer(status: 200, reason: "OK")
        worker.httpDate().withUnsafeBytes { head.add("Date", $0) }
        head.add("Content-Type", staticBytes("application/grpc"))
        editAnswer(head, isOwn: true)
        client.sendHead(head, framing: .chunked, to: self.head, requestIsComplete: true)
        answer.body.withUnsafeBytes { client.sendBody($0) }
        head.reset()
        head.add("grpc-status", staticBytes("0"))
        client.sendEnd(trailers: head)
        worker.giveHead(head)
        finish(.none, answered: false)
    }

    private static func add(_ name: StaticString, _ value: String, to head: MessageHead) {
        var value = value
        value.withUTF8 { head.add(name, UnsafeRawBufferPointer($0)) }
    }
}

extension Cause {
    init(_ failure: FanOutReply.Failure) {
        self =
            switch failure {
            case .connect: .connectFailed
            case .tls: .tlsHandshake
            case .timeout: .exchangeTimeout
            case .reset: .upstreamReset
            case .protocol: .upstreamProtocol
            }
    }
}

extension Worker {
    /// Hands the request over, and its answer back to the exchange if that still waits for it. Who leaves does not stop what he
    /// has begun: a model that is loaded at half of the endpoints is worse than one that is loaded.
    func fanOut(_ request: FanOutRequest, for exchange: Exchange) {
        let serial = exchange.serial
        let reference = LoopBound(exchange)
        askEverybody(request) { [self] answer, endpoints in
            loop.post {
                if reference.value.serial == serial { reference.value.fannedOut(answer, endpoints: endpoints) }
            }
        }
    }
}
