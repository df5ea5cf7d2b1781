import Base

/// A token bucket in one word: the time at which it will be full again (the generic cell rate algorithm).
struct HTTP2RateLimit {
    private let interval: UInt64
    private let depth: UInt64
    private var fullAt: UInt64 = 0

    init(_ rate: HTTP2Limits.Rate) {
        interval = 1_000_000_000 / max(rate.perSecond, 1)
        depth = interval &* rate.burst
    }

    /// Takes `cost` tokens, or says that there are not that many.
    mutating func take(_ cost: UInt64, now: Instant) -> Bool {
        let time = max(fullAt, now.nanoseconds) &+ cost &* interval
        guard time &- now.nanoseconds <= depth else { return false }
        fullAt = time
        return true
    }

    /// Puts tokens back, never above the burst.
    mutating func give(_ amount: UInt64) {
        let span = amount &* interval
        fullAt = fullAt > span ? fullAt &- span : 0
    }
}

/// The rates at which frames of each kind may arrive, counted before nghttp2 sees them.
struct HTTP2FrameRates {
    enum Refusal { case abuse(HTTP2Abuse), error(HTTP2ErrorCode) }

    private let limits: HTTP2Limits
    private let isServer: Bool
    private var resets: HTTP2RateLimit
    private var settings: HTTP2RateLimit
    private var pings: HTTP2RateLimit
    private var idleFrames: HTTP2RateLimit
    private var emptyFrames: HTTP2RateLimit
    private var windowUpdates: HTTP2RateLimit
    /// Updates that sent DATA has paid for, and that have not come yet.
    private var paidUpdates: UInt64 = 0
    private var blockBytes = 0
    private var continuations = 0

    init(_ limits: HTTP2Limits, _ role: HTTP2Role) {
        self.limits = limits
        isServer = role == .server
        resets = HTTP2RateLimit(limits.resets)
        settings = HTTP2RateLimit(limits.settings)
        pings = HTTP2RateLimit(limits.pings)
        idleFrames = HTTP2RateLimit(limits.idleFrames)
        emptyFrames = HTTP2RateLimit(limits.emptyFrames)
        windowUpdates = HTTP2RateLimit(limits.windowUpdates)
    }

    /// DATA that was sent pays for pings and updates that come for it, however many of these come at once.
    mutating func sentData(_ bytes: Int, endsStream: Bool) {
        let paid = max(UInt64(bytes), endsStream ? limits.windowUpdatesPerStream : 0)
        paidUpdates = min(paidUpdates &+ paid, limits.paidWindowUpdates)
        pings.give(1)
    }

    /// - Returns: why the connection has to end, or `nil`.
    mutating func admit(_ frame: HTTP2FrameHead, now: Instant) -> Refusal? {
        switch frame.type {
        case HTTP2FrameType.data:
            if frame.isEmptyData && !emptyFrames.take(1, now: now) { return .abuse(.emptyFrames) }
        case HTTP2FrameType.headers:
            blockBytes = frame.length
            continuations = 0
            if blockBytes > limits.headerBlockBytes { return .abuse(.headerBlock) }
        case HTTP2FrameType.continuation:
            blockBytes &+= frame.length
            continuations &+= 1
            if continuations > limits.continuations { return .abuse(.continuations) }
            if blockBytes > limits.headerBlockBytes { return .abuse(.headerBlock) }
        case HTTP2FrameType.reset:
            // A server that resets streams has its reasons; ending the connection would reset the others too.
            if isServer && !resets.take(1, now: now) { return .abuse(.resets) }
        case HTTP2FrameType.settings:
            if !settings.take(1, now: now) { return .abuse(.settings) }
        case HTTP2FrameType.ping:
            if !pings.take(1, now: now) { return .abuse(.pings) }
        case HTTP2FrameType.windowUpdate:
            let cost: UInt64 = frame.peek & 0x7FFF_FFFF < limits.smallWindowUpdate ? 2 : 1
            if paidUpdates >= cost {
                paidUpdates &-= cost
            } else if !windowUpdates.take(cost, now: now) {
                return .abuse(.windowUpdates)
            }
        case HTTP2FrameType.pushPromise: break
        default:
            if !idleFrames.take(1, now: now) { return .abuse(.idleFrames) }
            // RFC 7540 section 5.3.1; nghttp2 does not look where priorities are turned off.
            if frame.type == HTTP2FrameType.priority && frame.length == 5
                && frame.peek & 0x7FFF_FFFF == UInt32(bitPattern: frame.streamID)
            {
                return .error(.protocolError)
            }
        }
        return nil
    }
}
