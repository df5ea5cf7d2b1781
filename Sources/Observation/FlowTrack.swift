import API
import Base

/// What passes one place: the rate of the last interval, and the percentiles of the last seconds.
struct FlowTrack {
    /// Percentiles are over so long, so that a few requests a second make sense.
    static let window = Nanoseconds.seconds(10)
    /// The window moves in steps of at least this: five of them hold it, however often samples are taken.
    private static let step = Nanoseconds.seconds(2)

    private struct Slot {
        var from: Instant
        var to: Instant
        var increment: Increment
    }

    private(set) var flow = Flow()
    private var pending = Increment()
    private var slots: [Slot] = []
    /// Since the last point of the history.
    private var requests: UInt64 = 0
    private var errors: UInt64 = 0

    mutating func add(_ increment: Increment) { pending.add(increment) }

    /// Ends an interval, which is not empty.
    ///
    /// - Returns: whether `flow` is another.
    mutating func close(from: Instant, to: Instant) -> Bool {
        let seconds = Double(to.since(from).count) / 1e9
        requests &+= pending.requests
        errors &+= pending.errors
        var next = Flow()
        next.rate = roundedRate(Double(pending.requests) / seconds)
        next.errors = roundedRate(Double(pending.errors) / seconds)
        move(from: from, to: to)
        pending = Increment()
        if !slots.isEmpty {
            var sum = Increment()
            for slot in slots { sum.add(slot.increment) }
            next.p50 = sum.duration.quantile(0.5).map(roundedTime)
            next.p99 = sum.duration.quantile(0.99).map(roundedTime)
            next.queue = sum.queue.mean.map(roundedTime)
            next.queueP99 = sum.queue.quantile(0.99).map(roundedTime)
        }
        defer { flow = next }
        return next != flow
    }

    private mutating func move(from: Instant, to: Instant) {
        slots.removeAll { to.since($0.to) >= Self.window }
        if let last = slots.last, to.since(last.from) <= Self.step {
            slots[slots.count - 1].increment.add(pending)
            slots[slots.count - 1].to = to
        } else if !pending.isEmpty {
            slots.append(Slot(from: from, to: to, increment: pending))
        }
    }

    /// Nothing is shown of it that the next intervals could change by themselves.
    var isIdle: Bool { slots.isEmpty && flow.rate == 0 && flow.errors == 0 }

    /// A point of the history that ends now; the next begins.
    mutating func takePoint(seconds: Double, inFlight: Int?) -> HistoryPoint {
        defer { (requests, errors) = (0, 0) }
        var point = HistoryPoint()
        point.rate = Float(Double(requests) / seconds)
        point.errors = Float(Double(errors) / seconds)
        point.p50 = flow.p50.map { Float($0) } ?? .nan
        point.p99 = flow.p99.map { Float($0) } ?? .nan
        point.queue = flow.queue.map { Float($0) } ?? .nan
        point.inFlight = inFlight.map { Float($0) } ?? .nan
        return point
    }
}

/// To thousandths: more digits are noise, and go over the wire every second.
func roundedRate(_ rate: Double) -> Double { (rate * 1e3).rounded() / 1e3 }

/// To microseconds.
func roundedTime(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }
