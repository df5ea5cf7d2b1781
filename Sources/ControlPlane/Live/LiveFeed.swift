import API
import Base
import DataPlane
import Dispatch
import Observation

/// Samples the loops, keeps what the dashboard shows of the past, and tells everybody who watches what has changed.
///
/// A sample is taken each second while somebody watches, and each five seconds for the history otherwise. However many watch,
/// the loops are asked once and each event is written once.
///
/// Unchecked: it belongs to the control queue.
final class LiveFeed: @unchecked Sendable {
    /// What is seen as it happens, and costs little.
    private static let watchedInterval = Nanoseconds.seconds(1)

    private struct Reader {
        var deliver: @Sendable (FeedMessage) -> Void
        var isNew = true
    }

    private unowned let plane: ControlPlane
    private var meter: TrafficMeter
    private var history: HistoryStore
    private var requests = NotableRequests()
    private var feed = Feed()
    private var readers: [UInt64: Reader] = [:]
    private var nextReader: UInt64 = 0
    /// Newest first, as they were told last.
    private var changes: [ChangeRecord] = []
    /// The configuration whose places are known.
    private weak var known: Snapshot?
    private var subjects: Set<HistorySubject> = []
    private var lastSample: Instant
    private var isCollecting = false
    private var isStopped = true
    /// Of the last timer: earlier ones do nothing.
    private var timer = 0

    init(_ plane: ControlPlane) {
        self.plane = plane
        let now = Instant.now()
        meter = TrafficMeter(start: now)
        history = HistoryStore(start: now)
        lastSample = now
    }

    // MARK: Life

    func start() {
        isStopped = false
        arm()
    }

    /// No loop is asked any more, and nobody told.
    func stop() {
        isStopped = true
        readers.removeAll()
    }

    // MARK: Readers

    /// The first message comes with the next sample, within a second.
    ///
    /// - Returns: its number.
    func add(_ deliver: @escaping @Sendable (FeedMessage) -> Void) -> UInt64 {
        nextReader += 1
        readers[nextReader] = Reader(deliver: deliver)
        if readers.count == 1, !isCollecting { arm() }
        return nextReader
    }

    func remove(_ reader: UInt64) { readers[reader] = nil }

    // MARK: What is known

    /// `nil` for what the configuration does not have.
    func history(of subject: HistorySubject) -> History? {
        follow()
        return subjects.contains(subject) ? history.history(of: subject) : nil
    }

    var list: RequestList { RequestList(errors: requests.failed.reversed(), slow: requests.slowest.reversed()) }

    // MARK: Samples

    private func arm() {
        guard !isStopped else { return }
        timer += 1
        let armed = timer
        let next = readers.isEmpty ? history.nextPoint : lastSample + Self.watchedInterval
        let wait = next.since(.now())
        plane.queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: wait.count))) { [weak self] in
            guard let self, timer == armed, !isStopped else { return }
            collect()
        }
    }

    private func collect() {
        isCollecting = true
        plane.collectSamples { [weak self] parts in
            guard let self else { return }
            isCollecting = false
            guard !isStopped else { return }
            take(parts)
            arm()
        }
    }

    private func take(_ parts: [(loop: Int, sample: WorkerSample)]) {
        follow()
        let now = Instant.now()
        lastSample = now
        let clock = wallClockNanoseconds()
        var news = Feed.News()
        news.traffic = meter.observe(plane.sample(of: parts), at: now)
        history.advance(&meter, at: now, time: TimeText.milliseconds(clock))
        (news.errors, news.slow) = requests.add(parts.flatMap(\.sample.notable))
        let records = plane.steering.log.records
        if records != changes { news.changes = records }
        changes = records
        if !readers.isEmpty { tell(news, time: TimeText.milliseconds(clock)) }
    }

    /// Forgets what the configuration no longer has.
    private func follow() {
        guard known !== plane.snapshot else { return }
        known = plane.snapshot
        subjects = plane.subjects()
        meter.keep { subjects.contains($0) }
        history.keep { subjects.contains($0) }
    }

    private func tell(_ news: Feed.News, time: String) {
        let status = plane.currentStatus()
        let delta = feed.delta(status, news, time: time)
        if readers.values.contains(where: { !$0.isNew }) {
            let message = FeedMessage(delta, isState: false)
            for reader in readers.values where !reader.isNew { reader.deliver(message) }
        }
        guard readers.values.contains(where: \.isNew) else { return }
        var all = Feed.News()
        all.traffic = meter.report
        all.errors = requests.failed
        all.slow = requests.slowest
        all.changes = changes
        let message = FeedMessage(feed.state(status, all, time: time), isState: true)
        for number in readers.keys where readers[number]?.isNew == true {
            readers[number]?.isNew = false
            readers[number]?.deliver(message)
        }
    }
}

extension FeedMessage {
    /// https://html.spec.whatwg.org/multipage/server-sent-events.html: JSON on one line is one `data` field.
    fileprivate init(_ event: Event, isState: Bool) {
        // Whoever has lost the connection may come back after a second.
        let head =
            isState ? "retry: 1000\nid: \(event.sequence)\nevent: state\n" : "id: \(event.sequence)\nevent: delta\n"
        self.isState = isState
        bytes = Array("\(head)data: ".utf8) + AdminJSON.line(event) + Array("\n\n".utf8)
    }
}
