import Base
import Configuration
import Glibc
import HTTP

/// A condition on a header field or query parameter.
///
/// Thousands of routes may have one for the same request, so none of them makes a copy of what the client sent unless a
/// regular expression has to see it in one piece.
struct NamedTest: Sendable {
    private let name: [UInt8]
    private let value: ValueTest

    init(_ match: Match.NamedMatch) {
        name = Array(match.name.utf8)
        value = ValueTest(match.value)
    }

    // MARK: Fields

    /// Several fields of one name count as their values joined by commas (RFC 9110 section 5.3).
    func matches(fieldsOf head: MessageHead) -> Bool {
        name.withUnsafeBytes { name in
            guard let first = Self.next(0, head, name) else { return value.accepts(nil) }
            guard Self.next(first + 1, head, name) != nil else { return value.accepts(head.value(first)) }
            switch value {
            case .present(let expected): return expected
            case .exact(let text): return Self.compare(text, head, name, from: first) == .equal
            case .prefix(let text): return Self.compare(text, head, name, from: first) != .different
            case .pattern(let pattern):
                return Self.joined(head, name, from: first).withUnsafeBytes(pattern.matchesWhole)
            }
        }
    }

    private static func next(_ start: Int, _ head: MessageHead, _ name: UnsafeRawBufferPointer) -> Int? {
        for index in start..<max(head.fieldCount, start) where equalsIgnoringCase(name, head.name(index)) {
            return index
        }
        return nil
    }

    private enum Comparison { case equal, longer, different }

    /// What the joined values are, seen from the text: equal, longer than it and beginning with it, or something else.
    private static func compare(
        _ text: [UInt8], _ head: MessageHead, _ name: UnsafeRawBufferPointer, from first: Int
    ) -> Comparison {
        var matched = 0
        var index = first
        while true {
            let value = head.value(index)
            let shared = min(value.count, text.count - matched)
            for offset in 0..<shared where value[offset] != text[matched + offset] { return .different }
            matched += shared
            if shared < value.count { return .longer }
            guard let following = next(index + 1, head, name) else { break }
            if matched == text.count { return .longer }
            if text[matched] != UInt8(ascii: ",") { return .different }
            matched += 1
            index = following
        }
        return matched == text.count ? .equal : .different
    }

    private static func joined(_ head: MessageHead, _ name: UnsafeRawBufferPointer, from first: Int) -> [UInt8] {
        var joined = Array(head.value(first))
        var index = first
        while let following = next(index + 1, head, name) {
            joined.append(UInt8(ascii: ","))
            joined.append(contentsOf: head.value(following))
            index = following
        }
        return joined
    }

    // MARK: Parameters

    /// The first parameter of the name decides. `+` is a space and escapes are decoded, as in HTML forms.
    func matches(query: UnsafeRawBufferPointer) -> Bool {
        guard let base = query.baseAddress else { return value.accepts(nil) }
        var start = 0
        while start < query.count {
            let mark = memchr(base + start, Int32(UInt8(ascii: "&")), query.count - start)
            let end = mark.map { UnsafeRawPointer($0) - base } ?? query.count
            if let found = valueStart(query, start, end) {
                return Self.decode(query, found, end).withUnsafeBytes { value.accepts($0) }
            }
            start = end + 1
        }
        return value.accepts(nil)
    }

    /// Where the value of the parameter between `start` and `end` begins, if it has the name.
    private func valueStart(_ query: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Int? {
        guard start < end else { return nil }
        var index = start
        var matched = 0
        while index < end && query[index] != UInt8(ascii: "=") {
            let byte = Self.decodeByte(query, &index, end)
            guard matched < name.count, byte == name[matched] else { return nil }
            matched += 1
        }
        return matched == name.count ? min(index + 1, end) : nil
    }

    private static func decode(_ query: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(end - start)
        var index = start
        while index < end { decoded.append(decodeByte(query, &index, end)) }
        return decoded
    }

    private static func decodeByte(_ query: UnsafeRawBufferPointer, _ index: inout Int, _ end: Int) -> UInt8 {
        let byte = query[index]
        if byte == UInt8(ascii: "%"), index + 2 < end, let high = hexValue(query[index + 1]),
            let low = hexValue(query[index + 2])
        {
            index += 3
            return high << 4 | low
        }
        index += 1
        return byte == UInt8(ascii: "+") ? 0x20 : byte
    }
}
