import Base
import HTTP
import Telemetry
import Tracing

/// What is noted of an exchange for its spans while it runs: moments and references, so that it costs next to nothing where
/// none of it is exported. Made anew for none of them, but used again.
final class ExchangeTrace {
    /// The trace and, for what is sent next, the span that sends it.
    private(set) var outgoing = TraceParent(traceHigh: 0, traceLow: 0, span: 0, flags: 0)
    /// Its own; known from its end on, where it is exported.
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
    /// Those before the last one.
    private(set) var earlierTries: ContiguousArray<(Try, EndpointPool)> = []
    /// Means nothing without its endpoint, which stands beside it, so that it costs nothing to forget all the rest.
    private var last = Try(span: SpanID(random: 0), start: Instant(nanoseconds: 0), resends: 0, isHTTP2: false)
    private var lastEndpoint: EndpointPool?
    /// Those that ended before the exchange did.
    private(set) var copies: ContiguousArray<Copy> = []

    struct Wait {
        var start: Instant
        var end: Instant
    }

    /// One request to an endpoint.
    struct Try {
        let span: SpanID
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

        /// The first end counts.
        fileprivate mutating func endUp(_ cause: Cause, grpcStatus: UInt8?, connected: Instant?, _ now: Instant) {
            guard end == nil else { return }
            end = now
            self.cause = cause
            self.grpcStatus = status == 0 ? nil : grpcStatus
            if let connecting, let connected, connected >= connecting { self.connected = connected }
        }
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
    func begin(_ trace: TraceParent, parent: TraceParent?, isSampled: Bool, at time: (Instant, UInt64)) {
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
        if !earlierTries.isEmpty { earlierTries.removeAll(keepingCapacity: true) }
        lastEndpoint = nil
        if !copies.isEmpty { copies.removeAll(keepingCapacity: true) }
    }

    /// - Parameter id: of its own span; `nil` where it is not exported.
    func end(_ id: SpanID?) {
        verdict = id != nil
        if let id { span = id }
    }

    var hasTries: Bool { lastEndpoint != nil }

    var lastTry: (Try, EndpointPool)? { lastEndpoint.map { (last, $0) } }

    /// Spans of the exchange, at most.
    var spans: Int { 2 + waits.count + 2 * (earlierTries.count + (hasTries ? 1 : 0)) + copies.count }

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
        if let lastTry { earlierTries.append(lastTry) }
        last = Try(span: span, start: now, connecting: connects ? now : nil, resends: resends, isHTTP2: isHTTP2)
        lastEndpoint = endpoint
    }

    /// An answer has begun.
    func noteAnswer(_ status: Int, firstByte: Instant?) {
        last.status = status
        last.firstByte = firstByte
    }

    /// - Parameter connected: when its connection was established, as far as that is known.
    func endTry(_ cause: Cause, grpcStatus: UInt8? = nil, connected: Instant?, _ now: Instant) {
        last.endUp(cause, grpcStatus: grpcStatus, connected: connected, now)
    }

    /// The same bytes go on over another connection.
    func continueTry(_ now: Instant) {
        last.end = nil
        last.cause = .none
        last.connecting = now
    }

    /// Has what is sent next say another span.
    func beginCopy(span: UInt64) -> SpanID {
        let span = SpanID(random: span)
        outgoing.span = span.value
        return span
    }

    func add(_ copy: Copy) { copies.append(copy) }
}
