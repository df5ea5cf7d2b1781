/// Finds its way in a JSON text that is whole and small (RFC 8259), without making anything of it: where values end, and what
/// strings say.
struct JSONText {
    /// Deeper texts are none here. Triton's own limit is 100.
    private static let maxDepth = 100

    let bytes: [UInt8]
    private var offset = 0

    private struct Malformed: Error {}

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether the text is one value and nothing else.
    static func isValue(_ bytes: [UInt8]) -> Bool {
        var text = JSONText(bytes)
        return (try? text.whole { (text) throws(Malformed) in try text.value(depth: 0) }) != nil
    }

    /// The elements of an array, each as it is written; `nil` for what is no array.
    static func elements(_ bytes: [UInt8]) -> [ArraySlice<UInt8>]? {
        var text = JSONText(bytes)
        var found: [ArraySlice<UInt8>] = []
        let isArray =
            (try? text.whole { (text) throws(Malformed) in
                try text.list("[", "]") { (text) throws(Malformed) in
                    let start = text.offset
                    try text.value(depth: 1)
                    found.append(bytes[start..<text.offset])
                }
            }) != nil
        return isArray ? found : nil
    }

    /// What an object says under a key, if that is text; of keys that are there twice the first.
    static func text(of key: String, in bytes: [UInt8]) -> String? {
        var text = JSONText(bytes)
        var found: String?
        let isObject =
            (try? text.whole { (text) throws(Malformed) in
                try text.list("{", "}") { (text) throws(Malformed) in
                    let name = try text.string()
                    text.skipSpace()
                    try text.take(":")
                    text.skipSpace()
                    if found == nil, name == key, text.peek == UInt8(ascii: "\"") {
                        found = try text.string()
                    } else {
                        try text.value(depth: 1)
                    }
                }
            }) != nil
        return isObject ? found : nil
    }

    // MARK: Values

    private mutating func whole(_ read: (inout JSONText) throws(Malformed) -> Void) throws(Malformed) {
        skipSpace()
        try read(&self)
        skipSpace()
        guard offset == bytes.count else { throw Malformed() }
    }

    private mutating func value(depth: Int) throws(Malformed) {
        guard depth <= Self.maxDepth else { throw Malformed() }
        switch peek {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "["):
            try list("[", "]") { (text) throws(Malformed) in try text.value(depth: depth + 1) }
        case UInt8(ascii: "{"):
            try list("{", "}") { (text) throws(Malformed) in
                _ = try text.string()
                text.skipSpace()
                try text.take(":")
                text.skipSpace()
                try text.value(depth: depth + 1)
            }
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
    }

    private mutating func list(
        _ opening: Unicode.Scalar, _ closing: Unicode.Scalar, _ item: (inout JSONText) throws(Malformed) -> Void
    ) throws(Malformed) {
        try take(opening)
        skipSpace()
        if peek == UInt8(ascii: closing) {
            offset += 1
            return
        }
        while true {
            try item(&self)
            skipSpace()
            if peek == UInt8(ascii: closing) {
                offset += 1
                return
            }
            try take(",")
            skipSpace()
        }
    }

    private mutating func string() throws(Malformed) -> String {
        try take("\"")
        var inside = SequenceString()
        var text: [UInt8] = []
        while let byte = peek {
            offset += 1
            inside.take(byte) { text.append($0) }
            if inside.isMalformed { throw Malformed() }
            if inside.isComplete { return String(decoding: text, as: UTF8.self) }
        }
        throw Malformed()
    }

    private mutating func number() throws(Malformed) {
        if peek == UInt8(ascii: "-") { offset += 1 }
        let first = peek
        let whole = digits()
        guard whole > 0, whole == 1 || first != UInt8(ascii: "0") else { throw Malformed() }
        if peek == UInt8(ascii: ".") {
            offset += 1
            guard digits() > 0 else { throw Malformed() }
        }
        guard peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") else { return }
        offset += 1
        if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { offset += 1 }
        guard digits() > 0 else { throw Malformed() }
    }

    // MARK: Bytes

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func digits() -> Int {
        let start = offset
        while let byte = peek, byte &- 0x30 < 10 { offset += 1 }
        return offset - start
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func take(_ wanted: Unicode.Scalar) throws(Malformed) {
        guard peek == UInt8(ascii: wanted) else { throw Malformed() }
        offset += 1
    }

    private mutating func word(_ wanted: StaticString) throws(Malformed) {
        for index in 0..<wanted.utf8CodeUnitCount {
            guard peek == wanted.utf8Start[index] else { throw Malformed() }
            offset += 1
        }
    }
}

extension [UInt8] {
    /// Appends text as a JSON string; what is no UTF-8 is repaired.
    mutating func append(jsonString text: String) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                append(contentsOf: Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
