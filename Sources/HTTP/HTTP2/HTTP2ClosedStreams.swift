/// What became of the last streams a client opened, so that frames which arrive for them late can be told from frames
/// that should not exist (RFC 9113 sections 5.1 and 5.1.1). Two bits for each of 256 streams; older ones are forgiven.
struct HTTP2ClosedStreams {
    enum Verdict { case fresh, ignored, closed, skipped }

    private static let count: Int32 = 256

    private(set) var last: Int32 = -1
    private var opened = SIMD4<UInt64>()
    /// This side ended them: the peer may not know yet.
    private var forgiven = SIMD4<UInt64>()

    /// - Parameter id: of a stream that is not open, odd.
    func verdict(_ id: Int32) -> Verdict {
        if id > last { return .fresh }
        if last &- id >= 2 &* Self.count { return .ignored }
        let (word, bit) = Self.place(id)
        if forgiven[word] & bit != 0 { return .ignored }
        return opened[word] & bit != 0 ? .closed : .skipped
    }

    mutating func open(_ id: Int32) {
        guard id > last else { return }
        // The places of streams that were passed over held older ones.
        let passed = min((Int(id) - Int(last)) / 2, Int(Self.count))
        for step in 0..<passed {
            let (word, bit) = Self.place(id &- 2 &* Int32(step))
            opened[word] &= ~bit
            forgiven[word] &= ~bit
        }
        let (word, bit) = Self.place(id)
        opened[word] |= bit
        last = id
    }

    mutating func forgive(_ id: Int32) {
        guard id <= last, last &- id < 2 &* Self.count else { return }
        let (word, bit) = Self.place(id)
        forgiven[word] |= bit
    }

    private static func place(_ id: Int32) -> (Int, UInt64) {
        let index = Int(id >> 1) & 255
        return (index >> 6, 1 << UInt64(index & 63))
    }
}
