import Base
import Testing

@testable import Traffic

struct MemoryGuardTests {
    private var guardian = MemoryGuard(limit: 1_000_000)
    private var now = Instant(nanoseconds: 1_000_000_000_000)

    /// - Parameter share: of the limit, in thousandths.
    private mutating func observe(
        _ share: Int, isBusy: Bool = true, after time: Nanoseconds = .milliseconds(10)
    ) -> MemoryLevel {
        now = now + time
        return guardian.observe(share * 1000, isBusy: isBusy, now: now)
    }

    @Test(arguments: [
        (0, MemoryLevel.normal), (699, .normal), (700, .watched), (899, .watched), (900, .tight), (999, .tight),
        (1000, .shedding), (1199, .shedding), (1200, .closed), (9000, .closed),
    ])
    mutating func eachLevelHasItsThreshold(share: Int, level: MemoryLevel) {
        #expect(observe(share) == level)
    }

    @Test mutating func aLevelEndsBelowItsThreshold() {
        #expect(observe(1000) == .shedding)
        #expect(observe(951) == .shedding)
        #expect(observe(949) == .tight)
        #expect(observe(999) == .tight, "it does not begin again before its threshold")
        #expect(observe(851) == .tight)
        #expect(observe(849) == .watched)
        #expect(observe(649) == .normal)
        #expect(observe(1300) == .closed)
        #expect(observe(1151) == .closed)
        #expect(observe(1149) == .shedding)
        #expect(observe(10) == .normal)
    }

    @Test mutating func itLooksOftenWhileItMatters() {
        _ = observe(100)
        let relaxed = guardian.interval
        _ = observe(800)
        #expect(guardian.interval < relaxed)
        _ = observe(100)
        #expect(guardian.interval == relaxed)
    }

    @Test mutating func memoryThatNobodyGivesBackDoesNotRefuseForEver() {
        #expect(observe(1050) == .shedding)
        #expect(guardian.shedAt == 1_000_000)
        #expect(observe(1050, isBusy: false, after: .seconds(2)) == .shedding)
        // Somebody was busy meanwhile: it begins anew.
        #expect(observe(1050, isBusy: true, after: .seconds(2)) == .shedding)
        #expect(observe(1050, isBusy: false, after: .seconds(2)) == .shedding)
        #expect(observe(1050, isBusy: false, after: .seconds(2)) == .shedding)
        #expect(observe(1050, isBusy: false, after: .seconds(2)) == .tight)
        #expect(guardian.floor == 1_050_000)
        #expect(guardian.shedAt == 1_100_000)

        // From there on that counts which comes on top.
        #expect(observe(1099) == .tight)
        #expect(observe(1100) == .shedding)
        #expect(observe(1080) == .shedding)
        #expect(observe(1069) == .tight)
        #expect(observe(1250) == .closed)
        #expect(observe(949) == .tight, "and when it is given back after all, the limit counts again")
        #expect(guardian.floor == nil)
        #expect(observe(1000) == .shedding)
    }

    @Test mutating func anIdleGatewayBelowItsLimitIsNotStuck() {
        for _ in 0..<10 { #expect(observe(990, isBusy: false, after: .seconds(5)) == .tight) }
        #expect(guardian.floor == nil)
    }

    @Test func anyLimitIsOne() {
        for limit in [Int.min, -1, 0, 1, Int.max] {
            var guardian = MemoryGuard(limit: limit)
            for bytes in [0, 1, Int.max / 2] { _ = guardian.observe(bytes, isBusy: false, now: now) }
        }
    }
}
