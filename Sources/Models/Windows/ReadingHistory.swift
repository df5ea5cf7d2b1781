package import Base

/// Makes numbers of the recent past out of one endpoint's counters, as they are read time after time.
///
/// What is counted is what the counters grew by from one reading to the next. Where one goes back the server, or the model, has
/// started anew: that step counts for nothing, so that nothing is negative and no lifetime's sum looks like a moment's. The
/// same holds for a model that is seen for the first time.
package struct ReadingHistory: Sendable {
    /// What queue metrics and autoscalers go by.
    package static let standardWindow = Nanoseconds.seconds(30)
    /// Readings that are kept of one window, however many there are: the beginning of the window is as exact as that.
    private static let keptReadings: UInt64 = 15

    /// Longer where readings are rare, so that two of them fall into it.
    private var window: Nanoseconds
    /// When the kept readings were made, oldest first.
    private var times: [Instant] = []
    private var readAt: Instant?
    private var tracks: [ModelVersion: Track] = [:]
    private var gpus: [GPUReading] = []
    private var leftOut = 0

    /// - Parameter interval: from one reading to the next.
    package init(interval: Nanoseconds) { window = Self.window(for: interval) }

    private static func window(for interval: Nanoseconds) -> Nanoseconds {
        max(standardWindow, Nanoseconds(interval.count.multipliedReportingOverflow(by: 3).partialValue))
    }

    /// The configuration has changed.
    package mutating func setInterval(_ interval: Nanoseconds) { window = Self.window(for: interval) }

    /// - Parameter now: never earlier than at the reading before.
    package mutating func take(_ page: CounterPage, at now: Instant) {
        let span = readAt.map { now.since($0) } ?? Nanoseconds(0)
        readAt = now
        gpus = page.gpus
        leftOut = page.leftOut
        let spacing = Nanoseconds(window.count / Self.keptReadings)
        if times.last.map({ now.since($0) >= spacing }) ?? true { times.append(now) }
        times.removeAll { now.since($0) > window }
        let isKept = times.last == now
        let start = times.first ?? now
        var next: [ModelVersion: Track] = [:]
        next.reserveCapacity(page.models.count)
        for model in page.models {
            var track = tracks.removeValue(forKey: model.id) ?? Track(model.counts, at: now)
            track.advance(to: model, span: span)
            if isKept { track.keep(at: now) }
            track.forget(before: start)
            next[model.id] = track
        }
        tracks = next
    }

    /// `nil` before the first reading.
    package var reading: EndpointReading? {
        guard let readAt, let start = times.first else { return nil }
        let window = readAt.since(start)
        let models = tracks.sorted { $0.key < $1.key }.map { id, track in
            var model = ModelReading(name: id.name, version: id.version)
            model.total = track.latest
            model.pending = track.pending
            let recent = track.since(start)
            model.recent = recent.counts
            model.concurrency = recent.concurrency(within: window)
            return model
        }
        var reading = EndpointReading(readAt: readAt, window: window, models: models, gpus: gpus)
        reading.leftOut = leftOut
        return reading
    }
}

/// What has been counted of one model since it was first seen.
private struct Tally {
    var counts = ModelCounts()
    /// Time in which some request was in the model, at most.
    var busyMicroseconds: UInt64 = 0

    /// Little's law: the time all requests spent in the model, over the time in which there were any.
    ///
    /// A request is counted as it ends, with all its time, so what ended within the window may have begun before it.
    func concurrency(within window: Nanoseconds) -> Double? {
        guard counts.successes > 0, counts.computeMicroseconds > 0 else { return nil }
        let compute = Double(counts.computeMicroseconds)
        let most = Double(window.count) / 1000 + compute / Double(counts.successes)
        return max(1, compute / min(Double(busyMicroseconds), most))
    }
}

private struct Track {
    private(set) var latest: ModelCounts
    private(set) var pending: Int?
    private var sum = Tally()
    /// The sum as it was at kept readings, oldest first; those that changed nothing are left out.
    private var kept: [(at: Instant, sum: Tally)]

    init(_ counts: ModelCounts, at now: Instant) {
        latest = counts
        kept = [(now, Tally())]
    }

    mutating func advance(to model: CounterPage.Model, span: Nanoseconds) {
        if model.counts.continues(latest) {
            let step = model.counts.since(latest)
            sum.counts.add(step)
            sum.busyMicroseconds &+= Self.busy(step, span)
        }
        latest = model.counts
        pending = model.pending
    }

    /// No longer than the step, but for a request that took longer; and no longer than all of them one after the other.
    private static func busy(_ step: ModelCounts, _ span: Nanoseconds) -> UInt64 {
        let mean = step.successes == 0 ? 0 : step.computeMicroseconds / step.successes
        return min(step.computeMicroseconds, max(span.count / 1000, mean))
    }

    mutating func keep(at now: Instant) {
        if kept.last?.sum.counts != sum.counts { kept.append((now, sum)) }
    }

    /// The window has moved on: one sum at its start, or before it, is enough.
    mutating func forget(before start: Instant) {
        while kept.count > 1, kept[1].at <= start { kept.removeFirst() }
    }

    func since(_ start: Instant) -> Tally {
        let base = (kept.last { $0.at <= start } ?? kept[0]).sum
        return Tally(
            counts: sum.counts.since(base.counts), busyMicroseconds: sum.busyMicroseconds &- base.busyMicroseconds)
    }
}
