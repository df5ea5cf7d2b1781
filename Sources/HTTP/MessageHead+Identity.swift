import Base

/// What a client says a request is called, where that can be passed on.
extension MessageHead {
    /// Longest id taken from a client; longer ones would only swell logs.
    private static let maxRequestID = 128

    /// The value of `x-request-id`: one, meant for the next hop too, printable and not endless; `nil` otherwise.
    package var requestID: HeadRange? {
        only(.xRequestID) { $0.count <= Self.maxRequestID && $0.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
    }

    /// The value of `traceparent`, if it is one.
    package var traceparent: HeadRange? { only(.traceparent) { TraceParent($0) != nil } }

    private func only(_ id: FieldName, where isUsable: (UnsafeRawBufferPointer) -> Bool) -> HeadRange? {
        var found: HeadRange?
        for index in 0..<fieldCount where field(index).id == id {
            // Two ids are two readings, and one that `Connection` keeps here would be missing at the endpoint.
            guard found == nil, !isNominated(index), !value(index).isEmpty, isUsable(value(index)) else { return nil }
            found = field(index).value
        }
        return found
    }
}
