/// Which labels an object must have, in the text form of queries (kubernetes.io/docs/concepts/overview/working-with-objects/labels):
/// `app=triton,tier!=test,zone in (a,b),gpu notin (old),mig,!drained,generation>2`. All of them must hold; an empty one holds
/// always.
package struct LabelSelector: Sendable, Equatable {
    package struct Requirement: Sendable, Equatable {
        package enum Test: Sendable, Equatable {
            case exists, absent
            case among([String])
            /// Holds also where there is no such label.
            case notAmong([String])
            case above(Int64), below(Int64)
        }

        package var key: String
        package var test: Test
    }

    /// Why a text is no selector: a sentence that quotes what is wrong.
    package struct Malformed: Error, Equatable {
        package var message: String
    }

    package private(set) var requirements: [Requirement] = []

    /// Far more than a person or a controller writes, and less than it takes to keep a processor busy.
    package static let longestText = 4096
    /// Of a name, and of a value.
    private static let longestName = 63
    /// Of a name's prefix: a DNS name.
    private static let longestPrefix = 253

    package static let everything = LabelSelector()

    private init() {}

    package init(_ text: String) throws(Malformed) {
        guard text.utf8.count <= Self.longestText else {
            throw Malformed(message: "the selector is longer than \(Self.longestText) bytes")
        }
        var scanner = Scanner(text)
        guard scanner.peek != .end else { return }
        while true {
            requirements.append(try Self.requirement(&scanner))
            switch scanner.next() {
            case .end: return
            // A comma at the end would be a requirement that was forgotten.
            case .comma: continue
            case let other: throw Malformed(message: "found '\(other.text)', expected ',' or the end")
            }
        }
    }

    package func matches(_ labels: [String: String]) -> Bool { requirements.allSatisfy { $0.matches(labels[$0.key]) } }

    /// The one value that a key must have, where the selector says so.
    package func value(of key: String) -> String? {
        for case .among(let values) in requirements.lazy.filter({ $0.key == key }).map(\.test) where values.count == 1 {
            return values[0]
        }
        return nil
    }

    // MARK: Reading

    private static func requirement(_ scanner: inout Scanner) throws(Malformed) -> Requirement {
        if scanner.peek == .not {
            _ = scanner.next()
            return Requirement(key: try key(&scanner), test: .absent)
        }
        let key = try key(&scanner)
        switch scanner.peek {
        case .end, .comma: return Requirement(key: key, test: .exists)
        case .equals:
            _ = scanner.next()
            return Requirement(key: key, test: .among([try value(&scanner)]))
        case .unequal:
            _ = scanner.next()
            return Requirement(key: key, test: .notAmong([try value(&scanner)]))
        case .above:
            _ = scanner.next()
            return Requirement(key: key, test: .above(try number(&scanner)))
        case .below:
            _ = scanner.next()
            return Requirement(key: key, test: .below(try number(&scanner)))
        case .word("in"):
            _ = scanner.next()
            return Requirement(key: key, test: .among(try values(&scanner)))
        case .word("notin"):
            _ = scanner.next()
            return Requirement(key: key, test: .notAmong(try values(&scanner)))
        case let other:
            throw Malformed(
                message: "found '\(other.text)' behind '\(key)', expected one of = == != in notin > < , or the end")
        }
    }

    /// An optional DNS name and a slash, and then a name.
    private static func key(_ scanner: inout Scanner) throws(Malformed) -> String {
        guard case .word(let text) = scanner.next() else { throw Malformed(message: "a requirement has no key") }
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let name = parts.last ?? Substring(text).utf8
        guard parts.count <= 2, isName(name), !name.isEmpty,
            parts.count == 1 || (1...longestPrefix).contains(parts[0].count) && parts[0].allSatisfy(isPrefixByte)
        else { throw Malformed(message: "'\(text)' is no label key") }
        return text
    }

    /// May be empty: `a=` wants a label without a value.
    private static func value(_ scanner: inout Scanner) throws(Malformed) -> String {
        switch scanner.peek {
        case .end, .comma, .close: return ""
        case .word(let text):
            _ = scanner.next()
            guard isName(text.utf8) else { throw Malformed(message: "'\(text)' is no label value") }
            return text
        case let other: throw Malformed(message: "found '\(other.text)', expected a label value")
        }
    }

    private static func number(_ scanner: inout Scanner) throws(Malformed) -> Int64 {
        guard case .word(let text) = scanner.next(), let number = Int64(text) else {
            throw Malformed(message: "> and < compare with whole numbers")
        }
        return number
    }

    private static func values(_ scanner: inout Scanner) throws(Malformed) -> [String] {
        guard scanner.next() == .open else { throw Malformed(message: "expected '(' behind in and notin") }
        var values: [String] = []
        while true {
            values.append(try value(&scanner))
            switch scanner.next() {
            case .close: return values
            case .comma: continue
            case let other: throw Malformed(message: "found '\(other.text)', expected ',' or ')'")
            }
        }
    }

    /// Letters and digits, and between them `-`, `_` and `.`; empty is for the caller to judge.
    private static func isName(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        guard let first = bytes.first, let last = bytes.last else { return true }
        return bytes.count <= longestName && isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    private static func isPrefixByte(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

extension LabelSelector.Requirement {
    fileprivate func matches(_ value: String?) -> Bool {
        switch test {
        case .exists: value != nil
        case .absent: value == nil
        case .among(let values): value.map(values.contains) ?? false
        case .notAmong(let values): !(value.map(values.contains) ?? false)
        case .above(let bound): value.flatMap { Int64($0) }.map { $0 > bound } ?? false
        case .below(let bound): value.flatMap { Int64($0) }.map { $0 < bound } ?? false
        }
    }
}

/// The words and signs of a selector.
private struct Scanner {
    enum Token: Equatable {
        case word(String)
        case equals, unequal, not, above, below, comma, open, close, end

        /// For messages: short, whatever it is.
        var text: String {
            switch self {
            case .word(let text): String(text.prefix(64))
            case .equals: "="
            case .unequal: "!="
            case .not: "!"
            case .above: ">"
            case .below: "<"
            case .comma: ","
            case .open: "("
            case .close: ")"
            case .end: ""
            }
        }
    }

    private var rest: Substring.UTF8View
    private(set) var peek = Token.end

    init(_ text: String) {
        rest = Substring(text).utf8
        advance()
    }

    mutating func next() -> Token {
        defer { advance() }
        return peek
    }

    private mutating func advance() {
        rest = rest.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard let first = rest.first else {
            peek = .end
            return
        }
        switch first {
        case UInt8(ascii: ","): take(1, .comma)
        case UInt8(ascii: "("): take(1, .open)
        case UInt8(ascii: ")"): take(1, .close)
        case UInt8(ascii: ">"): take(1, .above)
        case UInt8(ascii: "<"): take(1, .below)
        case UInt8(ascii: "="): take(isNext(UInt8(ascii: "=")) ? 2 : 1, .equals)
        case UInt8(ascii: "!"): isNext(UInt8(ascii: "=")) ? take(2, .unequal) : take(1, .not)
        default:
            let word = rest.prefix { !" \t\n\u{B}\u{C}\r,()><=!".utf8.contains($0) }
            peek = .word(String(Substring(word)))
            rest = rest[word.endIndex...]
        }
    }

    private mutating func take(_ count: Int, _ token: Token) {
        rest = rest.dropFirst(count)
        peek = token
    }

    private func isNext(_ byte: UInt8) -> Bool { rest.dropFirst().first == byte }
}
