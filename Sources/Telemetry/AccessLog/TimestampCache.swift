/// Writes RFC 3339 timestamps in UTC with microseconds. The text of the second is kept, since many lines share it.
struct TimestampCache {
    /// Where the second begins whose text is kept, in nanoseconds since the Unix epoch; `nil` before the first.
    private var start: Int64?
    /// `2026-11-21T09:22:00.`, in whole words.
    private var prefix = InlineArray<24, UInt8>(repeating: 0)

    /// Appends, for example, `2026-11-21T09:22:00.123456Z`. Times are nanoseconds since the Unix epoch; what 64 bits hold lies
    /// between the years 1677 and 2262, so a year always has four digits.
    mutating func append(_ time: Int64, to line: inout LineWriter) {
        var nanoseconds = UInt64.max
        if let start { nanoseconds = UInt64(bitPattern: time &- start) }
        if nanoseconds >= 1_000_000_000 { nanoseconds = refresh(time) }
        line.append(padded: prefix, count: 20)
        line.append(sixDigits: nanoseconds / 1000)
        line.append(byte: UInt8(ascii: "Z"))
    }

    /// - Returns: nanoseconds since the second began.
    private mutating func refresh(_ instant: Int64) -> UInt64 {
        let second = instant.floorDivided(by: 1_000_000_000)
        // The first second that 64 bits hold has begun before.
        let beginning = second &* 1_000_000_000
        start = beginning <= instant ? beginning : nil
        let day = second.floorDivided(by: 86_400)
        let time = second - day * 86_400
        let date = civilDate(daysSinceEpoch: day)
        put(date.year, at: 0, digits: 4)
        prefix[4] = UInt8(ascii: "-")
        put(date.month, at: 5, digits: 2)
        prefix[7] = UInt8(ascii: "-")
        put(date.day, at: 8, digits: 2)
        prefix[10] = UInt8(ascii: "T")
        put(time / 3600, at: 11, digits: 2)
        prefix[13] = UInt8(ascii: ":")
        put(time / 60 % 60, at: 14, digits: 2)
        prefix[16] = UInt8(ascii: ":")
        put(time % 60, at: 17, digits: 2)
        prefix[19] = UInt8(ascii: ".")
        return UInt64(truncatingIfNeeded: instant &- beginning)
    }

    private mutating func put(_ value: Int64, at position: Int, digits: Int) {
        var rest = value
        for offset in (position..<position + digits).reversed() {
            prefix[offset] = UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0")
            rest /= 10
        }
    }
}

/// The date in the proleptic Gregorian calendar. Years are counted from March, so that the leap day is a year's last, in eras
/// of 400 years, which all have the same number of days.
private func civilDate(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let daysFromMarchOfYear0: Int64 = 719_468
    let daysPerEra: Int64 = 146_097
    let days = daysSinceEpoch + daysFromMarchOfYear0
    let era = days.floorDivided(by: daysPerEra)
    let dayOfEra = days - era * daysPerEra
    // Take the leap days out: one in 4 years, but not in 100, but in 400.
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    // From March on, five months always have 153 days.
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
}

extension Int64 {
    /// Division that rounds down, for times before 1970. The divisor is positive.
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
