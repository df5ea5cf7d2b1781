import Base
import Synchronization
import Traffic

/// A gateway with several loops in front of endpoints that misbehave, in virtual time and from one seed: the state
/// machines of Health, Retries and Balancing are the real ones, everything around them is what is simulated.
///
/// First come faults and bursts, then all endpoints are healthy and a few requests go on coming until all are back.
final class Simulation {
    struct Setup {
        var loops: Int
        var endpoints: Int
        var perEndpoint: Int
        var queueTimeout: Nanoseconds
        var policy: RetryPolicy
        var budgetPercent: Double
        var minimumRetries: Int
        var outlier = OutlierDetection<Int>.Settings()
        /// `nil` where no `health` is written.
        var check: ActiveHealth.Settings?
        /// Of requests, in a burst and between bursts.
        var gap: Nanoseconds
        var faultsEnd: Instant
        /// Behaviours of each endpoint with their beginnings.
        var faults: [[(from: Instant, behaviour: SimulatedBehaviour)]]
        var cancelPercent = 3.0
        /// Of the requests, beyond its share, that come to the first loop.
        var firstLoopPercent = 0.0
        /// Of the requests, with high priority.
        var urgentPercent = 0.0
    }

    enum Event {
        case arrival
        case retry(SimulatedRequest, step: Int)
        case queueTimeout(SimulatedRequest, step: Int)
        case tryEnd(SimulatedRequest, step: Int, RetryPolicy.Failure?, EndpointOutcome, EndpointHealth.Ticket)
        case placePassed(loop: Int)
        case placeOffered(loop: Int, asked: UInt64)
        case usabilityChanged(loop: Int)
        case report(EndpointHealth.Report, endpoint: Int)
        case judge
        case probe(endpoint: Int)
        case probeEnd(endpoint: Int, ActiveHealth.ProbeResult)
    }

    let setup: Setup
    var random: RandomSource
    var now = Instant(nanoseconds: 0)
    var events = SimulationEvents<Event>()
    let isTraced: Bool

    // What loops share.
    let load = BackendLoad()
    let loads: [EndpointLoad]
    let healths: [EndpointHealth]
    let budget: RetryBudget
    let balance: LeastRequest
    // The control queue's.
    var detection = OutlierDetection<Int>()
    var checks: [ActiveHealth] = []
    var nextJudgement = Instant.never
    /// Each loop's own.
    var queues: [[SimulatedRequest]]
    var choosy: [[SimulatedRequest]]

    // Book-keeping of the test, independent of what is tested.
    var requests: [SimulatedRequest] = []
    var unfinished = 0
    var answered = 0
    var failed: [SimulatedRequest.Kind: Int] = [:]
    /// By whether they had high priority.
    var timedOut: [Bool: Int] = [:]
    var probes: [Int]
    var ejections = 0
    var retriedAt: [UInt64: Int] = [:]
    var begunAt: [UInt64: Int] = [:]
    var retries = 0
    var mostPassedOver = 0
    var complaints: [String] = []

    init(_ setup: Setup, seed: UInt64, isTraced: Bool = false) {
        self.setup = setup
        self.isTraced = isTraced
        random = RandomSource(seed: seed)
        loads = (0..<setup.endpoints).map { _ in EndpointLoad() }
        healths = (0..<setup.endpoints).map { _ in EndpointHealth() }
        budget = RetryBudget(percent: setup.budgetPercent, minimumPerSecond: setup.minimumRetries)
        balance = LeastRequest(weights: [Int](repeating: 1, count: setup.endpoints))
        queues = [[SimulatedRequest]](repeating: [], count: setup.loops)
        choosy = queues
        probes = [Int](repeating: 0, count: setup.endpoints)
        _ = detection.update(
            settings: setup.outlier, endpoints: Array(healths.enumerated()).map { ($0, $1) }, now: now)
        if let settings = setup.check {
            checks = healths.map { _ in ActiveHealth(settings: settings, now: now, random: &random) }
        }
    }

