import Base
import DataPlane
import Dispatch
import EventLoop
import Logging
import Synchronization
import Traffic

/// Watches the memory in use, on a queue of its own: neither a busy loop nor a reload may delay it.
///
/// Unchecked: its state belongs to `queue`, but for what is atomic or locked.
final class MemoryGuardian: @unchecked Sendable {
    /// Of the limit of the control group: the rest is for what is in flight when the limit is reached, and for the kernel's
    /// own memory.
    private static let defaultPercent = 80
    /// How often idle connections are closed while memory is short.
    private static let reliefInterval = Nanoseconds.milliseconds(100)
    /// How often the C library is asked to give freed memory back at the most, and how many times as long as that took last
    /// it is left alone: whoever allocates waits meanwhile, so for 5 % of the time at the most.
    private static let trimInterval = Nanoseconds.seconds(1)
    private static let trimRest: UInt64 = 20
    /// Requests have to be served for so long before the end of a shortage is told: it may come and go many times a second.
    private static let calmTime = Nanoseconds.seconds(2)

    private let queue = DispatchQueue(label: "sluice.memory", qos: .userInitiated)
    private let logger: Logger
    private let workers: [Worker]
    private let overload: Overload
    private let meter = MemoryMeter()

    private var policy: MemoryGuard?
    private var measuresGroup = false
    private var isTicking = false
    private var relievedAt = Instant(nanoseconds: 0)
    private var nextTrim = Instant(nanoseconds: 0)
    private var isAnnounced = false
    private var calmSince: Instant?
    /// Loops that have not done what was asked of them last.
    private let relieving = Atomic<Int>(0)

    private let loads = Mutex([BackendLoad]())
    private let measured = Atomic<Int>(0)
    private let limited = Atomic<Int>(0)

    init(workers: [Worker], overload: Overload, logger: Logger) {
        self.workers = workers
        self.overload = overload
        self.logger = logger
    }

    // MARK: From any thread

    /// - Parameter limit: the configured one; `nil` goes by the control group.
    func apply(limit configured: Int64?, backends: [BackendLoad]) {
        loads.withLock { $0 = backends }
        let limit = configured.map { Int(clamping: $0) } ?? meter.groupLimit.map { $0 / 100 * Self.defaultPercent }
        guard limit ?? 0 != limited.exchange(limit ?? 0, ordering: .relaxed) else { return }
        queue.async { [self] in change(limit, isConfigured: configured != nil) }
    }

    /// Bytes in use, as they are held against the limit.
    var used: Int { limit == nil ? overload.memory?.bytes ?? 0 : measured.load(ordering: .relaxed) }
    var limit: Int? {
        let limit = limited.load(ordering: .relaxed)
        return limit > 0 ? limit : nil
    }
    var level: MemoryLevel { overload.level }

    // MARK: On the queue

    private func change(_ limit: Int?, isConfigured: Bool) {
        policy = limit.map { MemoryGuard(limit: $0) }
        measuresGroup = !isConfigured
        if isConfigured, let limit, let most = meter.groupLimit, limit > most {
            logger.warning(
                "memoryLimit is \(Self.text(limit)), but the kernel ends the process at \(Self.text(most))")
        }
        if policy == nil { setLevel(.normal, .now()) }
        if !isTicking { tick() }
    }

    private func tick() {
        guard var policy else {
            isTicking = false
            return
        }
        isTicking = true
        let bytes = measure()
        let now = Instant.now()
        let hadFloor = policy.floor != nil
        let level = policy.observe(bytes, isBusy: isBusy, now: now)
        self.policy = policy
        setLevel(level, now)
        if policy.floor != nil && !hadFloor {
            logger.warning(
                "\(Self.text(bytes)) of memory stay in use though no request is in flight: they are served again. Raise memoryLimit, \(Self.text(policy.limit)) now"
            )
        }
        if level >= .tight { relieve(level, now) }
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(policy.interval.count))) { [self] in tick() }
    }

    private func measure() -> Int {
        var bytes = overload.memory?.bytes ?? measured.load(ordering: .relaxed)
        if measuresGroup, let group = meter.groupBytes() { bytes = max(bytes, group) }
        measured.store(bytes, ordering: .relaxed)
        return bytes
    }

    private var isBusy: Bool {
        loads.withLock { $0.contains { $0.inFlight.current + $0.queued.current + $0.hold.requests.current > 0 } }
    }

    private func relieve(_ level: MemoryLevel, _ now: Instant) {
        if now.since(relievedAt) >= Self.reliefInterval, relieving.load(ordering: .acquiring) == 0 {
            relievedAt = now
            relieving.store(workers.count, ordering: .releasing)
            for worker in workers {
                worker.loop.post { [self] in
                    worker.relieve(level)
                    relieving.subtract(1, ordering: .releasing)
                }
            }
        }
        if now >= nextTrim {
            Machine.releaseFreedMemory()
            let end = Instant.now()
            nextTrim = end + max(Self.trimInterval, Nanoseconds(end.since(now).count &* Self.trimRest))
        }
    }

    private func setLevel(_ level: MemoryLevel, _ now: Instant) {
        overload.set(level, tightAt: policy?.tightAt ?? .max, shedAt: policy?.shedAt ?? .max)
        if level >= .shedding {
            calmSince = nil
            guard !isAnnounced, let policy else { return }
            isAnnounced = true
            logger.warning(
                "memory is short, \(Self.text(measured.load(ordering: .relaxed))) of \(Self.text(policy.limit)) in use: new requests are refused as overloaded, idle connections are closed"
            )
        } else if isAnnounced {
            let since = calmSince ?? now
            calmSince = since
            guard now.since(since) >= Self.calmTime || policy == nil else { return }
            isAnnounced = false
            calmSince = nil
            logger.info("memory is no longer short, \(Self.text(measured.load(ordering: .relaxed))) in use")
        }
    }

    private static func text(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
}
