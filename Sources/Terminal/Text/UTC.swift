/// Points in time as the API writes them (RFC 3339, UTC).
package enum UTC {
    /// Seconds since 1970-01-01T00:00:00Z; `nil` for what is no such time.
    package static func seconds(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        guard 20...40 ~= bytes.count, bytes[4] == dash, bytes[7] == dash, bytes[10] == UInt8(ascii: "T"),
            bytes[13] == colon, bytes[16] == colon, bytes.last == UInt8(ascii: "Z"),
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
            1...12 ~= month, 1...31 ~= day, hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction = 0.0
        if bytes.count > 20 {
            guard bytes[19] == UInt8(ascii: "."),
                let value = Double("0\(String(decoding: bytes[19..<(bytes.count - 1)], as: UTF8.self))")
            else { return nil }
            fraction = value
        }
        return Double(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) + fraction
    }

    /// `14:03:21`, with its date where that is not the day of `now` (seconds since 1970): short, because a screen has
    /// several. What is no time stays as it is.
    package static func clock(_ text: String, now: Double) -> String {
        guard let seconds = seconds(text) else { return text }
        let clock = String(text.utf8.dropFirst(11).prefix(8)) ?? text
        guard now.isFinite, (seconds / 86_400).rounded(.down) != (now / 86_400).rounded(.down) else { return clock }
        return "\(text.prefix(10)) \(clock)"
    }

    private static let dash = UInt8(ascii: "-")
    private static let colon = UInt8(ascii: ":")

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard 0x30...0x39 ~= digit else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that leap days come last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let inYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        // 719468: days from 0000-03-01 to 1970-01-01. A year below 1 is no time of ours, and rounds to something.
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + inYear - 719_468
    }
}
