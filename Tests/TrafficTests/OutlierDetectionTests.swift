import Base
import Dispatch
import Synchronization
import Testing
import Traffic

/// Endpoints 0 ..< count with the one who judges them.
final class OutlierWorld {
    typealias Detection = OutlierDetection<Int>

    var detection = Detection()
    var healths: [EndpointHealth]
    var settings = Detection.Settings()

    init(_ count: Int, percent: Double = 50, errors: Int = 5, base: UInt64 = 30) {
        healths = (0..<count).map { _ in EndpointHealth() }
        settings.consecutiveErrors = errors
        settings.baseEjectionTime = .seconds(base)
        settings.maxEjectionPercent = percent
        _ = update(at(0))
    }

    func update(_ now: Instant) -> [Detection.Change] {
        detection.update(settings: settings, endpoints: Array(healths.enumerated()).map { ($0, $1) }, now: now)
    }

    /// Requests that fail until one is reported, and the judgement.
    @discardableResult
    func fail(_ index: Int, _ now: Instant, _ outcome: EndpointOutcome = .timeout) -> Detection.Change? {
        for _ in 0..<max(1, settings.consecutiveErrors) {
            guard var ticket = healths[index].begin(now: at(0)) else { return nil }
            if let report = healths[index].record(
                outcome, of: &ticket, threshold: settings.consecutiveErrors, now: at(0))
            {
                return detection.judge(report, of: index, now: now)
            }
        }
        return nil
    }

    /// The one request of a probing endpoint.
    @discardableResult
    func probe(_ index: Int, _ now: Instant, _ outcome: EndpointOutcome) -> Detection.Change? {
        guard var ticket = healths[index].begin(now: at(0)),
            let report = healths[index].record(outcome, of: &ticket, threshold: settings.consecutiveErrors, now: at(0))
        else { return nil }
        return detection.judge(report, of: index, now: now)
    }

    func judge(_ report: EndpointHealth.Report, of index: Int, now: Instant) -> Detection.Change? {
        detection.judge(report, of: index, now: now)
    }

    func advance(_ now: Instant) -> [Detection.Change] { detection.advance(now: now) }

    func checkPassedAgain(_ index: Int, _ now: Instant) -> Detection.Change? {
        detection.checkPassedAgain(index, now: now)
    }

    var out: [Int] { healths.indices.filter { healths[$0].standing != .serving } }
}

private func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: 0) + .seconds(seconds) }

@Suite struct OutlierDetectionTests {
    @Test func ejectsProbesAndReturns() throws {
        let world = OutlierWorld(3)
        #expect(world.detection.nextDeadline == .never && world.advance(at(1)) == [])
        let ejected = try #require(world.fail(1, at(100), .connectFailed))
        #expect(ejected.endpoint == 1 && ejected.status.standing == .ejected && ejected.status.ejections == 1)
        #expect(ejected.status.reason == .connectFailed && ejected.status.changed == at(100))
        #expect(ejected.status.until == at(130) && world.detection.nextDeadline == at(130))
        #expect(world.healths.map(\.isUsable) == [true, false, true] && world.healths[1].begin(now: at(0)) == nil)

        #expect(world.advance(at(129)) == [])
        let probing = try #require(world.advance(at(130)).first)
        #expect(probing.status.standing == .probing && probing.status.until == nil && world.healths[1].isUsable)
        // Exactly one is let through.
        var ticket = try #require(world.healths[1].begin(now: at(0)))
        #expect(ticket.isProbe && !world.healths[1].isUsable && world.healths[1].begin(now: at(0)) == nil)
        let report = try #require(world.healths[1].record(.answered, of: &ticket, threshold: 5, now: at(0)))
        #expect(report.finding == .probeSucceeded && !world.healths[1].isUsable)
        let returned = try #require(world.judge(report, of: 1, now: at(131)))
        #expect(returned.status.standing == .serving && returned.status.reason == .connectFailed)
        #expect(world.healths[1].isUsable && world.healths[1].usableSince == at(131))
        #expect(world.detection.nextDeadline == .never && world.detection.status(of: 1) == returned.status)
        // The rest of that answer may fail; it has been judged.
        #expect(world.healths[1].record(.timeout, of: &ticket, threshold: 1, now: at(0)) == nil)
        #expect(world.judge(report, of: 1, now: at(132)) == nil)
    }

