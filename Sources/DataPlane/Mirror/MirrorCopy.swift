import Base
import Configuration
import EventLoop
import HTTP
import Inference
import Synchronization
import Telemetry
import Traffic

/// A copy of a request on its way to a mirror. It streams beside the primary and holds what the mirror has not taken yet;
/// whatever happens to it, the primary does not notice.
package final class MirrorCopy: UpstreamUser {
    private let worker: Worker
    private let state: MirrorState
    private var upstream: UpstreamSide?
    private var endpoint: EndpointPool?
    private var ticket: EndpointHealth.Ticket?
    private var idleTimeout = Nanoseconds(0)
    private var accounted = 0
    private(set) var lastProgress = Instant(nanoseconds: 0)
    private var status = 0
    private let isGRPC: Bool
    private var grpcStatus: GRPCStatus?
    private var isOver = false
    private let startedAt: Instant
    /// How it ended; `nil` while it is under way.
    private(set) var note: MirrorNote?
    /// Waits to say how it ended.
    var line: MirroredLine?
    private let trace: CopyTrace?

    init(worker: Worker, state: MirrorState, isGRPC: Bool, trace: CopyTrace?) {
        self.worker = worker
        self.state = state
        self.isGRPC = isGRPC
        self.trace = trace
        startedAt = worker.loop.now
    }

    /// A copy under way; or how it ended before it began, which is counted.
    enum Start {
        case begun(MirrorCopy)
        case ended(MirrorOutcome)
    }

    static func start(
        _ state: MirrorState, worker: Worker, _ request: UpstreamSide.Request, isGRPC: Bool, trace: CopyTrace?
    ) -> Start {
        let start = tryToStart(state, worker: worker, request, isGRPC: isGRPC, trace: trace)
        if case .ended(let outcome) = start { state.copies.outcomes.count(outcome) }
        return start
    }

    private static func tryToStart(
        _ state: MirrorState, worker: Worker, _ request: UpstreamSide.Request, isGRPC: Bool, trace: CopyTrace?
    ) -> Start {
        guard worker.sparesForMirror(0),
            state.load.inFlight.take(limit: state.mirror.maxInFlight)
        else { return .ended(.dropped) }
        guard let lease = state.pool.acquire(BackendPool.Wish(isGRPC: isGRPC)) else {
            state.load.inFlight.give()
            let couldTake = state.pool.canServe && (!isGRPC || state.pool.carriesGRPC)
            return .ended(couldTake ? .dropped : .error)
        }
        let copy = MirrorCopy(worker: worker, state: state, isGRPC: isGRPC, trace: trace)
        copy.endpoint = lease.endpoint
        copy.ticket = lease.ticket
        copy.lastProgress = worker.loop.now
        state.copies.list.append(copy)
        worker.loop.setDeadline(copy, worker.loop.now + state.timeout)
        copy.upstream = UpstreamSide.begin(lease.access, for: copy, state.pool, request)
        // Its end is counted with it.
        if copy.upstream == nil { copy.end(.error) } else { copy.account() }
        return .begun(copy)
    }

    // MARK: The request

    func sendBody(_ bytes: UnsafeRawBufferPointer) {
        guard !isOver, let upstream else { return }
        upstream.sendBody(bytes)
        // Has it told as it takes what waits.
        if case .http2 = upstream { upstream.checkBacklog() }
        account()
    }

    func sendEnd(trailers: MessageHead?) {
        guard !isOver else { return }
        upstream?.sendEnd(trailers: trailers)
        account()
    }

    /// The rest of the request will not come.
    func cancel() { end(.canceled) }

    func drop() { end(.dropped) }

    /// Past the mirror's limit the copies that lag are given up, the one that has stood still
    /// longest first; where memory is short, all that lag.
    private func account() {
        let before = accounted
        count()
        if accounted > before, !worker.sparesForMirror(accounted &- before) {
            worker.dropMirrorCopies()
        }
        if state.load.bufferedBytes.current > state.mirror.maxBufferedBytes { worker.relieve(state) }
    }

    /// Brings the mirror's total up to date with what this copy holds.
    func count() {
        guard !isOver, let upstream else { return }
        let held = upstream.unsentBytes
        guard held != accounted else { return }
        if held < accounted || accounted == 0 { lastProgress = worker.loop.now }
        state.load.bufferedBytes.add(held &- accounted, ordering: .relaxed)
        accounted = held
    }

    var heldBytes: Int { accounted }

    // MARK: Events

    override func upstreamConnected() { account() }
    override func upstreamProgressed() { account() }

    override func upstreamHead(_ head: MessageHead, framing: BodyFraming) {
        status = head.status
        noteStatus(head)
        let outcome = EndpointOutcome(status: status)
        if outcome.countsAgainstEndpoint { report(outcome) }
    }

    override func upstreamEnded(trailers: MessageHead?) {
        if let trailers { noteStatus(trailers) }
        if !EndpointOutcome(status: status).countsAgainstEndpoint { report(.answered) }
        let isFine = isGRPC ? grpcStatus == .ok : status < 500
        end(isFine ? .ok : .error)
    }

    private func noteStatus(_ head: MessageHead) {
        if isGRPC, let stated = head.grpcStatus { grpcStatus = stated }
    }

    override func upstreamFailed(_ failure: UpstreamFailure) {
        upstream = nil
        report(EndpointOutcome(failure))
        end(failure.cause == .connectTimeout ? .timeout : .error)
    }

    override func expired(now: Instant) {
        report(status == 0 ? .timeout : .neutral)
        end(.timeout)
    }

    private func report(_ outcome: EndpointOutcome) {
        guard let endpoint, ticket != nil else { return }
        worker.note(outcome, of: &ticket!, at: endpoint, state.pool)
    }

    private func end(_ outcome: MirrorOutcome) {
        guard !isOver else { return }
        isOver = true
        state.load.bufferedBytes.subtract(accounted, ordering: .relaxed)
        state.load.inFlight.give()
        state.copies.outcomes.count(outcome)
        let note = MirrorNote(place: state.place, backend: state.backend, outcome: outcome)
        self.note = note
        line?.ended(note)
        line = nil
        if let trace {
            worker.record(trace) { span, start in
                ExchangeTrace.Copy(
                    span: span, mirror: state, endpoint: endpoint, start: start, end: worker.loop.now, status: status,
                    grpcStatus: grpcStatus?.rawValue, outcome: outcome)
            }
        }
        if let index = state.copies.list.firstIndex(where: { $0 === self }) {
            state.copies.list.swapAt(index, state.copies.list.count - 1)
            state.copies.list.removeLast()
        }
        worker.loop.removeDeadline(self)
        if let upstream {
            self.upstream = nil
            if outcome == .ok || outcome == .error {
                upstream.release(idleTimeout: state.pool.idleTimeout)
            } else {
                upstream.abandon()
            }
        }
        report(.neutral)
        if let endpoint {
            endpoint.counters.record(
                duration: worker.loop.now.since(startedAt).count, isError: outcome == .error || outcome == .timeout)
            state.pool.giveBack(endpoint)
        }
        endpoint = nil
    }
}
