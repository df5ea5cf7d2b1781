/// How far each value may go. A value beyond is a slip of the keyboard, not a wish, and bounds keep sums of them far from
/// overflow.
enum Bounds {
    /// More loops than any machine this runs on has cores.
    static let loops = 1...64
    /// Connections and requests: beyond the descriptors one process can have.
    static let count = 1...1_000_000
    /// 0 closes the queue: what finds no place is answered at once.
    static let queue = 0...1_000_000
    /// Of an endpoint; 0 would be an endpoint that is there and never used.
    static let endpointWeight = 1...1_000_000
    /// Of a route's backend; 0 keeps it known without traffic.
    static let routeWeight = 0...1_000_000
    /// Below a kilobyte not even a browser's request fits; above a megabyte a header is a body.
    static let headerBytes: ClosedRange<Int64> = 1 << 10...1 << 20
    /// A mirror with less could hold no request at all.
    static let mirrorBufferedBytes: ClosedRange<Int64> = 1 << 10...1 << 40
    static let bodySize: ClosedRange<Int64> = 1...1 << 50
    /// Timers are no finer than a millisecond. The end is a week, longer than any exchange lives.
    static let timeout: ClosedRange<Duration> = .milliseconds(1) ... .seconds(7 * 24 * 3600)
    /// The same where 0s is written for none.
    static let timeoutOrNone: ClosedRange<Duration> = .zero ... .seconds(7 * 24 * 3600)
    /// Supervisors kill sooner than an hour after their SIGTERM.
    static let shutdown: ClosedRange<Duration> = .zero ... .seconds(3600)
    /// Answers the gateway gives by itself; 1xx would not be one.
    static let status = 200...599
    /// Of a name in UTF-8: the longest `namespace/name/rule` of a Kubernetes manifest has 381.
    static let nameBytes = 512
}
