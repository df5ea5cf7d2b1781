import Base
import Testing
import Traffic

@Suite struct HealthActiveTests {
    private static let refused = ActiveHealth.ProbeResult.failed("connection refused")

    private static func check(
        unhealthy: Int = 2, healthy: Int = 1, random: inout RandomSource
    ) -> ActiveHealth {
        var settings = ActiveHealth.Settings()
        settings.unhealthyThreshold = unhealthy
        settings.healthyThreshold = healthy
        return ActiveHealth(settings: settings, now: Instant(nanoseconds: 0), random: &random)
    }

    /// Probes with these results, as letters: o for ok, n for not ready, f for failed. What comes back has a letter for
    /// each: u for usable, d for down, and capitals where it changed.
    private static func run(_ letters: String, unhealthy: Int, healthy: Int) -> String {
        var random = RandomSource(seed: 1)
        var check = Self.check(unhealthy: unhealthy, healthy: healthy, random: &random)
        return String(
            letters.map { letter -> Character in
                let now = check.nextProbe
                check.begin(now: now)
                let result: ActiveHealth.ProbeResult = letter == "o" ? .ok : letter == "n" ? .notReady : refused
                let isChange = check.finish(result, now: now + .milliseconds(3), random: &random)
                if check.changed == now + .milliseconds(3) && !isChange { return "?" }
                if check.lastResult != result { return "?" }
                return check.state.isUsable ? isChange ? "U" : "u" : isChange ? "D" : "d"
            })
    }

    @Test(arguments: [
        // The first result counts at once, whatever the thresholds.
        ("o", 2, 1, "U"), ("f", 2, 1, "D"), ("n", 3, 3, "D"), ("o", 3, 3, "U"),
        ("offffo", 2, 1, "UuDddU"), ("ofofoffof", 2, 1, "UuuuuuDUu"), ("onfoo", 2, 1, "UuDUu"),
        ("offfooofoo", 3, 2, "UuuDdUuuuu"), ("ffofoofo", 1, 2, "DddddUDd"), ("oooo", 1, 1, "Uuuu"),
        ("ofof", 1, 1, "UDUD"), ("fofofoo", 1, 2, "DdddddU"),
    ])
    func thresholdsCountInARow(_ results: String, _ unhealthy: Int, _ healthy: Int, _ expected: String) {
        #expect(Self.run(results, unhealthy: unhealthy, healthy: healthy) == expected)
    }

    @Test func isUsedUntilItIsKnown() {
        var random = RandomSource(seed: 4)
        var check = Self.check(random: &random)
        #expect(check.state == .unknown && check.state.isUsable && check.changed == nil)
        check.begin(now: check.nextProbe)
        #expect(check.state.isUsable && check.nextProbe == .never)
        #expect(check.finish(.notReady, now: Instant(nanoseconds: 5), random: &random))
        #expect(check.state == .unhealthy(reason: .notReady) && check.changed == Instant(nanoseconds: 5))
        // The reason is the latest, the time that of the change.
        check.begin(now: check.nextProbe)
        #expect(!check.finish(Self.refused, now: Instant(nanoseconds: 9), random: &random))
        #expect(check.state == .unhealthy(reason: Self.refused) && check.changed == Instant(nanoseconds: 5))
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func probesAreJitteredAndNeverOverlap(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        var check = Self.check(random: &random)
        #expect(check.nextProbe < Instant(nanoseconds: 0) + .milliseconds(200), "the first at once")
        var total: UInt64 = 0
        for _ in 0..<200 {
            let start = check.nextProbe
            check.begin(now: start)
            #expect(check.nextProbe == .never && check.probeDeadline == start + .seconds(1))
            _ = check.finish(.ok, now: start + .milliseconds(700), random: &random)
            let gap = check.nextProbe.since(start)
            #expect(gap >= .milliseconds(1800) && gap <= .milliseconds(2200) && check.probeDeadline == .never)
            total += gap.count
        }
        #expect(abs(Double(total) / 200 - 2e9) < 4e7)
    }

    /// Hundreds of endpoints do not fall into step.
    @Test func firstProbesAreSpread() {
        var random = RandomSource(seed: 9)
        let starts = (0..<400).map { _ in Self.check(random: &random).nextProbe.nanoseconds / 20_000_000 }
        let tenths = (0..<10).map { tenth in starts.count { $0 == tenth } }
        #expect(tenths.reduce(0, +) == 400 && tenths.allSatisfy { $0 > 15 && $0 < 75 }, "\(tenths)")
    }

    /// A timeout longer than the interval delays the next probe.
    @Test func aSlowProbeIsWaitedFor() {
        var random = RandomSource(seed: 2)
        var check = Self.check(random: &random)
        let start = check.nextProbe
        check.begin(now: start)
        _ = check.finish(Self.refused, now: start + .seconds(7), random: &random)
        #expect(check.nextProbe == start + .seconds(7))
    }

    @Test func aReloadKeepsTheStateAndHastens() {
        var random = RandomSource(seed: 3)
        var settings = ActiveHealth.Settings()
        settings.interval = .seconds(600)
        var check = ActiveHealth(settings: settings, now: Instant(nanoseconds: 0), random: &random)
        check.begin(now: check.nextProbe)
        let now = Instant(nanoseconds: 0) + .seconds(61)
        _ = check.finish(Self.refused, now: now, random: &random)
        let due = check.nextProbe
        check.update(settings: settings, now: now, random: &random)
        #expect(check.nextProbe == due, "nothing changed")
        settings.interval = .seconds(2)
        check.update(settings: settings, now: now, random: &random)
        #expect(check.nextProbe <= now + .milliseconds(2200) && check.state == .unhealthy(reason: Self.refused))
        // One under way goes on.
        check.begin(now: check.nextProbe)
        settings.interval = .seconds(1)
        check.update(settings: settings, now: now, random: &random)
        #expect(check.nextProbe == .never && check.settings == settings)
        settings.interval = Nanoseconds(0)
        check.update(settings: settings, now: now, random: &random)
        #expect(check.finish(.ok, now: now, random: &random) && check.nextProbe >= now)
    }
}
