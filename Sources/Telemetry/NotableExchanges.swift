/// An exchange worth showing to an operator, copied out of the loop that served it.
package struct NotableExchange: Sendable {
    package enum Kind: Sendable {
        /// An error of the service.
        case error
        /// Answered by the gateway, and no error of the service: a wrong password, no route, too many requests.
        case refusal
        /// The slowest of its second.
        case slow
    }

    package var kind: Kind
    /// Nanoseconds since the Unix epoch when the first byte of the request came.
    package var time: UInt64
    package var client: [UInt8]
    package var route: [UInt8]
    package var backend: [UInt8]
    package var endpoint: [UInt8]
    package var status: UInt16
    package var cause: Cause
    package var grpcStatus: UInt8?
    /// The trace was handed to the exporter.
    package var isTraced: Bool
    /// Nanoseconds waited for a place; `nil` where nothing was sent on.
    package var queue: UInt64?
    /// Nanoseconds.
    package var duration: UInt64
    /// Method, path, request id and trace id, one behind the other: copied in one piece of memory.
    private var texts: [UInt8] = []
    private var ends: (Int, Int, Int) = (0, 0, 0)

    // What clients sent is cut at `NotableExchanges.textLimit`, and may hold any bytes.
    package var method: [UInt8] { Array(texts[..<ends.0]) }
    package var path: [UInt8] { Array(texts[ends.0..<ends.1]) }
    package var requestID: [UInt8] { Array(texts[ends.1..<ends.2]) }
    package var traceID: [UInt8] { Array(texts[ends.2...]) }

    package init(
        kind: Kind, time: UInt64, client: [UInt8], method: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer,
        route: [UInt8], backend: [UInt8], endpoint: [UInt8], status: UInt16, cause: Cause, grpcStatus: UInt8?,
        requestID: UnsafeRawBufferPointer, traceID: UnsafeRawBufferPointer, isTraced: Bool, queue: UInt64?,
        duration: UInt64
    ) {
        self.kind = kind
        self.time = time
        self.client = client
        self.route = route
        self.backend = backend
        self.endpoint = endpoint
        self.status = status
        self.cause = cause
        self.grpcStatus = grpcStatus
        self.isTraced = isTraced
        self.queue = queue
        self.duration = duration
        let limit = NotableExchanges.textLimit
        texts.reserveCapacity(
            min(method.count, limit) + min(path.count, limit) + min(requestID.count, limit) + min(traceID.count, limit))
        texts.append(contentsOf: method.prefix(limit))
        ends.0 = texts.count
        texts.append(contentsOf: path.prefix(limit))
        ends.1 = texts.count
        texts.append(contentsOf: requestID.prefix(limit))
        ends.2 = texts.count
        texts.append(contentsOf: traceID.prefix(limit))
    }
}

/// The exchanges of one loop that an operator may want to look at, until they are collected.
///
/// What it takes and keeps is bounded in time: a flood of errors is told by counters and logs, here it needs examples only.
package struct NotableExchanges: Sendable {
    /// Bytes of a text that are kept: enough to recognise a request.
    package static let textLimit = 256
    /// Errors within a second: what a person reads.
    private static let errorsPerSecond = 8
    /// Refusals within a second: of what a scanner tries two show as much as all.
    private static let refusalsPerSecond = 2
    /// Kept until collected, which is every few seconds.
    private static let limit = 64

    private var list: [NotableExchange] = []
    private var second: UInt64 = 0
    private var errors = 0
    private var refusals = 0
    private var slowest: NotableExchange?
    /// Nanoseconds that the slowest of this second took.
    private var longest: UInt64 = 0

    package init() {}

    /// Whether an exchange that ends now is to be copied.
    ///
    /// - Parameters:
    ///   - isTunnel: it lasted as long as two parties liked to talk, which says nothing about anybody's speed.
    ///   - now: nanoseconds since the loop's epoch.
    @inline(__always)
    package mutating func kind(
        isError: Bool, cause: Cause, isTunnel: Bool, duration: UInt64, now: UInt64
    ) -> NotableExchange.Kind? {
        if now &- second >= 1_000_000_000 { turn(now) }
        if isError || cause != .none { return failure(isError: isError, cause: cause) }
        return duration > longest && !isTunnel ? .slow : nil
    }

    private mutating func failure(isError: Bool, cause: Cause) -> NotableExchange.Kind? {
        // Who leaves has not been failed.
        guard cause != .clientClosed else { return nil }
        if isError {
            errors += 1
            return errors <= Self.errorsPerSecond ? .error : nil
        }
        refusals += 1
        return refusals <= Self.refusalsPerSecond ? .refusal : nil
    }

    package mutating func add(_ exchange: NotableExchange) {
        if exchange.kind == .slow {
            slowest = exchange
            longest = exchange.duration
        } else if list.count < Self.limit {
            list.append(exchange)
        }
    }

    private mutating func turn(_ now: UInt64) {
        second = now
        errors = 0
        refusals = 0
        keepSlowest()
    }

    private mutating func keepSlowest() {
        if let slowest, list.count < Self.limit { list.append(slowest) }
        slowest = nil
        longest = 0
    }

    /// Hands over what there is; that of the present second included.
    package mutating func take() -> [NotableExchange] {
        keepSlowest()
        defer { list.removeAll(keepingCapacity: true) }
        return list
    }
}