    @Test func staysOutLongerEachTimeUpToTheCap() throws {
        let world = OutlierWorld(2)
        var now = at(0)
        var change = try #require(world.fail(0, now))
        var times: [UInt64] = []
        for _ in 0..<13 {
            let until = try #require(change.status.until)
            times.append(until.since(now).count / 1_000_000_000)
            now = until
            #expect(world.advance(now).count == 1)
            change = try #require(world.probe(0, now, .timeout))
        }
        #expect(times == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300])
    }

    /// Each base time of good service takes one off.
    @Test(arguments: [(0, 3), (29, 3), (30, 2), (59, 2), (60, 1), (3600, 1)])
    func goodTimeIsRewarded(_ good: UInt64, _ ejections: Int) throws {
        let world = OutlierWorld(2)
        world.fail(0, at(0))
        _ = world.advance(at(30))
        world.probe(0, at(30), .timeout)
        _ = world.advance(at(90))
        #expect(world.probe(0, at(90), .answered)?.status.ejections == 2)
        let change = try #require(world.fail(0, at(90 + good)))
        #expect(change.status.ejections == ejections)
        #expect(change.status.until == at(90 + good + 30 * UInt64(ejections)))
    }

    @Test func longBaseTimesAreKeptAndNothingOverflows() throws {
        let world = OutlierWorld(2, base: 600)
        #expect(try #require(world.fail(0, at(0))).status.until == at(600))
        #expect(world.advance(at(600)).count == 1)
        #expect(try #require(world.probe(0, at(600), .timeout)).status.until == at(1200))
        let endless = OutlierWorld(2)
        endless.settings.baseEjectionTime = Nanoseconds(.max)
        _ = endless.update(at(0))
        #expect(try #require(endless.fail(0, at(1))).status.until == .never)
    }

    /// - Returns: how many of `count` are out after all have failed.
    private func outAfterAllFailed(_ count: Int, percent: Double) -> Int {
        let world = OutlierWorld(count, percent: percent)
        for index in 0..<count { world.fail(index, at(1)) }
        return world.out.count
    }

    @Test(arguments: [
        (1, 50.0, 0), (1, 100, 0), (2, 50, 1), (2, 1, 1), (2, 100, 1), (3, 50, 1), (4, 50, 2), (5, 50, 2), (10, 10, 1),
        (10, 34.9, 3), (10, 100, 9), (10, 0.1, 1), (10, 0, 0), (100, 50, 50),
    ])
    func keepsToThePercentageAndLeavesOne(_ count: Int, _ percent: Double, _ expected: Int) {
        #expect(outAfterAllFailed(count, percent: percent) == expected)
    }

    /// What the active check or an operator has taken away is not left.
    @Test func neverTakesTheLastOneThatWorks() {
        let world = OutlierWorld(3, percent: 100)
        world.healths[1].setUnhealthy(true, now: at(0))
        world.healths[2].setDraining(true, now: at(0))
        #expect(world.fail(0, at(1)) == nil && world.healths[0].isUsable)
        world.healths[2].setDraining(false, now: at(2))
        #expect(world.fail(0, at(3)) != nil)
        #expect(world.fail(2, at(4)) == nil && world.healths[2].isUsable)
    }

    /// One that could not be ejected is, once there is room and it has gone on failing.
    @Test func comesBackToThoseThatHadToStay() {
        let world = OutlierWorld(2)
        #expect(world.fail(0, at(0)) != nil && world.fail(1, at(1)) == nil && world.fail(1, at(2)) == nil)
        _ = world.advance(at(30))
        #expect(world.fail(1, at(31)) == nil, "the other is still on probation")
        world.probe(0, at(32), .answered)
        #expect(world.fail(1, at(33)) != nil && world.out == [1])
    }

