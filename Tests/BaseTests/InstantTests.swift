import Base
import Testing

struct InstantTests {
    @Test func addsAndSaturates() {
        let start = Instant(nanoseconds: 100)
        #expect(start + Nanoseconds(5) == Instant(nanoseconds: 105))
        #expect(start + Nanoseconds(0) == start)
        #expect(start + Nanoseconds(.max) == .never)
        #expect(Instant.never + Nanoseconds(1) == .never)
        #expect(Instant(nanoseconds: .max - 1) + Nanoseconds(1) == .never)
        #expect(Instant(nanoseconds: .max - 2) + Nanoseconds(1) < .never)
    }

    @Test func measuresForwardsOnly() {
        let early = Instant(nanoseconds: 100)
        let late = Instant(nanoseconds: 250)
        #expect(late.since(early) == Nanoseconds(150))
        #expect(early.since(late) == Nanoseconds(0))
        #expect(early.since(early) == Nanoseconds(0))
        #expect(Instant.never.since(Instant(nanoseconds: 0)) == Nanoseconds(.max))
        #expect(early < late && late < .never && !(early < early))
    }

    @Test(
        arguments: [
            (Duration.zero, 0), (.nanoseconds(1), 1), (.microseconds(1), 1000), (.milliseconds(250), 250_000_000),
            (.seconds(5), 5_000_000_000), (.seconds(-1), 0), (.nanoseconds(-1), 0), (.milliseconds(-1500), 0),
            (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 0),
            (Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 709_551_615_000_000_000), UInt64.max),
            (Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 709_551_614_000_000_000), UInt64.max - 1),
            (.seconds(18_446_744_074), UInt64.max), (.seconds(Int64.max), UInt64.max),
        ] as [(Duration, UInt64)])
    func convertsDurations(_ duration: Duration, _ expected: UInt64) {
        #expect(Nanoseconds(duration).count == expected)
    }

    /// The last second that begins within 584 years does not end there.
    @Test func saturatesWithinTheLastSecond() {
        let duration = Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 999_999_999_000_000_000)
        #expect(Nanoseconds(duration).count == .max)
    }

    @Test func namesUnits() {
        #expect(Nanoseconds.milliseconds(3).count == 3_000_000)
        #expect(Nanoseconds.seconds(3).count == 3_000_000_000)
        #expect(Nanoseconds.milliseconds(999) < .seconds(1))
    }

    @Test func clocksGoForwards() {
        let first = Instant.now()
        #expect(first <= Instant.now())
        #expect(first < .never)
        // 2020-09-13 and 2100-01-01: the wall clock of any machine that runs this.
        #expect((1_600_000_000_000_000_000...4_102_444_800_000_000_000).contains(wallClockNanoseconds()))
    }
}
