import Foundation

/// Times as the operator's API writes them: RFC 3339, in UTC.
enum TimeText {
    /// To the second.
    ///
    /// - Parameter time: in seconds since the Unix epoch.
    static func seconds(_ time: Double) -> String { Date(timeIntervalSince1970: time).ISO8601Format() }

    /// To the millisecond.
    ///
    /// - Parameter time: in nanoseconds since the Unix epoch.
    static func milliseconds(_ time: UInt64) -> String {
        Date(timeIntervalSince1970: Double(time) / 1e9).ISO8601Format(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