    @Test(arguments: [(0, 50.0, 30), (5, 0, 30), (5, 50, 0)])
    func zeroTurnsItOff(_ errors: Int, _ percent: Double, _ base: UInt64) {
        let world = OutlierWorld(4, percent: percent, errors: errors, base: base)
        for index in 0..<4 { #expect((0..<10).allSatisfy { _ in world.fail(index, at(1)) == nil }) }
        #expect(world.out.isEmpty)
    }

    /// Requests that were under way say nothing about what comes after: neither errors nor answers.
    @Test func whatBeganBeforeIsNotCounted() throws {
        let world = OutlierWorld(3)
        var early = (0..<20).compactMap { _ in world.healths[0].begin(now: at(0)) }
        world.fail(0, at(0))
        #expect(world.healths[0].record(.answered, of: &early[0], threshold: 1, now: at(0)) == nil)
        #expect(world.healths[0].record(.timeout, of: &early[1], threshold: 1, now: at(0)) == nil)
        #expect(world.out == [0])
        _ = world.advance(at(30))
        #expect(world.healths[0].record(.timeout, of: &early[2], threshold: 1, now: at(0)) == nil)
        #expect(world.healths[0].record(.answered, of: &early[3], threshold: 1, now: at(0)) == nil)
        #expect(world.detection.status(of: 0)?.standing == .probing)
        world.probe(0, at(31), .answered)
        #expect(world.healths[0].record(.timeout, of: &early[4], threshold: 1, now: at(0)) == nil)
        #expect(world.out == [] && world.healths[0].consecutiveErrors == 0)
    }

    @Test func aProbeThatTaughtNothingIsFollowedByAnother() throws {
        let world = OutlierWorld(2)
        world.fail(0, at(0))
        _ = world.advance(at(30))
        #expect(world.probe(0, at(31), .neutral) == nil && world.healths[0].isUsable)
        #expect(world.probe(0, at(32), .answered)?.status.standing == .serving)
    }

    /// A probe that takes long keeps the endpoint out, but not for ever, and its late end counts.
    @Test(arguments: [EndpointOutcome.answered, .timeout]) func aLongProbeIsNotWaitedForAlone(_ end: EndpointOutcome)
        throws
    {
        let world = OutlierWorld(2)
        world.fail(0, at(0))
        _ = world.advance(at(30))
        var long = try #require(world.healths[0].begin(now: at(0)))
        #expect(world.detection.nextDeadline == at(31) && world.advance(at(30)) == [])
        #expect(!world.healths[0].isUsable)
        #expect(world.advance(at(31)) == [] && world.healths[0].isUsable)
        var second = try #require(world.healths[0].begin(now: at(0)))
        #expect(second.isProbe && world.healths[0].begin(now: at(0)) == nil)
        let report = try #require(world.healths[0].record(end, of: &long, threshold: 5, now: at(0)))
        let standing = try #require(world.judge(report, of: 0, now: at(70))).status.standing
        #expect(standing == (end == .answered ? .serving : .ejected))
        let late = try #require(world.healths[0].record(.timeout, of: &second, threshold: 5, now: at(0)))
        #expect(world.judge(late, of: 0, now: at(71)) == nil)
    }

    @Test func aCheckThatPassesAgainEndsTheWait() {
        let world = OutlierWorld(2)
        #expect(world.checkPassedAgain(0, at(0)) == nil)
        world.fail(0, at(1))
        #expect(world.checkPassedAgain(0, at(2))?.status.standing == .probing)
        #expect(world.checkPassedAgain(0, at(3)) == nil && world.checkPassedAgain(9, at(3)) == nil)
        // It is the request that decides, not the check.
        #expect(world.probe(0, at(4), .timeout)?.status.ejections == 2)
    }
}

@Suite struct OutlierReloadTests {
    @Test func whoStaysKeepsItsStanding() {
        let world = OutlierWorld(4)
        world.fail(0, at(0))
        let status = world.detection.status(of: 0)
        world.healths.append(EndpointHealth(since: at(10)))
        #expect(world.update(at(10)) == [] && world.detection.status(of: 0) == status && world.out == [0])
        #expect(world.detection.nextDeadline == at(30))
        // The same address with another record is another endpoint.
        world.healths[0] = EndpointHealth()
        #expect(world.update(at(11)) == [] && world.detection.status(of: 0)?.changed == nil)
        #expect(world.detection.nextDeadline == .never)
    }

    @Test func fewerThanAreOutMayBe() {
        let world = OutlierWorld(8)
        for index in 0..<4 { world.fail(index, at(UInt64(index))) }
        #expect(world.out == [0, 1, 2, 3])
        world.settings.maxEjectionPercent = 25
        // Those whose time would be over first.
        #expect(world.update(at(5)).map(\.endpoint) == [0, 1] && world.out == [2, 3])
        world.healths.removeLast(4)
        #expect(world.update(at(6)).map(\.endpoint) == [2] && world.out == [3])
        world.settings.consecutiveErrors = 0
        #expect(world.update(at(7)).map(\.endpoint) == [3] && world.out == [] && world.detection.maxOut == 0)
    }

