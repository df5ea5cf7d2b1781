import Base
import Configuration
import EventLoop
import HTTP
import Telemetry
import Traffic

/// Choosing a backend, waiting for a place, and sending.
extension Exchange {
    func dispatch() {
        guard let route else { return }
        guard let index = route.nextEntry() else {
            reject(.noEndpoint)
            return
        }
        entry = index
        let pool = route.entries[index].pool
        if isGRPC && !pool.carriesGRPC {
            reject(.notImplemented, "this backend speaks no gRPC")
            return
        }
        self.pool = pool
        queuedAt = worker.loop.now
        if pool.queue.isEmpty, let lease = pool.acquire(isGRPC: isGRPC) {
            launch(lease)
            return
        }
        guard pool.load.queued.take(limit: pool.queue.limits.queue) else {
            reject(.queueFull)
            return
        }
        phase = .waiting
        worker.loop.setDeadline(self, min(queuedAt + pool.queueTimeout, callDeadline))
        worker.enqueue(self, pool)
    }

    /// A place is there.
    func launch(_ lease: BackendPool.Lease) {
        guard let pool else { return }
        let now = worker.loop.now
        phase = .sending
        endpoint = lease.endpoint
        dispatchedAt = now
        lastActivity = now
        // In this order: a mirror must not take what the lease stands for.
        guard begin(lease, pool) else { return }
        startMirrors()
        sendSoFar()
        armDeadline()
        client?.wake()
    }

    /// Sends the head.
    private func begin(_ lease: BackendPool.Lease, _ pool: BackendPool) -> Bool {
        withForwarding(mirrorOf: nil) { upstream = UpstreamSide.begin(lease, for: self, pool, request($0)) }
        if upstream == nil { reject(.overloaded) }
        return upstream != nil
    }

    private func request(_ forwarding: RequestForwarding) -> UpstreamSide.Request {
        UpstreamSide.Request(
            head: head, forwarding: forwarding, endsWithHead: isRequestComplete && kept.isEmpty && !hasTrailers)
    }

    /// Sends the rest of the request as far as it has come.
    private func sendSoFar() {
        sendKept()
        if isRequestComplete { upstream?.sendEnd(trailers: nil) }
        upstream?.checkBacklog()
    }

    private func startMirrors() {
        guard let route, !route.mirrors.isEmpty else { return }
        // One draw for all, so that two mirrors of one share get the same requests.
        let draw = Double(worker.random.next() >> 11) * 0x1p-53 * 100
        for state in route.mirrors where draw < state.mirror.percent {
            var started: MirrorCopy?
            route.name.withUnsafeBytes { name in
                withForwarding(mirrorOf: name) {
                    started = MirrorCopy.start(state, worker: worker, request($0), isGRPC: isGRPC)
                }
            }
            guard let copy = started else { continue }
            kept.forEachRun { copy.sendBody($0) }
            if isRequestComplete { copy.sendEnd(trailers: nil) }
            mirrors.append(copy)
        }
    }

    /// Calls `send` with what changes about the head for the next hop; its views are valid until that returns.
    private func withForwarding(mirrorOf routeName: UnsafeRawBufferPointer?, _ send: (RequestForwarding) -> Void) {
        guard let target, let client = client?.connection, let route else { return }
        var origin = UnsafeRawBufferPointer(
            rebasing: head.slice(HeadRange(Int(target.path.start), Int(head.target.end)))[...])
        worker.targetScratch.removeAll()
        if target.path.isEmpty {
            // An absolute target may leave the path out; `OPTIONS` then asks about the server (RFC 9112 section 3.2.4).
            worker.targetScratch.append(head.method == .options && !target.hasQuery ? "*" : "/")
            worker.targetScratch.append(origin)
            origin = worker.targetScratch.bytes
        }
        // A stream says how much comes by its end, which HTTP/1.1 says by the last chunk.
        let framing = head.framing == .close ? .chunked : head.framing
        var forwarding = RequestForwarding(framing: framing, target: origin, host: head.slice(host))
        forwarding.isTrusted = client.isTrusted
        forwarding.isSecure = client.isSecure
        if case .http2 = self.client { forwarding.receivedVersion = "2" }
        forwarding.keepsAuthorization = route.keepsAuthorization
        forwarding.requestID = identity.madeRequestID
        forwarding.traceparent = identity.newTraceparent
        forwarding.mirrorRoute = routeName
        client.addressText.withUnsafeBytes { address in
            forwarding.clientAddress = address
            send(forwarding)
        }
    }

    // MARK: Trouble on the way

