import HTTP
import Testing

/// RFC 9110 section 5.6.7.
struct HTTPDateTests {
    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (1, "Thu, 01 Jan 1970 00:00:01 GMT"),
            (86399, "Thu, 01 Jan 1970 23:59:59 GMT"),
            (86400, "Fri, 02 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (68_169_600, "Tue, 29 Feb 1972 00:00:00 GMT"), (94_694_399, "Sun, 31 Dec 1972 23:59:59 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (978_307_199, "Sun, 31 Dec 2000 23:59:59 GMT"),
            (1_234_567_890, "Fri, 13 Feb 2009 23:31:30 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (1_740_787_200, "Sat, 01 Mar 2025 00:00:00 GMT"), (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(UInt64, String)])
    func writes(_ seconds: UInt64, _ expected: String) {
        #expect(shown(HTTPDate.format(seconds)) == expected)
    }

    /// Day by day over four centuries, against a calendar that counts.
    @Test func agreesWithCounting() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        var (year, month, day, number) = (1970, 0, 1, 0)
        while year < 2371 {
            let expected = "\(weekdays[number % 7]), \(day < 10 ? "0" : "")\(day) \(months[month]) \(year) 00:00:00 GMT"
            let found = shown(HTTPDate.format(UInt64(number) * 86400))
            if found != expected { Issue.record("\(found) instead of \(expected)") }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            day += 1
            number += 1
            if day > lengths[month] + (month == 1 && isLeap ? 1 : 0) {
                day = 1
                month += 1
            }
            if month == 12 {
                month = 0
                year += 1
            }
        }
    }

    @Test func survivesAnyClock() {
        #expect(shown(HTTPDate.format(.max)).hasSuffix("GMT"))
        #expect(shown(HTTPDate.format(1 << 62)).hasSuffix("GMT"))
    }
}
