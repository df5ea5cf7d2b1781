import Testing

@testable import Terminal

@Suite struct NumbersTests {
    @Test(
        arguments: [
            (0, "0/s"), (0.01, "<0.1/s"), (3.44, "3.4/s"), (3, "3/s"), (9.96, "10/s"), (960, "960/s"), (999.4, "999/s"),
            (999.6, "1.0k/s"), (1234, "1.2k/s"), (12_345, "12k/s"), (2e6, "2M/s"), (-1, "0/s"),
            (1e300, "1000000000000G/s"),
            (.infinity, "-"), (.nan, "-"), (nil, "-"),
        ] as [(Double?, String)])
    func rates(_ value: Double?, _ text: String) { #expect(Numbers.rate(value) == text) }

    @Test(
        arguments: [
            (0, "0 ms"), (0.000_34, "340 µs"), (0.003_44, "3.4 ms"), (0.012, "12 ms"), (0.999_4, "999 ms"),
            (1.24, "1.2 s"),
            (9.96, "10 s"), (95, "95 s"), (180, "3 min"), (-1, "0 ms"), (1e300, "1000000000000 min"), (nil, "-"),
        ] as [(Double?, String)])
    func times(_ value: Double?, _ text: String) { #expect(Numbers.time(value) == text) }

    @Test(
        arguments: [
            (0, "0 %"), (0.000_1, "<0.1 %"), (0.004, "0.4 %"), (0.8, "80 %"), (0.798, "79.8 %"), (1, "100 %"),
            (nil, "-"),
        ] as [(Double?, String)])
    func shares(_ value: Double?, _ text: String) { #expect(Numbers.share(value) == text) }

    @Test func others() {
        #expect([42, 785, 7980, 273_600].map { Numbers.age(Double($0)) } == ["42s", "13m 5s", "2h 13m", "3d 4h"])
        #expect(Numbers.age(.infinity) == "-")
        #expect(
            [0, 512, 1536, 43_000_000, 1_288_490_189].map(Numbers.bytes) == [
                "0 B", "512 B", "1.5 KiB", "41 MiB", "1.2 GiB",
            ])
        #expect([-3, 0, 9999, 12_345, Int.max].map(Numbers.count) == ["-3", "0", "9999", "12k", "9223372T"])
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-22T01:02:03Z", 1_795_309_323),
            ("2024-02-29T12:00:00.5Z", 1_709_208_000.5),
            ("2024-02-30T12:00:00", nil), ("2024-13-01T12:00:00Z", nil), ("", nil), ("2024-02-29T12:00:00+01:00", nil),
            ("2024-02-29T12:00:00.xZ", nil),
        ] as [(String, Double?)])
    func timesOfTheAPI(_ text: String, _ seconds: Double?) { #expect(UTC.seconds(text) == seconds) }

    @Test func clocks() {
        let now = 1_795_309_323.0
        #expect(UTC.clock("2026-11-22T00:59:58Z", now: now) == "00:59:58")
        #expect(UTC.clock("2026-11-21T23:59:58Z", now: now) == "2026-11-21 23:59:58")
        #expect(UTC.clock("soon", now: now) == "soon")
    }

    @Test func bars() {
        #expect(Bar.text(0, columns: 4) == "")
        #expect(Bar.text(0.5, columns: 4) == "██")
        #expect(Bar.text(0.53, columns: 4) == "██▏")
        #expect(Bar.text(7, columns: 4) == "████")
        #expect(Bar.text(.nan, columns: 4) == "")
    }
}
