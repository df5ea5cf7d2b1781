import Base

/// Reads the bodies that the API takes: one JSON object (RFC 8259) of texts and whole numbers, nothing nested, no name twice.
///
/// What two readers could read differently is refused, and what is refused is said.
package struct FlatJSON {
    package enum Value: Equatable, Sendable {
        case text(String)
        case integer(Int)
    }

    package struct Failure: Error, Equatable {
        package var message: String
    }

    /// Digits that fit into an `Int` whatever they are; far beyond any number that is asked for.
    private static let longestNumber = 15

    private let bytes: [UInt8]
    private var index = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    package static func object(_ bytes: [UInt8]) throws(Failure) -> [String: Value] {
        var reader = FlatJSON(bytes)
        return try reader.object()
    }

    private mutating func object() throws(Failure) -> [String: Value] {
        var values: [String: Value] = [:]
        skipBlanks()
        try take("{", "the body must be a JSON object")
        skipBlanks()
        if !takes("}") {
            repeat {
                skipBlanks()
                try take("\"", "a name in double quotes is missing")
                let name = try text()
                skipBlanks()
                try take(":", "':' is missing behind a name")
                skipBlanks()
                guard values.updateValue(try value(), forKey: name) == nil else {
                    throw Failure(message: "a name stands there twice, keep one")
                }
                skipBlanks()
            } while takes(",")
            try take("}", "',' or '}' is missing behind a value")
        }
        skipBlanks()
        guard index == bytes.count else { throw Failure(message: "something follows the JSON object, leave it out") }
        return values
    }

    private mutating func value() throws(Failure) -> Value {
        if takes("\"") { return .text(try text()) }
        let isNegative = takes("-")
        let start = index
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
        let digits = bytes[start..<index]
        let hasMore =
            index < bytes.count && [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[index])
        guard !digits.isEmpty, !hasMore, digits.count <= Self.longestNumber,
            digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { throw Failure(message: "a value must be a whole number or text in double quotes") }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return .integer(isNegative ? -number : number)
    }

    /// Behind the opening quote, up to the closing one.
    private mutating func text() throws(Failure) -> String {
        var content: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw Failure(message: "a text is no UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): content.append(contentsOf: try escape())
            case ..<0x20: throw Failure(message: "a text has a control character, write it as \\u and four digits")
            default: content.append(byte)
            }
        }
        throw Failure(message: "a text has no end")
    }

    private mutating func escape() throws(Failure) -> [UInt8] {
        let failure = Failure(message: "a text has an escape that JSON does not know")
        guard index < bytes.count else { throw failure }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            guard var code = codeUnit() else { throw failure }
            if (0xD800..<0xDC00).contains(code) {
                // The other half of a pair (RFC 8259 section 7).
                guard takes("\\"), takes("u"), let low = codeUnit(), (0xDC00..<0xE000).contains(low) else {
                    throw failure
                }
                code = 0x1_0000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure }
            return Array(String(Character(scalar)).utf8)
        default: throw failure
        }
    }

    private mutating func codeUnit() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        var code: UInt32 = 0
        for byte in bytes[index..<(index + 4)] {
            guard let digit = hexValue(byte) else { return nil }
            code = code << 4 | UInt32(digit)
        }
        index += 4
        return code
    }

    private mutating func skipBlanks() {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }

    private mutating func takes(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func take(_ character: Unicode.Scalar, _ message: String) throws(Failure) {
        guard takes(character) else { throw Failure(message: message) }
    }
}
