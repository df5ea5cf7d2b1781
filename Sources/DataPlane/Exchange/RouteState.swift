import Base
import Configuration
import Inference
import Telemetry
import Traffic

/// What one loop records about one route and entry.
package final class Series {
    let names: (route: String, backend: String)
    let route: StableBytes
    let backend: StableBytes
    /// Both, as the access log says them.
    var logged = KeptMembers()
    var counters = SeriesCounters()
    /// Among the `TouchedPlaces`.
    var isTouched = false

    init(route: String, backend: String) {
        names = (route, backend)
        self.route = StableBytes(route)
        self.backend = StableBytes(backend)
    }
}

/// What one loop counts about a route beside its series; goes on across reloads, also for what ends under an old one.
package final class RouteCounters {
    var auth = OutcomeCounts<AuthOutcome>()
    var retries = OutcomeCounts<RetryReason>()
    var obstacles = OutcomeCounts<RetryStop>()
    var listeners = ListenerCounts<UInt64>()
    /// Among the `TouchedPlaces`.
    var isTouched = false
}

/// A mirror's copies on one loop, those of earlier configurations included.
package final class MirrorCopies {
    var outcomes = OutcomeCounts<MirrorOutcome>()
    /// Under way, in no order.
    var list: ContiguousArray<MirrorCopy> = []
}

/// A route as one loop runs it under one configuration.
package final class RouteState {
    let route: Route
    let name: [UInt8]
    let entries: ContiguousArray<Entry>
    /// Theirs, to be asked without counting references: `entries` keeps them alive.
    private let pools: ContiguousArray<Unmanaged<BackendPool>>
    let mirrors: ContiguousArray<MirrorState>
    var split: Split
    /// Asked without counting references; kept by `keptUsers`.
    let users: Unmanaged<UserTable>?
    private let keptUsers: UserTable?
    /// `Basic realm="…", charset="UTF-8"` (RFC 7617).
    let challenge: [UInt8]
    let counters: RouteCounters
    /// For what ends before an entry is chosen.
    let series: Series
    let timeout: Nanoseconds?
    let idleTimeout: Nanoseconds?
    let maxBodySize: UInt64?
    let keepsAuthorization: Bool
    let isUrgent: Bool
    let retries: RouteRetries?
    /// What few routes have; `nil` for those that have none of it.
    let policies: RoutePolicies?
    let action: Action
    /// An entry that cannot be used keeps its share, which then fails.
    let failsWhenDown: Bool

    struct Entry {
        var pool: BackendPool
        var series: Series
        /// Apart, because a request copies what stands here, and few entries have any of it.
        var changes: EntryChanges?

        init(_ entry: Route.WeightedBackend, of route: Route, pool: BackendPool, series: Series) {
            self.pool = pool
            self.series = series
            changes = EntryChanges(entry, of: route)
        }
    }

    enum Action {
        case forward
        case redirect(RedirectTarget)
        /// Made here, instead of asking a backend.
        case respond(Route.FixedResponse)
    }

    init(
        _ resolved: ResolvedRoute, entries: ContiguousArray<Entry>, mirrors: ContiguousArray<MirrorState>,
        series: Series, split: Split, after previous: RouteState?
    ) {
        route = resolved.route
        name = Array(route.name.utf8)
        self.entries = entries
        pools = ContiguousArray(entries.map { .passUnretained($0.pool) })
        self.mirrors = mirrors
        self.series = series
        self.split = split
        keptUsers = resolved.users
        users = keptUsers.map { .passUnretained($0) }
        timeout = route.timeout.map { Nanoseconds($0) }
        idleTimeout = route.idleTimeout.map { Nanoseconds($0) }
        maxBodySize = route.maxBodySize.map { UInt64(max($0, 0)) }
        isUrgent = route.priority == .high
        retries = RouteRetries(resolved)
        keepsAuthorization = resolved.users == nil || route.basicAuth?.forwardAuthorization == true
        policies = RoutePolicies(resolved)
        switch route.action {
        case .forward(let forward):
            action = .forward
            failsWhenDown = forward.whenDown == .fail
        case .redirect(let redirect):
            action = .redirect(RedirectTarget(redirect))
            failsWhenDown = false
        case .respond(let fixed):
            action = .respond(fixed)
            failsWhenDown = false
        }
        counters = previous?.counters ?? RouteCounters()
        let realm = (route.basicAuth?.realm ?? "").flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        challenge = Array("Basic realm=\"\(String(realm))\", charset=\"UTF-8\"".utf8)
    }

    /// The entry whose turn it is, or `nil` if none can be used.
    ///
    /// Other entries are better than endpoints that are probably down: those are used, where `panicThreshold` says so, only
    /// if no entry has any other. With `whenDown: fail` an entry without a usable endpoint is down, whatever that says.
    ///
    /// - Parameter suits: whether the entry of that number has what the request asks for; those that do go first.
    func nextEntry(_ suits: (Int) -> Bool) -> Int? {
        if failsWhenDown {
            let choice = entries.count == 1 ? 0 : split.next { _ in true }
            return choice.flatMap { hasUsable($0) ? $0 : nil }
        }
        guard entries.count > 1 else { return entries.isEmpty || !canServe(0) ? nil : 0 }
        return split.next { hasUsable($0) && suits($0) } ?? split.next { hasUsable($0) } ?? split.next { canServe($0) }
    }

    private func hasUsable(_ entry: Int) -> Bool { pools[entry]._withUnsafeGuaranteedRef { $0.hasUsable } }

    private func canServe(_ entry: Int) -> Bool { pools[entry]._withUnsafeGuaranteedRef { $0.canServe } }

    /// Whether it matters to an entry which model a request is for, and where that is.
    func asksForModel(_ entry: Int) -> Bool {
        pools[entry]._withUnsafeGuaranteedRef { $0.asksForModel && $0.board.isListed }
    }
}

