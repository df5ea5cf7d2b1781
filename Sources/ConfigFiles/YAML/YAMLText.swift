/// The text of a YAML file on its way into the parser, in scalars, which is what positions count.
///
/// Two stand-ins keep the parser from giving up early, or from working without end. They are private characters that the text
/// may not hold itself, and take exactly the room of what they replace, so that no position moves:
/// - every `*`, so that the parser never sees an alias. `YAMLTree` follows aliases itself, and counts what they add up to;
/// - the first character of a key that occurs again later in its mapping, because the parser stops at such a key.
struct YAMLText {
    static let asterisk = Unicode.Scalar(0xF0000 as UInt32) ?? "*"
    /// Supplementary private use area A (Unicode 23.5), which has no meaning in a configuration.
    private static let privateUse: ClosedRange<UInt32> = 0xF0000...0xFFFFD

    private(set) var scalars: [Unicode.Scalar]
    /// What each renamed key was, by its line and column.
    private(set) var renamed: [Place: String] = [:]

    struct Place: Hashable {
        var line: Int
        var column: Int
    }

    /// What may not be in the text at all, and where.
    struct BadCharacter: Error {
        var place: Place
        var message: String
    }

    /// - Throws: `BadCharacter` for what is not UTF-8 or not a character YAML allows (YAML 1.2.2 section 5.1).
    init(_ bytes: [UInt8]) throws(BadCharacter) {
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let body = bytes.starts(with: byteOrderMark) ? bytes[3...] : bytes[...]
        scalars = []
        scalars.reserveCapacity(body.count)
        var place = Place(line: 1, column: 1)
        var decoder = UTF8()
        var iterator = body.makeIterator()
        while true {
            let scalar: Unicode.Scalar
            switch decoder.decode(&iterator) {
            case .emptyInput: return
            case .error: throw BadCharacter(place: place, message: "this is not UTF-8, save the file as UTF-8")
            case .scalarValue(let value): scalar = value
            }
            guard Self.isAllowed(scalar) else {
                let code = String(scalar.value, radix: 16, uppercase: true)
                let hexadecimal = String(repeating: "0", count: max(0, 4 - code.count)) + code
                throw BadCharacter(
                    place: place, message: "the character U+\(hexadecimal) must not be in a configuration, remove it")
            }
            scalars.append(scalar == "*" ? Self.asterisk : scalar)
            place =
                scalar == "\n"
                ? Place(line: place.line + 1, column: 1) : Place(line: place.line, column: place.column + 1)
        }
    }

    var string: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// Turns the stand-in back into what was written.
    static func restored(_ text: String) -> String {
        guard text.unicodeScalars.contains(asterisk) else { return text }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text.unicodeScalars.map { $0 == asterisk ? "*" : $0 })
        return String(view)
    }

    /// What stands at a place, if anything.
    func character(at place: Place) -> Unicode.Scalar? { offset(of: place).map { scalars[$0] } }

    /// Makes the key at a place differ from every other; `false` if there is none or it was renamed before.
    mutating func rename(_ key: String, at place: Place) -> Bool {
        guard renamed[place] == nil, var index = offset(of: place) else { return false }
        // Inside the quotes, if it has any.
        if scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
        let code = Self.asterisk.value + 1 + UInt32(renamed.count)
        guard index < scalars.count, Self.privateUse.contains(code), let standIn = Unicode.Scalar(code) else {
            return false
        }
        scalars[index] = standIn
        renamed[place] = Self.restored(key)
        return true
    }

    /// Counts lines as the parser does: CR, LF, CRLF, NEL, LS and PS each end one.
    private func offset(of place: Place) -> Int? {
        var line = 1
        var index = 0
        while line < place.line, index < scalars.count {
            switch scalars[index] {
            case "\r":
                line += 1
                if index + 1 < scalars.count, scalars[index + 1] == "\n" { index += 1 }
            case "\n", "\u{85}", "\u{2028}", "\u{2029}": line += 1
            default: break
            }
            index += 1
        }
        let (target, overflow) = index.addingReportingOverflow(place.column - 1)
        return line == place.line && !overflow && scalars.indices.contains(target) ? target : nil
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD: true
        case 0x10000...0x10FFFF: !privateUse.contains(scalar.value)
        default: false
        }
    }
}
