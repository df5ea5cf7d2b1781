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
    }
}