extension RouteState {
    /// The entry on whose side the key is. One that cannot be used gives its keys to the others, unless the route says
    /// otherwise: each of them to one, so that they stay together there as well.
    func entry(of key: UInt64, _ sticky: RouteSticky, _ suits: (Int) -> Bool) -> Int? {
        if failsWhenDown {
            return sticky.split.choose(keyHash: key) { _ in true }.flatMap { hasUsable($0) ? $0 : nil }
        }
        return sticky.split.choose(keyHash: key) { hasUsable($0) && suits($0) }
            ?? sticky.split.choose(keyHash: key) { hasUsable($0) } ?? sticky.split.choose(keyHash: key) { canServe($0) }
    }
}

/// What an entry of a route changes about its requests and answers.
final class EntryChanges {
    let names: ModelNames?
    /// To be copied for each call.
    let rewriter: GRPCModelRewriter?
    let requestEdits: HeaderEdits?
    let answerEdits: HeaderEdits?

    /// - Returns: `nil` where that is nothing.
    init?(_ entry: Route.WeightedBackend, of route: Route) {
        names = ModelNames(model: entry.model, version: entry.version)
        rewriter = names == nil ? nil : GRPCModelRewriter(model: entry.model, version: entry.version)
        requestEdits = HeaderEdits([route.requestHeaders, entry.requestHeaders])
        answerEdits = HeaderEdits([entry.responseHeaders])
        if names == nil && requestEdits == nil && answerEdits == nil { return nil }
    }
}

/// A mirror of a route as one loop sees it.
package final class MirrorState {
    let mirror: Route.Mirror
    /// Among the mirrors of the route.
    let place: Int
    let pool: BackendPool
    let load: MirrorLoad
    let timeout: Nanoseconds
    let copies: MirrorCopies
    let requestEdits: HeaderEdits?
    let backend: [UInt8]

    init(
        _ mirror: Route.Mirror, at place: Int, of route: Route, pool: BackendPool, load: MirrorLoad,
        after previous: MirrorState?
    ) {
        self.mirror = mirror
        self.place = place
        self.pool = pool
        self.load = load
        timeout = Nanoseconds(mirror.timeout)
        copies = previous?.copies ?? MirrorCopies()
        backend = Array(mirror.backend.utf8)
        requestEdits = HeaderEdits([route.requestHeaders, mirror.requestHeaders])
    }
}

/// A route's `retries` as one loop runs them.
struct RouteRetries {
    let policy: RetryPolicy
    let maxBufferedBytes: Int
    /// Shared by all loops.
    let budget: RetryBudget

    init?(_ resolved: ResolvedRoute) {
        guard let retries = resolved.route.retries, let budget = resolved.retryBudget else { return nil }
        var conditions: RetryPolicy.Conditions = []
        var statuses: Set<Int> = []
        for trigger in retries.on {
            switch trigger {
            case .connectFailure: conditions.insert(.connectFailure)
            case .refusedStream: conditions.insert(.refusedStream)
            case .reset: conditions.insert(.reset)
            case .timeout: conditions.insert(.timeout)
            case .status(let status): statuses.insert(status)
            }
        }
        policy = RetryPolicy(
            attempts: retries.attempts, on: conditions, statuses: statuses, inference: retries.inference,
            perTryTimeout: retries.perTryTimeout.map { Nanoseconds($0) })
        maxBufferedBytes = retries.maxBufferedBytes
        self.budget = budget
    }
}
