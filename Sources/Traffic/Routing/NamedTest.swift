import Base
import Configuration
import HTTP

/// A condition on a header field or query parameter.
struct NamedTest: Sendable {
    private let name: [UInt8]
    private let value: ValueTest

    init(_ match: Match.NamedMatch) {
        name = Array(match.name.utf8)
        value = ValueTest(match.value)
    }

    /// Several fields of one name count as their values joined by commas (RFC 9110 section 5.3).
    func matches(fieldsOf head: MessageHead) -> Bool {
        var only: UnsafeRawBufferPointer?
        var joined: [UInt8]?
        for index in 0..<head.fieldCount where name.withUnsafeBytes({ equalsIgnoringCase($0, head.name(index)) }) {
            let next = head.value(index)
            if let first = only {
                joined = (joined ?? Array(first)) + [UInt8(ascii: ",")] + Array(next)
            } else {
                only = next
            }
        }
        if let joined { return joined.withUnsafeBytes { value.accepts($0) } }
        return value.accepts(only)
    }

    /// The first parameter of the name decides. `+` is a space and escapes are decoded, as in HTML forms.
    func matches(query: UnsafeRawBufferPointer) -> Bool {
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard Self.decode(pair[..<equals]) == name else { continue }
            let found = equals < pair.endIndex ? Self.decode(pair[(equals + 1)...]) : []
            return found.withUnsafeBytes { value.accepts($0) }
        }
        return value.accepts(nil)
    }

    private static func decode(_ bytes: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%"), index + 2 < bytes.endIndex, let high = hexValue(bytes[index + 1]),
                let low = hexValue(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
                index += 1
            }
        }
        return decoded
    }
}
