package import API
package import Base

/// One point of a history; `nan` where nothing is known.
struct HistoryPoint {
    var rate: Float = 0
    var errors: Float = 0
    var p50 = Float.nan
    var p99 = Float.nan
    var queue = Float.nan
    var inFlight = Float.nan

    static let unknown = HistoryPoint(rate: .nan, errors: .nan)

    /// Whether anything passed, or is under way.
    var isBusy: Bool { rate > 0 || inFlight > 0 }
}

/// The last 15 minutes of what had requests in them, in points of five seconds.
///
/// A subject takes 4.3 KB, so that all of them together are bounded by 2.2 MB.
package struct HistoryStore: Sendable {
    /// Of a point: a line of 180 is as fine as a page can show in a table's row.
    package static let interval = Nanoseconds.seconds(5)
    /// 15 minutes.
    package static let length = 180
    /// Subjects with a history. More than anybody looks at; with thousands of routes, those that came first and are in use.
    package static let subjectLimit = 500

    private struct Line {
        var points = Ring<HistoryPoint>(capacity: HistoryStore.length)
        /// What was before its first point: nothing, or nobody knows.
        var isKnownBefore: Bool
        /// The number of the last point that was busy.
        var lastBusy: Int
    }

    private var lines: [HistorySubject: Line] = [:]
    /// Points since the start.
    private var count = 0
    private var end = ""
    private var takenAt: Instant
    /// Somebody found no place.
    private var wasFull = false

    package init(start: Instant) { takenAt = start }

    /// When the next point is due.
    package var nextPoint: Instant { takenAt + Self.interval }

    /// Takes a point from the meter where that is due: about every five seconds, behind each of its samples.
    ///
    /// - Parameter time: the wall clock's, as a history shows it.
    package mutating func advance(_ meter: inout TrafficMeter, at now: Instant, time: @autoclosure () -> String) {
        let elapsed = now.since(takenAt)
        // Samples are never quite on time.
        guard elapsed.count + Self.interval.count / 10 >= Self.interval.count else { return }
        let points = meter.takePoints(seconds: Double(elapsed.count) / 1e9, of: lines.keys)
        takenAt = now
        end = time()
        // The process, or the machine, stood still.
        let missed = min(Int(elapsed.count / Self.interval.count), Self.length) - 1
        if missed > 0 {
            for subject in lines.keys {
                for _ in 0..<missed { lines[subject]?.points.append(.unknown) }
            }
            count += missed
        }
        for (subject, point) in points where lines[subject] == nil && point.isBusy { admit(subject) }
        for subject in lines.keys {
            let point = points[subject] ?? HistoryPoint()
            lines[subject]?.points.append(point)
            if point.isBusy { lines[subject]?.lastBusy = count }
        }
        count += 1
    }

    private mutating func admit(_ subject: HistorySubject) {
        if lines.count >= Self.subjectLimit {
            wasFull = true
            // Who has shown nothing for as long as anybody can see makes room.
            let idle = lines.first { count - $0.value.lastBusy >= Self.length }
            guard let idle else { return }
            lines[idle.key] = nil
        }
        lines[subject] = Line(isKnownBefore: !wasFull, lastBusy: count)
    }

    /// Forgets what the configuration no longer has.
    package mutating func keep(where isKnown: (HistorySubject) -> Bool) { lines = lines.filter { isKnown($0.key) } }

    /// Always of the same length; `nil`s come before the start.
    package func history(of subject: HistorySubject) -> History {
        let line = lines[subject]
        let isKnownBefore = line?.isKnownBefore ?? !wasFull
        var points = line?.points.elements ?? []
        let known = min(count, Self.length) - points.count
        points = Array(repeating: isKnownBefore ? HistoryPoint() : .unknown, count: known) + points
        points = Array(repeating: .unknown, count: Self.length - points.count) + points
        func column(_ value: KeyPath<HistoryPoint, Float>, _ rounded: (Double) -> Double) -> [Double?] {
            points.map { point in
                let value = point[keyPath: value]
                return value.isFinite ? rounded(Double(value)) : nil
            }
        }
        return History(
            interval: Double(Self.interval.count) / 1e9, end: end, rate: column(\.rate, roundedRate),
            errors: column(\.errors, roundedRate), p50: column(\.p50, roundedTime), p99: column(\.p99, roundedTime),
            queue: column(\.queue, roundedTime), inFlight: column(\.inFlight, roundedRate))
    }
}
