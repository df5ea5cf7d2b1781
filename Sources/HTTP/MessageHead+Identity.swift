import Base

/// What a client says a request is called, where that can be passed on.
extension MessageHead {
    /// Longest id taken from a client; longer ones would only swell logs.
    private static let maxRequestID = 128
    /// `00-`, 32 and 16 digits and flags (W3C Trace Context, section 3.2).
    package static let traceparentCount = 55

    /// The value of `x-request-id`: one, meant for the next hop too, printable and not endless; `nil` otherwise.
    package var requestID: HeadRange? {
        only(.xRequestID) { $0.count <= Self.maxRequestID && $0.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
    }

    /// The value of `traceparent`, if it is one.
    package var traceparent: HeadRange? { only(.traceparent, where: Self.isTraceparent) }

    private func only(_ id: FieldName, where isUsable: (UnsafeRawBufferPointer) -> Bool) -> HeadRange? {
        var found: HeadRange?
        for index in 0..<fieldCount where field(index).id == id {
            // Two ids are two readings, and one that `Connection` keeps here would be missing at the endpoint.
            guard found == nil, !isNominated(index), !value(index).isEmpty, isUsable(value(index)) else { return nil }
            found = field(index).value
        }
        return found
    }

    private static func isTraceparent(_ value: UnsafeRawBufferPointer) -> Bool {
        guard value.count == traceparentCount, value[0] == 0x30, value[1] == 0x30 else { return false }
        var anyTrace: UInt8 = 0
        var anyParent: UInt8 = 0
        for index in 2..<traceparentCount {
            let byte = value[index]
            if index == 2 || index == 35 || index == 52 {
                if byte != 0x2D { return false }
                continue
            }
            guard let digit = hexValue(byte), lowercased(byte) == byte else { return false }
            if index < 35 { anyTrace |= digit } else if index < 52 { anyParent |= digit }
        }
        return anyTrace != 0 && anyParent != 0
    }
}
