/// Text from elsewhere, such as the name of a route or the path of a request, fit for a terminal: whatever is in it, it
/// moves no cursor, changes no colour and turns no writing direction.
package enum Shown {
    /// Marks in a row that belong to one character; more only pile up over the neighbouring lines.
    private static let mostMarks = 3

    /// Characters that are not seen, or that do something, become `\x1b` or `\u{202e}`. Doing it twice changes nothing.
    package static func text(_ text: String) -> String {
        if text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) { return text }
        var result = ""
        var marks = 0
        for scalar in text.unicodeScalars {
            marks = isMark(scalar) ? marks + 1 : 0
            if isHarmless(scalar), marks <= mostMarks {
                result.unicodeScalars.append(scalar)
            } else {
                result += escape(scalar)
            }
        }
        return result
    }

    /// JSON with those control characters escaped that JSON itself lets stand: DEL, and C1, where U+009B begins what
    /// terminals obey. In valid JSON they are in strings only, so the meaning stays.
    package static func json(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == 0x7F {
                result += Array("\\u007f".utf8)
            } else if byte == 0xC2, index < bytes.count, 0x80...0x9F ~= bytes[index] {
                result += Array("\\u00\(String(bytes[index], radix: 16))".utf8)
                index += 1
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark: true
        default: false
        }
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        guard scalar.value < 0x80 else { return "\\u{\(digits)}" }
        return scalar.value < 0x10 ? "\\x0\(digits)" : "\\x\(digits)"
    }
}
