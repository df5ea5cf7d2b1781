/// RFC 4648 section 4, read strictly: padding is required, unused bits are zero, nothing else is in between. So no two
/// texts stand for the same bytes.
package enum Base64 {
    /// Bytes that a text of `count` digits and `padding` stands for.
    private static func size(_ source: UnsafeRawBufferPointer) -> Int? {
        guard source.count % 4 == 0 else { return nil }
        guard source.count > 0 else { return 0 }
        let padding = source[source.count - 1] != 0x3D ? 0 : source[source.count - 2] != 0x3D ? 1 : 2
        return source.count / 4 * 3 - padding
    }

    /// Writes the bytes to `target` and returns how many; `nil` for what is not base64 or does not fit.
    static func decode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        guard let size = size(source), size <= target.count else { return nil }
        // Digits, without padding: 4 for each 3 bytes, 3 for 2 and 2 for 1.
        let digits = (size * 4 + 2) / 3
        var pending: UInt32 = 0
        var bits = 0
        var written = 0
        for index in 0..<digits {
            guard let value = value(source[index]) else { return nil }
            pending = pending << 6 | UInt32(value)
            bits &+= 6
            guard bits >= 8 else { continue }
            bits &-= 8
            target[written] = UInt8(truncatingIfNeeded: pending >> UInt32(bits))
            written &+= 1
        }
        // `bits` is 0, 2 or 4 here.
        return pending & ((1 << UInt32(bits)) &- 1) == 0 ? written : nil
    }

    /// The bytes a text stands for; `nil` for what is not base64.
    package static func decode(_ text: Substring) -> [UInt8]? {
        let source = Array(text.utf8)
        var bytes = [UInt8](repeating: 0, count: source.count)
        let count = source.withUnsafeBytes { source in bytes.withUnsafeMutableBytes { decode(source, into: $0) } }
        return count.map { Array(bytes.prefix($0)) }
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x41...0x5A: digit &- 0x41
        case 0x61...0x7A: digit &- 0x47
        case 0x30...0x39: digit &+ 4
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
