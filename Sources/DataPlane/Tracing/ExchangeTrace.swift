import Base
import HTTP
import Telemetry
import Tracing

/// What is noted of an exchange for its spans while it runs: moments and references, so that it costs next to nothing where
/// none of it is exported. Made anew for none of them, but used again.
final class ExchangeTrace {
    /// The trace and, for what is sent next, the span that sends it.
    private(set) var outgoing = TraceParent(traceHigh: 0, traceLow: 0, span: 0, flags: 0)
    private(set) var span = SpanID(random: 0)
    /// Of the client, where it has named one.
    private(set) var parent: SpanID?
    /// It is exported whatever happens.
    private(set) var isSampled = false
    /// The exchange has ended, and whether its trace is exported.
    private(set) var verdict: Bool?

    private var started = Instant(nanoseconds: 0)
    private var startedWallClock: UInt64 = 0

    private(set) var authStarted: Instant?
    private(set) var authEnded: Instant?
    private(set) var authOutcome: AuthOutcome?
    private(set) var waits: ContiguousArray<Wait> = []
    private(set) var tries: ContiguousArray<Try> = []
    /// Those that ended before the exchange did.
    private(set) var copies: ContiguousArray<Copy> = []

    struct Wait {
        var start: Instant
        var end: Instant
    }

    /// One request to an endpoint.
    struct Try {
        let span: SpanID
        let endpoint: EndpointPool
        let start: Instant
        /// When a connection was asked for; `nil` where there was one.
        var connecting: Instant?
        var connected: Instant?
        var firstByte: Instant?
        /// `nil` while it runs.
        var end: Instant?
        /// 0 until an answer begins.
        var status = 0
        var grpcStatus: UInt8?
        /// Why it failed, or why it was given up.
        var cause = Cause.none
        let resends: UInt32
        let isHTTP2: Bool
    }

    /// A mirror's copy.
    struct Copy {
        let span: SpanID
        let mirror: MirrorState
        let endpoint: EndpointPool?
        let start: Instant
        var end: Instant
        var status: Int
        var grpcStatus: UInt8?
        var outcome: MirrorOutcome
    }

    // MARK: Its life

    /// - Parameters:
    ///   - trace: as it was received or made.
    ///   - parent: what the client has sent, if it was that.
    func begin(_ trace: TraceParent, parent: TraceParent?, isSampled: Bool, span: UInt64, at time: (Instant, UInt64)) {
        self.span = SpanID(random: span)
        self.parent = parent.flatMap { SpanID($0.span) }
        self.isSampled = isSampled
        outgoing = trace
        // Beside the decision, that an id is random is said on (W3C Trace Context Level 2, section 3.2.2.5.2). What else there
        // may be nobody knows, and is not.
        outgoing.flags = (parent?.flags ?? 0) & 2 | (isSampled ? TraceParent.sampled : 0)
        (started, startedWallClock) = time
    }

    func clear() {
        verdict = nil
        authStarted = nil
        authEnded = nil
        authOutcome = nil
        if !waits.isEmpty { waits.removeAll(keepingCapacity: true) }
        // There is one as a rule, for which this is a good deal cheaper than to remove all.
        while !tries.isEmpty { tries.removeLast() }
        if !copies.isEmpty { copies.removeAll(keepingCapacity: true) }
    }

    func end(isExported: Bool) { verdict = isExported }

    /// Nanoseconds since the Unix epoch.
    func wallClock(_ instant: Instant) -> UInt64 { startedWallClock &+ instant.since(started).count }

    var traceID: TraceID { TraceID(high: outgoing.traceHigh, low: outgoing.traceLow) }

    // MARK: What happens

    func beginAuth(_ now: Instant) { authStarted = now }

    func endAuth(_ outcome: AuthOutcome?, _ now: Instant) {
        guard authStarted != nil, authEnded == nil else { return }
        authOutcome = outcome
        authEnded = now
    }

    /// It had to wait for a place.
    func addWait(from start: Instant, to end: Instant) {
        if end > start { waits.append(Wait(start: start, end: end)) }
    }

    /// - Parameters:
    ///   - connects: there is no connection yet.
    ///   - resends: requests that were sent for the same exchange before.
    func beginTry(
        _ endpoint: EndpointPool, span: UInt64, connects: Bool, isHTTP2: Bool, resends: UInt32, _ now: Instant
    ) {
        let span = SpanID(random: span)
        outgoing.span = span.value
        tries.append(
            Try(
                span: span, endpoint: endpoint, start: now, connecting: connects ? now : nil, resends: resends,
                isHTTP2: isHTTP2))
    }

    /// An answer has begun.
    func noteAnswer(_ status: Int, firstByte: Instant?) {
        guard let last = tries.indices.last else { return }
        tries[last].status = status
        tries[last].firstByte = firstByte
    }

    /// - Parameter connected: when its connection was established, as far as that is known.
    func endTry(_ cause: Cause, grpcStatus: UInt8? = nil, connected: Instant?, _ now: Instant) {
        guard let last = tries.indices.last, tries[last].end == nil else { return }
        tries[last].end = now
        tries[last].cause = cause
        tries[last].grpcStatus = tries[last].status == 0 ? nil : grpcStatus
        if let asked = tries[last].connecting, let connected, connected >= asked { tries[last].connected = connected }
    }

    /// The same bytes go on over another connection.
    func continueTry(_ now: Instant) {
        guard let last = tries.indices.last else { return }
        tries[last].end = nil
        tries[last].cause = .none
        tries[last].connecting = now
    }

    /// Has what is sent next say another span.
    func beginCopy(span: UInt64) -> SpanID {
        let span = SpanID(random: span)
        outgoing.span = span.value
        return span
    }

    func add(_ copy: Copy) { copies.append(copy) }
}
