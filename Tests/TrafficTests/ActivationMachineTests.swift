import Base
import Testing
import Traffic

struct ActivationMachineTests {
    typealias Action = ActivationMachine.Action

    private static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64((1000 + seconds) * 1e9)) }

    private static func machine(
        idleAfter: UInt64? = 60, startTimeout: UInt64 = 300,
        change: (inout ActivationMachine.Settings) -> Void = { _ in }
    ) -> ActivationMachine {
        var settings = ActivationMachine.Settings()
        settings.idleAfter = idleAfter.map { .seconds($0) }
        settings.startTimeout = .seconds(startTimeout)
        change(&settings)
        return ActivationMachine(settings, now: at(0))
    }

    /// One that was started by a request and runs since `at(2)`.
    private static func running(
        idleAfter: UInt64? = 60, change: (inout ActivationMachine.Settings) -> Void = { _ in }
    ) -> ActivationMachine {
        var machine = machine(idleAfter: idleAfter, change: change)
        _ = machine.demand(now: at(0))
        _ = machine.looked(isThere: false, now: at(1))
        _ = machine.ready(now: at(2))
        return machine
    }

    private func use(_ begun: UInt64, _ underWay: UInt64 = 0) -> HoldGate.Use {
        HoldGate.Use(begun: begun, underWay: underWay)
    }

    private let at = Self.at

    // MARK: Starting

    @Test func startsOnceForAnyNumberOfRequests() {
        var machine = Self.machine()
        #expect(machine.demand(now: at(0)) == [.look])
        #expect(machine.demand(now: at(0)) == [])
        #expect(machine.looked(isThere: false, now: at(1)) == [.close, .start])
        #expect(machine.state == .starting && machine.isOwn)
        #expect(machine.demand(now: at(1)) == [])
        #expect(machine.ready(now: at(2)) == [.open, .count(.started)])
        #expect(machine.state == .running)
        #expect(machine.demand(now: at(3)) == [])
    }

    @Test func usesWhatRunsAndDoesNotStopIt() {
        var machine = Self.machine()
        _ = machine.demand(now: at(0))
        #expect(machine.looked(isThere: true, now: at(1)) == [.open])
        #expect(!machine.isOwn)
        #expect(machine.observe(use(1), waiting: 0, now: at(2)) == [])
        #expect(machine.observe(use(1), waiting: 0, now: at(1000)) == [])
        // A request that finds nobody has it looked at again.
        #expect(machine.demand(now: at(1001)) == [.look])
        #expect(machine.looked(isThere: false, now: at(1001)) == [.close, .start])
    }

    @Test func whatDoesNotAnswerTheQuestionIsNotThere() {
        var machine = Self.machine()
        _ = machine.demand(now: at(0))
        #expect(machine.advance(now: at(4)) == [])
        #expect(machine.advance(now: at(5)) == [.close, .start])
    }

    // MARK: Failures

    @Test func waitsTwiceAsLongAfterEachFailure() {
        var machine = Self.machine()
        var now = 0.0
        for wait in [1.0, 2, 4, 8, 16, 32, 60, 60] {
            _ = machine.demand(now: at(now))
            if machine.state == .looking { _ = machine.looked(isThere: false, now: at(now)) }
            #expect(machine.state == .starting)
            let failed = machine.exited("no", now: at(now + 1))
            #expect(failed == [.fail(reason: "no", until: at(now + 1 + wait)), .count(.failed)])
            #expect(machine.demand(now: at(now + 1)) == [])
            #expect(machine.advance(now: at(now + 0.5 + wait)) == [])
            now += 1 + wait
            #expect(machine.advance(now: at(now)) == [.forgetFailure, .start])
        }
    }

    @Test func sleepsAfterAFailureIfNobodyComes() {
        var machine = Self.machine()
        _ = machine.demand(now: at(0))
        _ = machine.looked(isThere: false, now: at(0))
        _ = machine.couldNotStart("no such file", isThere: false, now: at(0))
        #expect(machine.advance(now: at(1)) == [.forgetFailure])
        #expect(machine.state == .asleep && machine.nextDeadline == .never)
    }

    @Test func stopsWhatIsNotReadyInTime() {
        var machine = Self.machine(startTimeout: 10)
        _ = machine.demand(now: at(0))
        _ = machine.looked(isThere: false, now: at(0))
        #expect(
            machine.advance(now: at(10)) == [
                .fail(reason: "it was not ready within 10 s", until: at(11)), .count(.failed), .terminate,
            ])
        #expect(machine.demand(now: at(10)) == [])
        #expect(machine.advance(now: at(20)) == [.kill])
        // Its end is the end of a failure, and is not told twice.
        #expect(machine.exited("signal 9", now: at(21)) == [])
        #expect(machine.advance(now: at(21)) == [.forgetFailure, .start])
    }

    // MARK: Crashes

    @Test func startsAtOnceWhatHasRunForAWhile() {
        var machine = Self.running()
        #expect(machine.exited("signal 11", now: at(20)) == [.close, .count(.crashed), .start])
    }

    @Test func waitsForWhatCrashesAtOnce() {
        var machine = Self.running()
        #expect(machine.exited("signal 11", now: at(3)) == [.close, .count(.crashed)])
        #expect(machine.advance(now: at(4)) == [.forgetFailure, .start])
        _ = machine.ready(now: at(5))
        #expect(machine.exited("signal 11", now: at(6)) == [.close, .count(.crashed)])
        #expect(machine.advance(now: at(8)) == [.forgetFailure, .start])
        _ = machine.ready(now: at(9))
        // From here on it takes so long that requests had better know.
        let actions = machine.exited("signal 11", now: at(10))
        #expect(actions.last == .fail(reason: "the model server ends again and again", until: at(14)))
    }

    @Test func leavesAloneWhatNobodyUsed() {
        var machine = Self.running(idleAfter: 60)
        #expect(machine.exited("it exited with status 0", now: at(70)) == [.close, .count(.crashed)])
        #expect(machine.state == .asleep)
        // Also where several had asked for it when it was started.
        var asked = Self.machine(idleAfter: 60)
        _ = asked.demand(now: at(0))
        _ = asked.looked(isThere: false, now: at(1))
        _ = asked.demand(now: at(1))
        _ = asked.ready(now: at(2))
        #expect(asked.exited("it exited with status 0", now: at(70)) == [.close, .count(.crashed)])
    }

    // MARK: Stopping

    @Test func stopsWhatIsIdle() {
        var machine = Self.running(idleAfter: 60)
        #expect(machine.observe(use(1, 1), waiting: 0, now: at(10)) == [])
        // A long request is use for as long as it takes, and so is one that waits.
        #expect(machine.observe(use(1, 1), waiting: 0, now: at(200)) == [])
        #expect(machine.observe(use(1), waiting: 1, now: at(300)) == [])
        #expect(machine.observe(use(1), waiting: 0, now: at(301)) == [])
        #expect(machine.observe(use(1), waiting: 0, now: at(359)) == [])
        #expect(machine.observe(use(1), waiting: 0, now: at(360)) == [.close])
        #expect(machine.state == .draining)
        #expect(machine.drained(now: at(361)) == [.terminate])
        #expect(machine.exited("it exited with status 0", now: at(362)) == [.count(.stopped)])
        #expect(machine.state == .asleep)
    }

    @Test func neverStopsWithoutIdleAfter() {
        var machine = Self.running(idleAfter: nil)
        #expect(machine.observe(use(0), waiting: 0, now: at(1_000_000)) == [])
    }

    @Test func goesOnForARequestThatComesWhileItDrains() {
        var machine = Self.running()
        _ = machine.observe(use(0), waiting: 0, now: at(100))
        #expect(machine.demand(now: at(101)) == [.open])
        #expect(machine.state == .running)
    }

    @Test func startsAgainForARequestThatComesWhileItStops() {
        var machine = Self.running()
        _ = machine.observe(use(0), waiting: 0, now: at(100))
        _ = machine.drained(now: at(100))
        #expect(machine.demand(now: at(101)) == [])
        #expect(machine.exited("it exited with status 0", now: at(102)) == [.count(.stopped), .start])
    }

    @Test func endsRequestsThatNeverEnd() {
        var machine = Self.running()
        _ = machine.observe(use(0), waiting: 0, now: at(100))
        #expect(machine.advance(now: at(129)) == [])
        #expect(machine.advance(now: at(130)) == [.terminate])
        #expect(machine.advance(now: at(140)) == [.kill])
        #expect(machine.nextDeadline == .never)
    }

    @Test func asksOthersBeforeItStopsWhatTheyMayUse() {
        var machine = Self.running { $0.confirmsIdle = true }
        #expect(machine.observe(use(0), waiting: 0, now: at(100)) == [.confirmIdle])
        #expect(machine.observe(use(0), waiting: 0, now: at(101)) == [])
        #expect(machine.foundIdle(false, now: at(102)) == [])
        #expect(machine.observe(use(0), waiting: 0, now: at(161)) == [])
        #expect(machine.observe(use(0), waiting: 0, now: at(162)) == [.confirmIdle])
        #expect(machine.foundIdle(true, now: at(163)) == [.close])
    }

    @Test func anAnswerThatComesTooLateIsNone() {
        var machine = Self.running { $0.confirmsIdle = true }
        #expect(machine.foundIdle(true, now: at(100)) == [])
        #expect(machine.observe(use(0), waiting: 0, now: at(100)) == [.confirmIdle])
        _ = machine.exited("signal 11", now: at(101))
        let state = machine.state
        #expect(machine.foundIdle(true, now: at(102)) == [] && machine.state == state)
    }

    /// A start that went well, and an end that was wanted, make up for what failed before.
    @Test func forgetsFailuresOnceItIsStopped() {
        var machine = Self.machine(idleAfter: 2)
        _ = machine.demand(now: at(0))
        _ = machine.looked(isThere: false, now: at(0))
        _ = machine.exited("no", now: at(0))
        _ = machine.demand(now: at(0))
        _ = machine.advance(now: at(1))
        _ = machine.ready(now: at(2))
        #expect(machine.observe(use(0), waiting: 0, now: at(4)) == [.close])
        _ = machine.drained(now: at(4))
        _ = machine.exited("", now: at(5))
        _ = machine.demand(now: at(6))
        _ = machine.looked(isThere: false, now: at(6))
        #expect(machine.exited("no", now: at(7)) == [.fail(reason: "no", until: at(8)), .count(.failed)])
    }

    // MARK: What others scale as well

    @Test func scalesDownWhatRanWhenItCame() {
        var machine = Self.machine { $0.ownsWhatRuns = true }
        #expect(machine.begin(now: at(0)) == [.look])
        #expect(machine.looked(isThere: true, now: at(1)) == [.open] && machine.isOwn)
        #expect(machine.observe(use(0), waiting: 0, now: at(61)) == [.close])
        // Nobody waits for what is not there.
        var absent = Self.machine { $0.ownsWhatRuns = true }
        _ = absent.begin(now: at(0))
        #expect(absent.looked(isThere: false, now: at(1)) == [.close] && absent.state == .asleep)
    }

    /// Somebody else may have scaled it down.
    @Test func looksAgainForARequestThatFindsNobody() {
        var machine = Self.running { $0.ownsWhatRuns = true }
        #expect(machine.demand(now: at(10)) == [.look])
        #expect(machine.looked(isThere: false, now: at(10)) == [.close, .start])
        var own = Self.running()
        #expect(own.demand(now: at(10)) == [] && own.state == .running)
    }

    // MARK: Changes

    @Test func replacesWhatHasChangedOnceNobodyUsesIt() {
        var machine = Self.running()
        #expect(machine.replace(atOnce: false, now: at(10)) == [])
        #expect(machine.observe(use(1, 1), waiting: 0, now: at(11)) == [])
        #expect(machine.observe(use(1), waiting: 0, now: at(12)) == [])
        #expect(machine.observe(use(1), waiting: 0, now: at(12.25)) == [.close])
        // It drains to be replaced, so nobody keeps it.
        #expect(machine.demand(now: at(12)) == [])
        #expect(machine.drained(now: at(13)) == [.terminate])
        #expect(machine.exited("", now: at(14)) == [.count(.stopped), .start])
        // Once.
        _ = machine.ready(now: at(15))
        #expect(machine.observe(use(1), waiting: 0, now: at(16)) == [] && machine.state == .running)
    }

    @Test func triesAtOnceWhatHasFailedAndChanged() {
        var machine = Self.machine()
        _ = machine.demand(now: at(0))
        _ = machine.looked(isThere: false, now: at(0))
        _ = machine.couldNotStart("no such file", isThere: false, now: at(0))
        #expect(machine.demand(now: at(0.1)) == [] && machine.advance(now: at(0.2)) == [])
        #expect(machine.replace(atOnce: false, now: at(0.3)) == [])
        #expect(machine.advance(now: at(0.3)) == [.forgetFailure, .start])
    }

    @Test func replacesAtOnceWhatIsElsewhereNow() {
        var machine = Self.running()
        #expect(machine.replace(atOnce: true, now: at(10)) == [.close])
        #expect(machine.drained(now: at(11)) == [.terminate])
        #expect(machine.exited("", now: at(12)) == [.count(.stopped), .start])
    }

    @Test func endsForGood() {
        var machine = Self.running()
        #expect(machine.end(drains: false, now: at(10)) == [.terminate])
        #expect(machine.demand(now: at(11)) == [] && !machine.hasEnded)
        #expect(machine.exited("", now: at(12)) == [.count(.stopped)] && machine.hasEnded)
        var sleeping = Self.machine()
        #expect(sleeping.end(drains: true, now: at(1)) == [] && sleeping.hasEnded)
        var starting = Self.machine()
        _ = starting.demand(now: at(0))
        _ = starting.looked(isThere: false, now: at(0))
        #expect(starting.end(drains: true, now: at(1)) == [.terminate])
        #expect(starting.exited("", now: at(2)) == [.count(.stopped)] && starting.hasEnded)
    }

    @Test func endsOnceNobodyHasARequestThere() {
        var machine = Self.running()
        #expect(machine.end(drains: true, now: at(10)) == [.close] && machine.state == .draining)
        #expect(machine.end(drains: true, now: at(11)) == [])
        #expect(machine.drained(now: at(12)) == [.terminate])
        // Who is in a hurry does not wait for them.
        var other = Self.running()
        _ = other.end(drains: true, now: at(10))
        #expect(other.end(drains: false, now: at(11)) == [.terminate])
    }

    // MARK: Takeover

    @Test func goesOnWithWhatAnotherHasStarted() {
        var machine = Self.machine(idleAfter: 10)
        machine.mayStop = false
        #expect(machine.adopt(isReady: true, now: at(0)) == [.look])
        #expect(machine.looked(isThere: true, now: at(0)) == [.open])
        #expect(machine.observe(use(0), waiting: 0, now: at(20)) == [])
        machine.mayStop = true
        #expect(machine.observe(use(0), waiting: 0, now: at(21)) == [.close])
        #expect(machine.drained(now: at(22)) == [.terminate])
    }

    /// The address may have changed with the gateway.
    @Test func doesNotStartASecondBesideOneThatWasTakenOver() {
        var machine = Self.machine(startTimeout: 10)
        _ = machine.adopt(isReady: true, now: at(0))
        #expect(machine.looked(isThere: false, now: at(1)) == [])
        #expect(machine.state == .starting && machine.demand(now: at(2)) == [])
        #expect(machine.advance(now: at(11)).last == .terminate)
    }

    @Test func startsAndStopsNothingThatIsAnothers() {
        var machine = Self.running(idleAfter: 10)
        machine.follow(now: at(10))
        #expect(machine.observe(use(0), waiting: 0, now: at(100)) == [])
        #expect(machine.end(drains: false, now: at(100)) == [])
        var other = Self.running(idleAfter: nil)
        other.follow(now: at(10))
        // It crashes: the other process starts it again, and this one waits for a while.
        #expect(other.exited("", now: at(20)) == [.close])
        #expect(other.state == .starting)
        #expect(other.ready(now: at(21)) == [.open])
        // But not as long as for a start of its own.
        _ = other.exited("", now: at(40))
        #expect(
            other.advance(now: at(50)) == [.fail(reason: "the gateway is being replaced, ask again", until: at(51))])
    }

    @Test func whatIsAnothersStaysSoWhenItIsLookedAt() {
        var machine = Self.running(idleAfter: 10) { $0.ownsWhatRuns = true }
        machine.follow(now: at(10))
        #expect(machine.demand(now: at(11)) == [.look])
        #expect(machine.looked(isThere: true, now: at(11)) == [.open] && !machine.isOwn)
        #expect(machine.observe(use(0), waiting: 0, now: at(100)) == [])
    }

    /// The other process decides whether it is still to be stopped.
    @Test func doesNotDrainWhatIsAnothers() {
        var machine = Self.running()
        _ = machine.observe(use(0), waiting: 0, now: at(100))
        machine.follow(now: at(101))
        #expect(machine.state == .running && machine.drained(now: at(102)) == [])
    }

    @Test func startsAgainWhatEndsBeforeItHasAnswered() {
        var machine = Self.machine()
        _ = machine.adopt(isReady: true, now: at(0))
        #expect(machine.exited("signal 9", now: at(0.5)) == [.close, .count(.crashed)])
        #expect(machine.advance(now: at(1.5)) == [.forgetFailure, .start])
    }
}
