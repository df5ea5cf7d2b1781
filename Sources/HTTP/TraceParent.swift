import Base

/// What `traceparent` says (W3C Trace Context, section 3.2): the trace that a request belongs to, the span that sent it, and
/// what that has decided.
package struct TraceParent: Sendable, Equatable {
    /// `00-`, 32 and 16 digits and flags.
    @inlinable package static var textCount: Int { 55 }
    /// The sender keeps a record of the trace (section 3.2.2.5.1).
    package static let sampled: UInt8 = 1

    /// Never both 0.
    package var traceHigh: UInt64
    package var traceLow: UInt64
    /// Never 0.
    package var span: UInt64
    package var flags: UInt8

    package var isSampled: Bool { flags & Self.sampled != 0 }

    package init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, flags: UInt8) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.flags = flags
    }

    /// - Returns: `nil` for what is none. A later version may have more behind the flags, which nobody knows yet
    ///   (section 4.3).
    package init?(_ value: UnsafeRawBufferPointer) {
        let dash = UInt8(ascii: "-")
        guard value.count >= Self.textCount, value[2] == dash, value[35] == dash, value[52] == dash,
            let version = Self.digits(value, 0, 2), version != 0xFF,
            value.count == Self.textCount || (version > 0 && value[Self.textCount] == dash),
            let high = Self.digits(value, 3, 16), let low = Self.digits(value, 19, 16), high | low != 0,
            let span = Self.digits(value, 36, 16), span != 0, let flags = Self.digits(value, 53, 2)
        else { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, flags: UInt8(truncatingIfNeeded: flags))
    }

    /// Hexadecimal digits without capitals.
    private static func digits(_ value: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt64? {
        var number: UInt64 = 0
        for index in start..<(start &+ count) {
            let byte = value[index]
            guard let digit = hexValue(byte), lowercased(byte) == byte else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }

    /// Writes it as a version 00.
    ///
    /// - Parameter target: room for `textCount` bytes.
    package func write(to target: UnsafeMutablePointer<UInt8>) {
        let dash = UInt8(ascii: "-")
        (target[0], target[1], target[2]) = (UInt8(ascii: "0"), UInt8(ascii: "0"), dash)
        writeHex16(traceHigh, to: target + 3)
        writeHex16(traceLow, to: target + 19)
        (target[35], target[52]) = (dash, dash)
        writeEnd(to: target)
    }

    /// Writes span and flags only, where the same trace is written already.
    package func writeEnd(to target: UnsafeMutablePointer<UInt8>) {
        writeHex16(span, to: target + 36)
        target[53] = hexDigit(flags >> 4)
        target[54] = hexDigit(flags & 15)
    }
}
