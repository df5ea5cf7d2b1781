package import Base

/// What became of one attempt to hand spans over (OTLP, "OTLP/HTTP Response").
package enum ExportOutcome: Sendable, Equatable {
    /// Taken, but for this many spans.
    case accepted(rejected: Int)
    /// Not now; `after` is the least that the collector asks to wait.
    case later(after: Nanoseconds?)
    /// Never: the same would be refused again.
    case refused
    /// Nobody knows whether it was taken, or it cannot be sent at all.
    case lost

    /// - Parameters:
    ///   - status: of an answer that came whole.
    ///   - retryAfter: the value of its `Retry-After`.
    ///   - body: of the answer.
    package init(status: Int, retryAfter: String?, body: [UInt8]) {
        switch status {
        case 200..<300: self = .accepted(rejected: TraceMessages.rejectedSpans(in: body))
        case 429, 502, 503, 504: self = .later(after: retryAfter.flatMap(Self.seconds))
        default: self = .refused
        }
    }

    /// Whole seconds (RFC 9110 section 10.2.3). The other form, a date, is left to the ordinary wait.
    private static func seconds(_ text: String) -> Nanoseconds? {
        guard 1...9 ~= text.utf8.count, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt64(text).map { .seconds($0) }
    }
}
