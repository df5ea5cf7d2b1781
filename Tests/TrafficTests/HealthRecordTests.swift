import Base
import Dispatch
import Synchronization
import Testing
import Traffic

@Suite struct HealthRecordTests {
    private static let threshold = 5
    private static let start = Instant(nanoseconds: 0)
    private static let errors = EndpointOutcome.allCases.filter(\.countsAgainstEndpoint)

    /// DESIGN 4, as a table: what counts against an endpoint.
    @Test func onlyWhatIsTheEndpointsFaultCounts() {
        #expect(
            Self.errors == [.connectFailed, .tlsHandshake, .reset, .malformed, .timeout, .badGateway, .gatewayTimeout])
        for status in 100...599 {
            let outcome = EndpointOutcome(status: status)
            #expect(outcome.countsAgainstEndpoint == (status == 502 || status == 504), "\(status)")
            #expect(outcome != .neutral, "\(status) is a sign of life, or none")
        }
        #expect(Set(EndpointOutcome.allCases.map { "\($0.name)" }).count == EndpointOutcome.allCases.count)
    }

    /// A try from begin to end.
    private func attempt(_ health: EndpointHealth, _ outcome: EndpointOutcome, threshold: Int = threshold)
        -> EndpointHealth.Report?
    {
        guard var ticket = health.begin(now: Self.start) else { return nil }
        return health.record(outcome, of: &ticket, threshold: threshold, now: Self.start)
    }

    @Test func reportsTooManyInARow() throws {
        let health = EndpointHealth()
        for count in 1..<Self.threshold {
            #expect(attempt(health, .reset) == nil)
            #expect(health.consecutiveErrors == count)
        }
        let report = try #require(attempt(health, .timeout))
        #expect(report.finding == .tooManyErrors && report.outcome == .timeout)
        // Judging is not its business: until the control queue acts it is used, and reported again in time.
        #expect(health.isUsable && health.consecutiveErrors == 0)
        #expect((1..<Self.threshold).allSatisfy { _ in attempt(health, .reset) == nil })
        #expect(attempt(health, .reset) != nil)
    }

    @Test(arguments: [1, 3, 5, 100]) func anAnswerBeginsAnew(_ threshold: Int) {
        let health = EndpointHealth()
        for _ in 0..<20 {
            for _ in 0..<(threshold - 1) { #expect(attempt(health, .connectFailed, threshold: threshold) == nil) }
            #expect(health.consecutiveErrors == threshold - 1)
            #expect(attempt(health, .answered, threshold: threshold) == nil)
            #expect(health.consecutiveErrors == 0)
        }
        #expect((1..<threshold).allSatisfy { _ in attempt(health, .connectFailed, threshold: threshold) == nil })
        // What says nothing changes nothing, either way.
        #expect(attempt(health, .neutral, threshold: threshold) == nil)
        #expect(attempt(health, .connectFailed, threshold: threshold) != nil)
    }

    @Test func zeroCountsNothing() {
        let health = EndpointHealth()
        #expect((0..<100).allSatisfy { _ in attempt(health, .reset, threshold: 0) == nil })
        #expect(health.consecutiveErrors == 0)
        // An answer forgets what was counted before it was turned off.
        #expect(attempt(health, .reset) == nil && health.consecutiveErrors == 1)
        #expect(attempt(health, .answered, threshold: 0) == nil && health.consecutiveErrors == 0)
    }

    @Test func aThresholdBeyondTheFieldIsItsLargest() {
        let health = EndpointHealth()
        let reports = (1...EndpointHealth.maxThreshold).count { _ in attempt(health, .timeout, threshold: .max) != nil }
        #expect(reports == 1 && health.consecutiveErrors == 0 && health.standing == .serving && health.isUsable)
    }

    @Test func checksAndDrainsTakeItOutAndBringItBackAfresh() {
        let health = EndpointHealth()
        #expect(health.usableSince == Instant(nanoseconds: 0))
        let changes: [(EndpointHealth, Bool, Instant) -> Void] = [
            { $0.setUnhealthy($1, now: $2) }, { $0.setDraining($1, now: $2) },
        ]
        for (index, change) in changes.enumerated() {
            let now = Instant(nanoseconds: UInt64(index + 1) * 10)
            #expect(attempt(health, .reset) == nil && health.consecutiveErrors == 1)
            change(health, false, now)
            #expect(health.consecutiveErrors == 1, "nothing changed")
            change(health, true, now)
            #expect(!health.isUsable && health.begin(now: Self.start) == nil)
            #expect(health.isUnhealthy == (index == 0) && health.isDraining == (index == 1))
            #expect(!health.beginInPanic(now: Self.start).isProbe)
            change(health, false, now)
            #expect(health.isUsable && health.consecutiveErrors == 0 && health.usableSince == now)
        }
        #expect(EndpointHealth(since: Instant(nanoseconds: 7)).usableSince == Instant(nanoseconds: 7))
    }

    private static func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    /// Many bad requests sent at once are one error: a client must not be able to take an endpoint away with them.
    @Test(arguments: errors) func whatEndsTogetherMayCountOnce(_ outcome: EndpointOutcome) throws {
        let health = EndpointHealth()
        var tickets = try (0..<4).map { _ in try #require(health.begin(now: Self.at(1000))) }
        for index in tickets.indices {
            _ = health.record(outcome, of: &tickets[index], threshold: Self.threshold, now: Self.at(1002))
        }
        #expect(health.consecutiveErrors == (outcome.mayBeCausedByRequest ? 1 : 4))
        var later = try #require(health.begin(now: Self.at(1002)))
        _ = health.record(outcome, of: &later, threshold: Self.threshold, now: Self.at(1003))
        #expect(health.consecutiveErrors == (outcome.mayBeCausedByRequest ? 2 : 5 % Self.threshold))
    }

    /// Who answers others meanwhile is not stuck, whatever became of this one.
    @Test(arguments: errors) func whatEndsBesideAnswersCountsNot(_ outcome: EndpointOutcome) throws {
        let health = EndpointHealth()
        var slow = try #require(health.begin(now: Self.at(1000)))
        var quick = try #require(health.begin(now: Self.at(1500)))
        _ = health.record(.answered, of: &quick, threshold: Self.threshold, now: Self.at(1600))
        _ = health.record(outcome, of: &slow, threshold: Self.threshold, now: Self.at(2000))
        #expect(health.consecutiveErrors == 0)
        var next = try #require(health.begin(now: Self.at(2000)))
        _ = health.record(outcome, of: &next, threshold: Self.threshold, now: Self.at(2100))
        #expect(health.consecutiveErrors == 1)
    }

    /// Of threads that fail together every threshold-th is reported, and no error is lost.
    @Test func threadsCountTogether() {
        let health = EndpointHealth()
        let reports = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<5000 where attempt(health, .reset) != nil { reports.add(1, ordering: .relaxed) }
        }
        #expect(reports.load(ordering: .relaxed) == 8 * 5000 / Self.threshold)
        #expect(health.consecutiveErrors == 0)
    }
}