    /// How often an endpoint may turn a request away before the client is told: it may take fewer streams at a time than it
    /// had said when they were sent.
    private static let refusalLimit = 3

    func handleFailure(_ failure: UpstreamFailure) {
        let failed = upstream
        upstream = nil
        if let failed, canRetry(failure, failed) {
            retry(failure, failed)
            return
        }
        if isHeadSent {
            cut(failure.cause, failure.code)
        } else {
            reject(failure.cause)
        }
    }

    /// A connection may have been closed by the endpoint just before it was used again, or the endpoint may say that it has
    /// done nothing with the request. It is then sent once more, if that cannot do anything twice (RFC 9110 section 9.2.2,
    /// RFC 9112 section 9.3.1, RFC 9113 section 8.7).
    private func canRetry(_ failure: UpstreamFailure, _ failed: UpstreamSide) -> Bool {
        guard !isHeadSent, firstByteAt == nil else { return false }
        if failure.wasRefused { return retries < Self.refusalLimit && isReplayable }
        guard failure.wasStale, retries == 0 else { return false }
        if failure.nothingWritten {
            // A connection of its own still has what it has not sent.
            if case .http1 = failed { return true }
            return isReplayable
        }
        // What has left may have been acted on.
        return head.method.isIdempotent && head.framing == .none
    }

    private func retry(_ failure: UpstreamFailure, _ failed: UpstreamSide) {
        guard let pool, let endpoint, let route, let port = endpoint.port(isGRPC: isGRPC) else { return }
        // Its place is still ours; only the connection is another, and not a pooled one that may be stale as well.
        let lease: BackendPool.Lease?
        if case .http1 = failed {
            lease = pool.reserveConnection() ? BackendPool.Lease(endpoint: endpoint, port: port) : nil
        } else {
            lease = pool.lease(endpoint, port)
        }
        guard let lease else {
            reject(.upstreamReset)
            return
        }
        retries &+= 1
        route.counters.retries.count(failure.wasRefused ? .refusedStream : .staleConnection)
        if failure.nothingWritten, case .http1 = failed, case .http1(let fresh) = port.makeConnection() {
            upstream = .http1(fresh)
            fresh.begin(self, head.method)
            fresh.connect(timeout: pool.connectTimeout)
            let isChunked = head.framing == .chunked || head.framing == .close
            fresh.sendUnsent(&worker.unsent, isChunked: isChunked, isComplete: isRequestComplete)
        } else {
            guard begin(lease, pool) else { return }
            sendSoFar()
        }
        client?.wake()
    }

    // MARK: Deadlines

    /// The earliest of what limits the exchange now.
    func armDeadline() {
        guard let route, let dispatchedAt else { return }
        var deadline = callDeadline
        if let idle = route.idleTimeout { deadline = min(deadline, lastActivity + idle) }
        if let timeout = route.timeout { deadline = min(deadline, dispatchedAt + timeout) }
        if let end = firstByteDeadline { deadline = min(deadline, end) }
        worker.loop.setDeadline(self, deadline)
    }

    /// Counted from the end of the request, or from its dispatch if it had to wait.
    private var firstByteDeadline: Instant? {
        guard let limit = pool?.firstByteTimeout, firstByteAt == nil, let requestEndedAt, let dispatchedAt else {
            return nil
        }
        return max(requestEndedAt, dispatchedAt) + limit
    }

    func handleExpiry(_ now: Instant) {
        switch phase {
        case .waiting:
            leaveQueue()
            reject(callDeadline <= now ? .exchangeTimeout : .queueTimeout)
        case .inspecting: reject(callDeadline <= now ? .exchangeTimeout : .headerTimeout)
        case .sending, .responding: expiredUnderWay(now)
        case .reading, .deciding, .verifying, .finished: break
        }
    }

    private func expiredUnderWay(_ now: Instant) {
        guard let route, let dispatchedAt else { return }
        let cause: Cause
        if callDeadline <= now {
            cause = .exchangeTimeout
        } else if let timeout = route.timeout, dispatchedAt + timeout <= now {
            cause = .exchangeTimeout
        } else if let end = firstByteDeadline, end <= now {
            cause = .firstByteTimeout
        } else if let idle = route.idleTimeout, lastActivity + idle <= now {
            cause = .idleTimeout
        } else {
            armDeadline()
            return
        }
        if isHeadSent { cut(cause) } else { reject(cause) }
    }

    func leaveQueue() {
        guard phase == .waiting, let pool else { return }
        worker.dequeue(self, pool)
        worker.loop.setDeadline(self, .never)
        phase = .deciding
    }
}
