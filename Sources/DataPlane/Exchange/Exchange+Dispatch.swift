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
        self.pool = pool
        queuedAt = worker.loop.now
        if pool.queue.isEmpty, let lease = pool.acquire() {
            launch(lease)
            return
        }
        guard pool.load.queued.take(limit: pool.queue.limits.queue) else {
            reject(.queueFull)
            return
        }
        phase = .waiting
        worker.loop.setDeadline(self, queuedAt + pool.queueTimeout)
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
        startMirrors()
        connect(lease, pool)
        sendHead()
        if isRequestComplete { upstream?.sendEnd(trailers: nil) }
        armDeadline()
        client?.wake()
    }

    private func connect(_ lease: BackendPool.Lease, _ pool: BackendPool) {
        if let pooled = lease.pooled {
            upstream = pooled
            pooled.lease(for: self, method: head.method)
        } else {
            let fresh = lease.endpoint.makeConnection()
            upstream = fresh
            fresh.connect(for: self, method: head.method, timeout: pool.connectTimeout)
        }
    }

    private func startMirrors() {
        guard let route, !route.mirrors.isEmpty else { return }
        // One draw for all, so that two mirrors of one share get the same requests.
        let draw = Double(worker.random.next() >> 11) * 0x1p-53 * 100
        for state in route.mirrors where draw < state.mirror.percent {
            guard let copy = MirrorCopy.start(state, worker: worker, method: head.method) else { continue }
            route.name.withUnsafeBytes { withForwarding(mirrorOf: $0) { copy.sendHead(head, $0) } }
            if isRequestComplete { copy.sendEnd(trailers: nil) }
            mirrors.append(copy)
        }
    }

    private func sendHead() { withForwarding(mirrorOf: nil) { upstream?.sendHead(head, $0) } }

    /// Calls `send` with what changes about the head for the next hop; its views are valid until that returns.
    private func withForwarding(mirrorOf routeName: UnsafeRawBufferPointer?, _ send: (RequestForwarding) -> Void) {
        guard let target, let client, let route else { return }
        var origin = UnsafeRawBufferPointer(
            rebasing: head.slice(HeadRange(Int(target.path.start), Int(head.target.end)))[...])
        worker.targetScratch.removeAll()
        if target.path.isEmpty {
            // An absolute target may leave the path out; `OPTIONS` then asks about the server (RFC 9112 section 3.2.4).
            worker.targetScratch.append(head.method == .options && !target.hasQuery ? "*" : "/")
            worker.targetScratch.append(origin)
            origin = worker.targetScratch.bytes
        }
        var forwarding = RequestForwarding(framing: head.framing, target: origin, host: head.slice(host))
        forwarding.isTrusted = client.isTrusted
        forwarding.isSecure = client.tls != nil
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

    func handleFailure(_ failure: UpstreamFailure) {
        upstream = nil
        if canRetry(failure) {
            retry(failure)
            return
        }
        if isHeadSent {
            cut(failure.cause)
        } else {
            reject(failure.cause)
        }
    }

    /// A pooled connection may have been closed by the endpoint just before it was used. The request is then sent once more,
    /// on a fresh connection, if that cannot do anything twice (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
    private func canRetry(_ failure: UpstreamFailure) -> Bool {
        guard failure.wasStale, retries == 0, !isHeadSent, firstByteAt == nil else { return false }
        // What has left is not kept, so only a request without a body can be written anew.
        return failure.nothingWritten || (head.method.isIdempotent && head.framing == .none)
    }

    private func retry(_ failure: UpstreamFailure) {
        guard let pool, let endpoint, let route else { return }
        // Its place is still ours; only the connection is new.
        guard pool.reserveConnection() else {
            reject(.upstreamReset)
            return
        }
        retries = 1
        route.counters.retries.count(.staleConnection)
        connect(BackendPool.Lease(endpoint: endpoint, pooled: nil), pool)
        if failure.nothingWritten {
            upstream?.sendUnsent(&worker.unsent, framing: head.framing, isComplete: isRequestComplete)
        } else {
            sendHead()
            upstream?.sendEnd(trailers: nil)
        }
        client?.wake()
    }

    // MARK: Deadlines

    /// The earliest of what limits the exchange now.
    func armDeadline() {
        guard let route, let dispatchedAt else { return }
        var deadline = Instant.never
        if let idle = route.idleTimeout { deadline = lastActivity + idle }
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
            reject(.queueTimeout)
        case .sending, .responding: expiredUnderWay(now)
        case .reading, .deciding, .verifying, .finished: break
        }
    }

    private func expiredUnderWay(_ now: Instant) {
        guard let route, let dispatchedAt else { return }
        let cause: Cause
        if let timeout = route.timeout, dispatchedAt + timeout <= now {
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
