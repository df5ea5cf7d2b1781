/// Where client bytes are made harmless. Both forms keep every line one line of printable text, and neither writes more than
/// `escapedSize(of:)` bytes.
extension LineWriter {
    /// The inside of a JSON string (RFC 8259 section 7): always valid UTF-8. Besides what JSON demands, the characters that
    /// terminals and line readers act on are escaped: DEL, C1 controls, U+2028 and U+2029.
    ///
    /// Not inlined: a line has a dozen of them, and code that is there once is fetched once.
    @inline(never)
    mutating func append(json bytes: UnsafeRawBufferPointer) {
        if bytes.count > AccessLogFormatter.fieldLimit || !append(ifPlain: bytes, floor: 0x20) {
            append(jsonEscaping: bytes)
        }
    }

    private mutating func append(jsonEscaping bytes: UnsafeRawBufferPointer) {
        let field = clipped(bytes)
        var index = 0
        while index < field.count { index &+= appendJSONCharacter(of: field, at: index) }
        if field.count < bytes.count { append("\\u2026") }
    }

    /// Printable ASCII only, for text lines: quotes and backslashes behind a backslash, all else as `\xHH`. Blanks are kept
    /// where quotes enclose the field, and are escaped where a blank ends it.
    mutating func append(printable bytes: UnsafeRawBufferPointer, quoted: Bool) {
        let floor: UInt8 = quoted ? 0x20 : 0x21
        if bytes.count <= AccessLogFormatter.fieldLimit, append(ifPlain: bytes, floor: floor) { return }
        let field = clipped(bytes)
        for byte in field {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(byte: UInt8(ascii: "\\"))
                append(byte: byte)
            case floor...0x7E: append(byte: byte)
            default:
                append("\\x")
                append(hexPair: byte)
            }
        }
        if field.count < bytes.count { append("...") }
    }

    /// Room that either form needs at most for a field: six bytes for each and an ellipsis.
    static func escapedSize(of bytes: UnsafeRawBufferPointer) -> Int {
        6 * min(bytes.count, AccessLogFormatter.fieldLimit) + 6
    }

    /// Escapes or passes the one character at `index` and says how many bytes it took.
    private mutating func appendJSONCharacter(of field: UnsafeRawBufferPointer, at index: Int) -> Int {
        let byte = field[index]
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case UInt8(ascii: "\n"): append("\\n")
        case UInt8(ascii: "\r"): append("\\r")
        case UInt8(ascii: "\t"): append("\\t")
        case 0x20...0x7E: append(byte: byte)
        case 0x00...0x7F: append(escape: UInt32(byte))
        default:
            let sequence = UTF8Sequence(in: field, at: index)
            if let scalar = sequence.scalar, scalar >= 0xA0, scalar != 0x2028, scalar != 0x2029 {
                append(UnsafeRawBufferPointer(rebasing: field[index..<index + sequence.length]))
            } else {
                append(escape: sequence.scalar ?? 0xFFFD)
            }
            return sequence.length
        }
        return 1
    }

    /// `\uHHHH`, for scalars of the basic plane.
    private mutating func append(escape scalar: UInt32) {
        append("\\u")
        append(hexPair: UInt8(truncatingIfNeeded: scalar >> 8))
        append(hexPair: UInt8(truncatingIfNeeded: scalar))
    }

    private mutating func append(hexPair byte: UInt8) {
        append(byte: hexDigit(byte >> 4))
        append(byte: hexDigit(byte & 15))
    }
}

private func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? value &+ UInt8(ascii: "0") : value &- 10 &+ UInt8(ascii: "a")
}

/// Cuts a long field, where possible not inside a character.
@inline(__always)
private func clipped(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    bytes.count <= AccessLogFormatter.fieldLimit ? bytes : cut(bytes)
}

private func cut(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let limit = AccessLogFormatter.fieldLimit
    var end = limit
    // A character has at most three continuation bytes.
    while end > limit - 3, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[..<end])
}