    /// Whether requests and checks go on coming: until all are back, and for long enough for the last tries to have
    /// failed.
    var isLive: Bool {
        let isLate = now > setup.faultsEnd + .seconds(300)
        return now < setup.faultsEnd + .seconds(2)
            || (!isLate && healths.contains { !$0.isUsable || $0.standing != .serving })
    }

    func run() {
        events.add(.arrival, at: now)
        for (endpoint, check) in checks.enumerated() { events.add(.probe(endpoint: endpoint), at: check.nextProbe) }
        while let (at, event) = events.next() {
            now = at
            handle(event)
            require(load.inFlight.current <= setup.endpoints * setup.perEndpoint, "too many places taken")
        }
        inspectTheEnd()
    }

    private func handle(_ event: Event) {
        switch event {
        case .arrival: arrive()
        case .retry(let request, let step): if request.step == step { dispatch(request) }
        case .queueTimeout(let request, let step):
            guard request.step == step else { return }
            if let place = queues[request.loop].firstIndex(where: { $0 === request }) {
                leaveQueue(request.loop, place)
            } else if let place = choosy[request.loop].firstIndex(where: { $0 === request }) {
                leaveChoosy(request.loop, place)
            } else {
                return
            }
            finish(request, isAnswered: false, "queue_timeout")
        case .tryEnd(let request, let step, let failure, let outcome, let ticket):
            endTry(request, step, failure, outcome, ticket)
        case .placePassed(let loop): takePassedPlace(loop)
        case .placeOffered(let loop, let asked): takeOffer(loop, asked)
        case .usabilityChanged(let loop): serveAll(loop)
        case .report(let report, let endpoint):
            note(detection.judge(report, of: endpoint, now: now).map { [$0] } ?? [])
        case .judge:
            // A deadline that has been moved has an event of its own; and what is out when all is over stays out.
            if now == nextJudgement && isLive { note(detection.advance(now: now)) }
        case .probe(let endpoint): beginProbe(endpoint)
        case .probeEnd(let endpoint, let result): endProbe(endpoint, result)
        }
    }

    func behaviour(of endpoint: Int) -> SimulatedBehaviour {
        guard now < setup.faultsEnd else { return .healthy }
        return setup.faults[endpoint].last { $0.from <= now }?.behaviour ?? .healthy
    }

    func milliseconds(_ range: ClosedRange<UInt64>) -> Nanoseconds {
        Nanoseconds(
            range.lowerBound * 1_000_000 + random.next() % ((range.upperBound - range.lowerBound) * 1_000_000 + 1))
    }

    /// A message from one thread to another takes up to a tenth of a millisecond.
    func post(_ event: Event) { events.add(event, at: now + Nanoseconds(random.next() % 100_000)) }

    // MARK: - Complaints

    func require(_ condition: Bool, _ complaint: @autoclosure () -> String) {
        if !condition, complaints.count < 5 { complaints.append("at \(now.nanoseconds / 1000) µs: \(complaint())") }
    }

    func trace(_ text: @autoclosure () -> String) {
        if isTraced { print("\(now.nanoseconds / 1000) µs  \(text())") }
    }

    private func inspectTheEnd() {
        require(unfinished == 0, "\(unfinished) requests were lost")
        require((queues + choosy).allSatisfy(\.isEmpty), "somebody still waits")
        require(load.waiting.isEmpty, "a loop still counts as waiting")
        require(load.inFlight.current == 0 && loads.allSatisfy { $0.inFlight.current == 0 }, "places were lost")
        require(probes.allSatisfy { $0 == 0 }, "a probe was lost")
        for (endpoint, health) in healths.enumerated() {
            require(health.isUsable && health.standing == .serving, "endpoint \(endpoint) did not come back")
        }
        for request in requests where !request.kind.isRepeatable {
            require(request.received <= 1, "request \(request.number) was carried out \(request.received) times")
        }
    }
}
