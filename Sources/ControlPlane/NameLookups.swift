import Base
import Dispatch
import EventLoop
import Logging
import Telemetry
import Traffic

/// Keeps the addresses of names up to date: asks the system's resolver, on threads of its own, and tells when an answer has
/// changed. When to ask and what an answer means is `NameTable`'s to say.
///
/// Unchecked: everything happens on the control queue; look-ups come back to it.
final class NameLookups: @unchecked Sendable {
    private let queue: DispatchQueue
    private let logger: Logger
    private let changed: () -> Void
    private var table = NameTable<SocketAddress>()
    private var random = RandomSource(seed: Machine.seed())
    private var waiting: [Waiting] = []
    private var wakesAt = Instant.never
    /// Of all look-ups so far.
    private(set) var counts = OutcomeCounts<LookupOutcome>()

    private struct Waiting {
        var since: Instant?
        var until: Instant
        var done: () -> Void
    }

    /// Addresses of a name that a log line shows.
    private static let shownAddresses = 8

    /// - Parameter changed: some name stands for something else than before.
    init(queue: DispatchQueue, logger: Logger, changed: @escaping () -> Void) {
        self.queue = queue
        self.logger = logger
        self.changed = changed
    }

    func addresses(of name: String) -> [SocketAddress] { table.addresses(of: name) }

    /// The names wanted from now on.
    func use(_ names: Set<String>) {
        table.use(names, now: .now())
        advance()
    }

    /// Calls `done` on the control queue when every name has been answered, or after `patience`.
    ///
    /// - Parameter refreshing: asks for all names once more; otherwise only those without any answer are waited for.
    func settle(patience: Nanoseconds, refreshing: Bool, done: @escaping () -> Void) {
        let now = Instant.now()
        if refreshing { table.refresh(now: now) }
        waiting.append(Waiting(since: refreshing ? now : nil, until: now + patience, done: done))
        advance()
    }

    /// Starts what is due, ends what has waited long enough, and sees to it that it is called again.
    private func advance() {
        let now = Instant.now()
        for name in table.start(now: now) {
            Resolver.lookUp(name) { [self] outcome in queue.async { [self] in finish(name, outcome) } }
        }
        let isOver = { [table] (one: Waiting) in one.until <= now || !table.awaitsAnswers(since: one.since) }
        let over = waiting.filter(isOver)
        waiting.removeAll(where: isOver)
        wake(at: waiting.reduce(table.nextStart(now: now)) { min($0, $1.until) }, now)
        // Last: it may lead back here.
        for one in over { one.done() }
    }

    private func wake(at time: Instant, _ now: Instant) {
        // An earlier call that is under way asks again by itself.
        guard time < wakesAt else { return }
        wakesAt = time
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: time.since(now).count))) { [weak self] in
            guard let self, wakesAt == time else { return }
            wakesAt = .never
            advance()
        }
    }

    private func finish(_ name: String, _ outcome: Resolver.Outcome) {
        let answer: NameTable<SocketAddress>.Answer
        switch outcome {
        case .addresses(let found):
            counts.count(.ok)
            answer = .found(found.sorted(by: Self.isBefore))
        case .none:
            counts.count(.empty)
            answer = .none
        case .unavailable(let reason):
            counts.count(.failed)
            answer = .unavailable(reason)
        }
        var hasChanged = false
        for event in table.finish(name, answer, now: .now(), random: &random) {
            if case .changed = event { hasChanged = true }
            log(name, event)
        }
        if hasChanged { changed() }
        advance()
    }

    /// Name servers rotate their answers, which is no change.
    private static func isBefore(_ left: SocketAddress, _ right: SocketAddress) -> Bool {
        if left.mapped != right.mapped { return left.mapped < right.mapped }
        return left.description < right.description
    }

    private func log(_ name: String, _ event: NameTable<SocketAddress>.Event) {
        switch event {
        case .changed(let old, let new):
            logger.info("\(name) stands for \(Self.text(new)), before for \(Self.text(old))")
        case .failing(let reason, let keeps):
            logger.warning(
                keeps
                    ? "no answer for \(name), its last addresses stay: \(reason)"
                    : "endpoint without an address: \(name): \(reason)")
        case .recovered: logger.info("\(name) is answered again")
        }
    }

    private static func text(_ addresses: [SocketAddress]) -> String {
        guard !addresses.isEmpty else { return "nothing" }
        let shown = addresses.prefix(shownAddresses).map(\.host).joined(separator: ", ")
        let left = addresses.count - shownAddresses
        return left > 0 ? "\(shown) and \(left) more" : shown
    }
}
