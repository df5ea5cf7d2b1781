/// What may name a model or a version: valid UTF-8 (RFC 3629), which protobuf's strings have to be, without control
/// characters, which have no place in a log line or on a screen.
enum ModelName {
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index &+= 1
            if byte < 0x80 {
                if byte < 0x20 || byte == 0x7F { return false }
                continue
            }
            guard let form = form(of: byte) else { return false }
            guard bytes.count &- index >= form.following, form.second.contains(bytes[index]) else { return false }
            for place in 1..<form.following where bytes[index &+ place] & 0xC0 != 0x80 { return false }
            index &+= form.following
        }
        return true
    }

    /// How many bytes follow the first one of a character, and what the second may be: no character has two forms, none
    /// is half of a pair, none is beyond U+10FFFF.
    private static func form(of first: UInt8) -> (following: Int, second: ClosedRange<UInt8>)? {
        switch first {
        // U+0080 to U+009F are control characters.
        case 0xC2: (1, 0xA0...0xBF)
        case 0xC3...0xDF: (1, 0x80...0xBF)
        case 0xE0: (2, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (2, 0x80...0xBF)
        case 0xED: (2, 0x80...0x9F)
        case 0xF0: (3, 0x90...0xBF)
        case 0xF1...0xF3: (3, 0x80...0xBF)
        case 0xF4: (3, 0x80...0x8F)
        default: nil
        }
    }
}
