/// Numbers as people read them: two or three digits and a unit. Whatever comes over the network is formatted, never trapped
/// on.
package enum Numbers {
    /// What stands where nothing is known.
    package static let unknown = "-"

    /// A rate per second: `0/s`, `3.4/s`, `960/s`, `1.2k/s`.
    package static func rate(_ value: Double?) -> String {
        guard let value, value.isFinite else { return unknown }
        if value > 0, value < 0.05 { return "<0.1/s" }
        return scaled(max(0, value), [("", 1), ("k", 1e3), ("M", 1e6), ("G", 1e9)]) + "/s"
    }

    /// A number of things: `7`, `960`, `12k`.
    package static func count(_ value: Int) -> String {
        value < 10_000 ? String(value) : scaled(Double(value), [("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)])
    }

    /// Seconds: `340 µs`, `3.4 ms`, `12 ms`, `1.2 s`, `95 s`, `3 min`.
    package static func time(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite else { return unknown }
        let value = max(0, seconds)
        if value < 0.000_000_5 { return "0 ms" }
        if value < 0.000_999_5 { return "\(fixed(value * 1e6, 0)) µs" }
        if value < 0.009_95 { return "\(fixed(value * 1e3, 1)) ms" }
        if value < 0.999_5 { return "\(fixed(value * 1e3, 0)) ms" }
        if value < 9.95 { return "\(fixed(value, 1)) s" }
        return value < 119.5 ? "\(fixed(value, 0)) s" : "\(fixed(value / 60, 0)) min"
    }

    /// How long something has been there: `42s`, `13m 5s`, `2h 13m`, `3d 4h`.
    package static func age(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite else { return unknown }
        let whole = Int(min(max(0, seconds), 1e12))
        if whole < 60 { return "\(whole)s" }
        if whole < 3600 { return "\(whole / 60)m \(whole % 60)s" }
        return whole < 86_400 ? "\(whole / 3600)h \(whole / 60 % 60)m" : "\(whole / 86_400)d \(whole / 3600 % 24)h"
    }

    /// A part of the whole, 0...1: `0 %`, `<0.1 %`, `0.4 %`, `80 %`, `79.8 %`.
    package static func share(_ part: Double?) -> String {
        guard let part, part.isFinite else { return unknown }
        let percent = max(0, part) * 100
        if percent > 0, percent < 0.05 { return "<0.1 %" }
        let text = fixed(percent, 1)
        return (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + " %"
    }

    /// `41 MiB`, `1.2 GiB`.
    package static func bytes(_ value: Int) -> String {
        let units = [("B", 1.0), ("KiB", 1024), ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("TiB", 1_099_511_627_776)]
        return scaled(Double(max(0, value)), units.map { (" " + $0.0, $0.1) })
    }

    /// One decimal below ten of a unit, none from there on.
    private static func scaled(_ value: Double, _ units: [(name: String, size: Double)]) -> String {
        var index = 0
        // 999.5 would be written as 1000.
        while index + 1 < units.count, value >= units[index + 1].size * 0.9995 { index += 1 }
        let number = value / units[index].size
        let decimals = number < 9.95 && number != number.rounded() ? 1 : 0
        return fixed(number, decimals) + units[index].name
    }

    /// With `decimals` (0 or 1) behind the point; beyond a million millions all are alike.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        let factor = decimals == 0 ? 1.0 : 10
        let whole = Int((min(max(0, value), 1e12) * factor).rounded())
        return decimals == 0 ? String(whole) : "\(whole / 10).\(whole % 10)"
    }
}
