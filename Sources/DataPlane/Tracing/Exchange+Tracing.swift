import Base
import EventLoop
import HTTP
import Inference
import Telemetry
import Tracing
import Traffic

/// What an exchange notes for its trace, where `tracing` is on.
extension Exchange {
    /// Its trace is exported; known from its end on.
    var isTraced: Bool { trace?.verdict == true }

    func beginTrace() {
        guard trace == nil, let named = identity.trace(head) else { return }
        let received = identity.keepsTracestate ? named : nil
        let isSampled = TraceSampling.samples(
            sender: received?.isSampled, isTrusted: peer.isTrusted,
            percent: worker.traces.percent, random: &worker.random)
        if spareTrace == nil { trace = ExchangeTrace() } else { swap(&trace, &spareTrace) }
        withTrace { $0.begin(named, parent: received, isSampled: isSampled, at: (startedAt, startedWallClock)) }
    }

    /// The memory is kept for the next request, unless mirror copies go on with it: then it is theirs.
    func forgetTrace() {
        if worker.traces.isOn, isKnownUniquelyReferenced(&trace) {
            withTrace { $0.clear() }
            swap(&trace, &spareTrace)
        }
        trace = nil
    }

    /// What the next hop is told of the trace; `nil` where the client's own words go on.
    var outgoingTraceparent: UnsafeRawBufferPointer? {
        guard let outgoing = trace?.outgoing else { return identity.newTraceparent }
        return identity.text(of: outgoing)
    }

    func traceTry(_ access: BackendPool.Access) {
        withTrace { trace in
            guard let endpoint else { return }
            let span = trace.hasTries ? nil : identity.madeSpan
            trace.beginTry(
                endpoint, span: span ?? worker.random.next(), connects: access.connection == nil,
                isHTTP2: access.port.speaksHTTP2, resends: retries, worker.loop.now)
        }
    }

    /// It stays where it is meanwhile, so no reference to it is counted.
    @inline(__always)
    private func withTrace(_ body: (ExchangeTrace) -> Void) {
        if let trace = trace.map(Unmanaged.passUnretained) { trace._withUnsafeGuaranteedRef(body) }
    }

    func traceTryEnd(_ cause: Cause, _ upstream: UpstreamSide?) {
        trace?.endTry(cause, connected: upstream?.establishedAt, worker.loop.now)
    }

    /// The last thing that is noted.
    ///
    /// - Parameter isError: the trace is exported, whatever was decided at its beginning.
    func endTrace(_ cause: Cause, isError: Bool) {
        if trace == nil {
            // Refused before anything was known of it.
            guard worker.traces.isOn else { return }
            identity.choose(for: head, random: &worker.random)
            beginTrace()
        }
        withTrace { end($0, cause, isError: isError) }
    }

    private func end(_ trace: ExchangeTrace, _ cause: Cause, isError: Bool) {
        let grpcStatus = grpcStatus?.rawValue
        trace.endAuth(nil, worker.loop.now)
        trace.endTry(cause, grpcStatus: grpcStatus, connected: upstream?.establishedAt, worker.loop.now)
        let isExported = (trace.isSampled || isError) && worker.traces.hasRoom(for: trace.spans)
        // Where no try has a span of its own, endpoints may have been told the one that the made traceparent names.
        let told = trace.hasTries ? nil : identity.madeSpan
        trace.end(isExported ? SpanID(random: told ?? worker.random.next()) : nil)
        if isExported { worker.traces.write { writeSpans(trace, cause, to: &$0) } }
    }
}

extension UpstreamSide {
    /// When its connection was; `nil` while it is not.
    var establishedAt: Instant? {
        switch self {
        case .http1(let connection): connection.establishedAt
        case .http2(let stream): stream.connection.establishedAt
        }
    }
}
