/// Tells one configuration from another: FNV-1a in 64 bits (draft-eastlake-fnv). Not for security.
struct ContentHash {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    /// The length goes first, so that bytes cannot move from one file to the next unnoticed.
    mutating func add(_ bytes: [UInt8]) {
        var length = UInt64(bytes.count)
        for _ in 0..<8 {
            add(UInt8(truncatingIfNeeded: length))
            length >>= 8
        }
        for byte in bytes { add(byte) }
    }

    private mutating func add(_ byte: UInt8) {
        state = (state ^ UInt64(byte)) &* 0x100_0000_01b3
    }

    /// 16 lower-case hexadecimal digits.
    var text: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