    /// From the moment there are too many errors until somebody has judged them.
    @Test func isLeftAloneAtOnce() throws {
        let world = OutlierWorld(2, percent: 50)
        func tooMany(_ index: Int) throws -> EndpointHealth.Report {
            var report: EndpointHealth.Report?
            for _ in 0..<5 {
                #expect(world.healths[index].isUsable)
                var ticket = try #require(world.healths[index].begin(now: at(0)))
                report = world.healths[index].record(.timeout, of: &ticket, threshold: 5, suspends: true, now: at(0))
            }
            #expect(!world.healths[index].isUsable && world.healths[index].begin(now: at(0)) == nil)
            return try #require(report)
        }
        let (first, second) = (try tooMany(0), try tooMany(1))
        #expect(world.judge(first, of: 0, now: at(1)) == nil, "the other one is left alone as well")
        #expect(world.healths[0].isUsable && world.healths[0].standing == .serving)
        #expect(world.judge(second, of: 1, now: at(1)) != nil)
        #expect(world.out == [1] && !world.healths[1].isUsable)
        #expect(world.advance(at(31)).count == 1 && world.healths[1].isUsable, "nothing of it is left")
    }

    /// What a bad request may have caused is looked at twice.
    @Test(arguments: [true, false]) func whoAnswersOthersMeanwhileStays(_ answers: Bool) throws {
        let world = OutlierWorld(2)
        var report: EndpointHealth.Report?
        for _ in 0..<5 {
            var ticket = try #require(world.healths[0].begin(now: at(10)))
            report = world.healths[0].record(.reset, of: &ticket, threshold: 5, suspends: true, now: at(10))
        }
        let found = try #require(report)
        #expect(found.due == at(10) + EndpointHealth.doubt && world.healths[0].isUsable, "it goes on until then")
        if answers {
            var ticket = try #require(world.healths[0].begin(now: at(10)))
            let soon = at(10) + .milliseconds(50)
            _ = world.healths[0].record(.answered, of: &ticket, threshold: 5, now: soon)
        }
        #expect((world.judge(found, of: 0, now: found.due) == nil) == answers)
        #expect(world.out == (answers ? [] : [0]))
    }

    /// One bad request must not undo what the trial is for.
    @Test func aTrialThatItsRequestMayHaveFailedIsRepeated() throws {
        let world = OutlierWorld(2)
        world.fail(0, at(0))
        _ = world.advance(at(30))
        #expect(world.probe(0, at(30), .reset) == nil && world.healths[0].isUsable)
        #expect(world.probe(0, at(30), .malformed)?.status.standing == .ejected)
        _ = world.advance(at(90))
        #expect(world.probe(0, at(90), .reset) == nil)
        #expect(world.probe(0, at(90), .answered)?.status.standing == .serving)
    }

    @Test func reportsOfStrangersAreIgnored() throws {
        let world = OutlierWorld(2, errors: 1)
        var ticket = try #require(world.healths[1].begin(now: at(0)))
        let report = try #require(world.healths[1].record(.timeout, of: &ticket, threshold: 1, now: at(0)))
        world.healths.removeLast()
        _ = world.update(at(1))
        #expect(world.judge(report, of: 1, now: at(2)) == nil && world.detection.status(of: 1) == nil)
    }

    /// Of many threads that look at a probing endpoint one gets through.
    @Test func oneThreadGetsTheProbe() {
        let world = OutlierWorld(2)
        for round in 0..<50 as Range<UInt64> {
            let now = at(round * 1000)
            world.fail(0, now)
            _ = world.advance(now + .seconds(500))
            let probes = Atomic<Int>(0)
            let health = world.healths[0]
            DispatchQueue.concurrentPerform(iterations: 4) { _ in
                for _ in 0..<20 where health.isUsable {
                    if let ticket = health.begin(now: at(0)), ticket.isProbe { probes.add(1, ordering: .relaxed) }
                }
            }
            #expect(probes.load(ordering: .relaxed) == 1, "round \(round)")
            // The next round begins anew.
            world.healths[0] = EndpointHealth()
            _ = world.update(now + .seconds(501))
        }
    }
}
