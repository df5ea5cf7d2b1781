package import Base

/// Which spans are sent when: gathers what the loops hand over into batches, has a few of them under way, and tries again
/// what the collector could not take, some times. What may wait at all is bounded by whoever hands it over.
package struct ExportQueue: Sendable {
    /// Spans of one request; what the SDKs of OpenTelemetry send by default.
    package static let spanLimit = 512
    /// How long a batch that is not full waits for more.
    package static let delay = Nanoseconds.seconds(1)
    /// Requests at a time, those included that wait to be tried again: one that hangs does not stop the other, and their
    /// memory is bounded.
    package static let underWayLimit = 2
    /// Half a minute of trouble, with the waits below; longer ones would keep old spans at the price of new ones.
    package static let attemptLimit = 6
    /// Before the second attempt; doubled for each further one.
    static let firstWait = Nanoseconds.seconds(1)
    static let longestWait = Nanoseconds.seconds(30)
    /// A collector that wants to be left alone for longer is asked after this time nevertheless.
    static let longestRetryAfter = Nanoseconds.seconds(60)

    package struct Batch: Sendable {
        /// Tells batches apart.
        package let number: UInt64
        package let chunks: [SpanChunk]
        package fileprivate(set) var attempts = 0

        package var spans: Int { chunks.reduce(0) { $0 + $1.spans } }
        package var bytes: Int { chunks.reduce(0) { $0 + $1.bytes.count } }
    }

    /// A batch that is over, and what became of its spans.
    package struct Finished: Sendable, Equatable {
        package var exported = 0
        package var rejected = 0
        package var dropped = 0
        /// Of its chunks, which are free again.
        package var bytes: Int
    }

    private struct Slot {
        var batch: Batch
        /// When it is tried again; `nil` while it is being sent.
        var due: Instant?
    }

    private var waiting: [SpanChunk] = []
    /// Index of the first chunk that still waits.
    private var first = 0
    private var waitingSpans = 0
    /// When the first of those that wait has come.
    private var waitingSince = Instant.never
    private var slots: [Slot] = []
    private var lastNumber: UInt64 = 0
    /// The collector has asked for a rest until then.
    private var restsUntil = Instant(nanoseconds: 0)
    private var isHurried = false

    package init() {}

    /// Nothing waits and nothing is under way.
    package var isEmpty: Bool { waitingSpans == 0 && slots.isEmpty }

    package mutating func add(_ chunk: SpanChunk, now: Instant) {
        guard chunk.spans > 0 else { return }
        if waitingSpans == 0 { waitingSince = now }
        waiting.append(chunk)
        waitingSpans += chunk.spans
    }

    /// The process ends: nothing waits for anything any more, and each batch has one more attempt.
    package mutating func hurry(now: Instant) {
        isHurried = true
        restsUntil = now
        for index in slots.indices where slots[index].due != nil { slots[index].due = now }
    }

    /// A batch that is to be sent now, until there is none.
    package mutating func next(now: Instant) -> Batch? {
        if let index = slots.firstIndex(where: { $0.due.map { $0 <= now } == true }) {
            slots[index].due = nil
            slots[index].batch.attempts += 1
            return slots[index].batch
        }
        guard let ready = readyAt, ready <= now else { return nil }
        var chunks: [SpanChunk] = []
        var spans = 0
        while first < waiting.count, chunks.isEmpty || spans + waiting[first].spans <= Self.spanLimit {
            chunks.append(waiting[first])
            spans += waiting[first].spans
            first += 1
        }
        waitingSpans -= spans
        // Those that are left have come later; none of them waits longer than it should for that.
        waitingSince = waitingSpans == 0 ? .never : now
        if first > 64 || first == waiting.count {
            waiting.removeSubrange(..<first)
            first = 0
        }
        lastNumber += 1
        let batch = Batch(number: lastNumber, chunks: chunks, attempts: 1)
        slots.append(Slot(batch: batch))
        return batch
    }

    /// When `next` is to be asked again, unless something happens before; `nil` if only that can help.
    package var wakeAt: Instant? {
        let due = slots.compactMap(\.due).min()
        return [due, readyAt].compactMap { $0 }.min()
    }

    /// When the next new batch may go.
    private var readyAt: Instant? {
        guard waitingSpans > 0, slots.count < Self.underWayLimit else { return nil }
        let isFull = isHurried || waitingSpans >= Self.spanLimit
        return max(restsUntil, isFull ? waitingSince : waitingSince + Self.delay)
    }

    /// What became of an attempt.
    ///
    /// - Returns: `nil` where the batch will be tried again.
    package mutating func ended(
        _ number: UInt64, _ outcome: ExportOutcome, now: Instant, random: inout RandomSource
    ) -> Finished? {
        guard let index = slots.firstIndex(where: { $0.batch.number == number && $0.due == nil }) else { return nil }
        let batch = slots[index].batch
        var finished = Finished(bytes: batch.bytes)
        switch outcome {
        case .accepted(let rejected):
            finished.rejected = min(max(0, rejected), batch.spans)
            finished.exported = batch.spans - finished.rejected
        case .refused: finished.rejected = batch.spans
        case .lost: finished.dropped = batch.spans
        case .later(let after):
            guard batch.attempts < Self.attemptLimit, !isHurried else {
                finished.dropped = batch.spans
                break
            }
            var due = now + Self.wait(afterAttempts: batch.attempts, random: &random)
            if let after {
                restsUntil = max(restsUntil, now + min(after, Self.longestRetryAfter))
                due = max(due, restsUntil)
            }
            slots[index].due = due
            return nil
        }
        slots.remove(at: index)
        return finished
    }

    /// Exponential, and between half and all of that, so that not all gateways come back at once.
    static func wait(afterAttempts attempts: Int, random: inout RandomSource) -> Nanoseconds {
        let doubled = firstWait.count << UInt64(min(max(attempts - 1, 0), 16))
        let most = min(doubled, longestWait.count)
        return Nanoseconds(most / 2 + random.next() % (most / 2 + 1))
    }

    /// Everything that is left is given up.
    ///
    /// - Returns: the number of spans.
    package mutating func abandon() -> Int {
        let left = waitingSpans + slots.reduce(0) { $0 + $1.batch.spans }
        self = ExportQueue()
        return left
    }
}
