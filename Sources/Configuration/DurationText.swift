/// Durations as the configuration writes them: a decimal number and a unit, `250ms`, `1.5s`, `5m`, `1h`, `0s`.
package enum DurationText {
    /// Nanoseconds are what timers count in, so finer fractions are refused instead of rounded.
    private static let units: [(suffix: String, nanoseconds: Int64)] = [
        ("ms", 1_000_000), ("us", 1_000), ("ns", 1), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ]

    /// Reads a duration of zero or more.
    ///
    /// - Throws: `InvalidValue` for a missing or unknown unit, a sign, a fraction of a nanosecond, and for what does not fit
    ///   64 bits of nanoseconds (292 years).
    package static func parse(_ text: String) throws(InvalidValue) -> Duration {
        let digits = text.utf8.prefix {
            $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        let suffix = String(text.utf8.dropFirst(digits.count)) ?? ""
        guard !digits.isEmpty else {
            throw InvalidValue("is not a duration, write a number and a unit such as 250ms, 1.5s, 5m or 1h")
        }
        guard let unit = units.first(where: { $0.suffix == suffix }) else {
            throw InvalidValue(
                suffix.isEmpty
                    ? "needs a unit, write \(text)s for seconds or \(text)ms for milliseconds"
                    : "is not a duration, write one number and one of the units ms, s, m, h, such as 1.5s")
        }
        return .nanoseconds(try nanoseconds(Array(digits), per: unit.nanoseconds))
    }

    /// The shortest text that `parse` reads back as the same duration.
    package static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return "\(seconds)s" }
        let total = scaled &+ attoseconds / 1_000_000_000
        guard total != 0 else { return "0s" }
        let unit = units.sorted { $0.nanoseconds > $1.nanoseconds }.first { total % $0.nanoseconds == 0 }
        return unit.map { "\(total / $0.nanoseconds)\($0.suffix)" } ?? "\(total)ns"
    }

    private static func nanoseconds(_ digits: [UInt8], per unit: Int64) throws(InvalidValue) -> Int64 {
        let parts = digits.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw InvalidValue("is not a duration, write the number as 1.5 or 1")
        }
        var total: Int64 = 0
        for digit in parts[0] {
            total = try adding(Int64(digit - UInt8(ascii: "0")) * unit, to: total, times: 10)
        }
        var scale = unit
        for digit in parts.dropFirst().joined() {
            let value = Int64(digit - UInt8(ascii: "0"))
            guard scale % 10 == 0 || value == 0 else {
                throw InvalidValue("has a fraction of a nanosecond, write fewer decimals")
            }
            scale /= 10
            total = try adding(value * scale, to: total, times: 1)
        }
        return total
    }

    private static func adding(_ value: Int64, to total: Int64, times: Int64) throws(InvalidValue) -> Int64 {
        let (product, tooBig) = total.multipliedReportingOverflow(by: times)
        let (sum, overflow) = product.addingReportingOverflow(value)
        guard !tooBig, !overflow else { throw InvalidValue("is too long, the longest duration is 292 years") }
        return sum
    }
}
