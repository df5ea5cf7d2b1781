/// The `grpc-timeout` field: how long a client waits for a call (gRPC over HTTP/2, "Timeout").
package enum GRPCTimeout {
    private static let maxDigits = 8

    /// Nanoseconds of a value: one to eight digits and a unit. `nil` if it is malformed; what does not fit, as 99999999
    /// hours do not, counts as the longest.
    package static func parse(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        guard let last = bytes.last, let unit = nanoseconds(ofUnit: last) else { return nil }
        let digits = bytes.count &- 1
        guard 1...maxDigits ~= digits else { return nil }
        var count: UInt64 = 0
        for index in 0..<digits {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            count = count &* 10 &+ UInt64(digit)
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? .max : product
    }

    private static func nanoseconds(ofUnit letter: UInt8) -> UInt64? {
        switch letter {
        case UInt8(ascii: "H"): 3_600_000_000_000
        case UInt8(ascii: "M"): 60_000_000_000
        case UInt8(ascii: "S"): 1_000_000_000
        case UInt8(ascii: "m"): 1_000_000
        case UInt8(ascii: "u"): 1_000
        case UInt8(ascii: "n"): 1
        default: nil
        }
    }
}
