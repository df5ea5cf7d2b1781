/// One step through bytes that claim to be UTF-8, by table 3-7 of the Unicode Standard.
struct UTF8Sequence {
    /// Bytes it takes, 1...4. An ill-formed one is cut where a well-formed one may begin, as the standard recommends for
    /// substitution by U+FFFD (section 3.9).
    var length: Int
    /// `nil` if ill-formed.
    var scalar: UInt32?

    /// Reads the sequence that begins at `index`, which must be inside the bytes.
    init(in bytes: UnsafeRawBufferPointer, at index: Int) {
        let lead = bytes[index]
        var bounds: (low: UInt8, high: UInt8) = (0x80, 0xBF)
        let following: Int
        var value: UInt32
        switch lead {
        case 0x00...0x7F:
            (length, scalar) = (1, UInt32(lead))
            return
        case 0xC2...0xDF: (following, value) = (1, UInt32(lead & 0x1F))
        case 0xE0...0xEF:
            (following, value) = (2, UInt32(lead & 0x0F))
            // No overlong forms and no surrogates.
            if lead == 0xE0 { bounds.low = 0xA0 }
            if lead == 0xED { bounds.high = 0x9F }
        case 0xF0...0xF4:
            (following, value) = (3, UInt32(lead & 0x07))
            // No overlong forms and nothing above U+10FFFF.
            if lead == 0xF0 { bounds.low = 0x90 }
            if lead == 0xF4 { bounds.high = 0x8F }
        default:
            length = 1
            return
        }
        length = 1
        while length <= following {
            guard index + length < bytes.count else { return }
            let byte = bytes[index + length]
            guard byte >= bounds.low, byte <= bounds.high else { return }
            value = value << 6 | UInt32(byte & 0x3F)
            bounds = (0x80, 0xBF)
            length += 1
        }
        scalar = value
    }
}
