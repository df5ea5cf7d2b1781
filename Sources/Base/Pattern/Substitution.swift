/// Replaces what a pattern finds, as RE2's `GlobalReplace` does: each leftmost match, of several that begin there the one
/// a backtracking matcher would come upon first, and no empty match where another has just ended.
///
/// In the replacement `\0` is all that was found, `\1` to `\9` are what the pattern's groups hold, nothing for a group
/// that took no part, and `\\` is a backslash. Where a character has several bytes, no match begins or ends inside it:
/// the one thing that RE2 does otherwise, for `\B`.
///
/// Time and scratch are linear in the product of the text's length and the pattern's, for all matches together: no pair
/// of instruction and place is tried twice, as in RE2's `BitState`, and what has led nowhere is remembered from match to
/// match. Immutable, so loops share it.
package struct Substitution: Sendable {
    private let program: CaptureProgram
    private let replacement: Replacement

    /// Longest replacement, in bytes: as long as the longest part of a path that a file may name, and each reference in
    /// it is work for each match.
    package static let replacementLimit = 1024

    /// - Throws: for a replacement that is none, and for a pattern that can be matched but is too long for this.
    package init(pattern: Pattern, replacement: String) throws(Pattern.Failure) {
        self.replacement = try Replacement(replacement, groupCount: pattern.groupCount)
        program = try CaptureProgram(pattern, groups: self.replacement.groupCount)
    }

    /// What is wrong with the two and what to write instead, or `nil`.
    package static func problem(_ pattern: Pattern, replacement: String) -> String? {
        do throws(Pattern.Failure) {
            _ = try Substitution(pattern: pattern, replacement: replacement)
            return nil
        } catch { return error.message }
    }

    /// Appends `text` with everything replaced.
    ///
    /// - Parameter limit: of what is appended, in bytes.
    /// - Returns: `false`, and appends nothing, if that would be longer, or if the text is too long for a pattern of this
    ///   size: 32 KiB for 64 instructions, 1 KiB for the 2048 that are the most.
    package func apply(
        to text: UnsafeRawBufferPointer, into out: inout ByteBuffer, limit: Int, scratch: inout Scratch
    ) -> Bool {
        let start = out.count
        guard replace(text, &out, start + max(limit, 0), &scratch) else {
            out.truncate(to: start)
            return false
        }
        return true
    }

    private func replace(
        _ text: UnsafeRawBufferPointer, _ out: inout ByteBuffer, _ end: Int, _ scratch: inout Scratch
    ) -> Bool {
        guard program.begin(text, &scratch) else { return false }
        defer { scratch.end() }
        var groups = CaptureProgram.Groups(repeating: CaptureProgram.unset)
        var position = 0
        var lastEnd = -1
        while position <= text.count, let found = program.search(text, from: position, &groups, &scratch) {
            guard Self.append(text, position..<found.lowerBound, &out, end) else { return false }
            position = found.lowerBound
            if found.isEmpty && found.lowerBound == lastEnd {
                // Not twice in one place: the character behind it is passed over.
                guard position < text.count else { break }
                let next = program.place(behind: position, text)
                guard Self.append(text, position..<next, &out, end) else { return false }
                position = next
                continue
            }
            groups[0] = UInt32(truncatingIfNeeded: found.lowerBound)
            groups[1] = UInt32(truncatingIfNeeded: found.upperBound)
            for part in replacement.parts {
                switch part {
                case .text(let range):
                    guard end &- out.count >= range.count else { return false }
                    replacement.bytes.withUnsafeBytes { out.append(UnsafeRawBufferPointer(rebasing: $0[range])) }
                case .group(let number):
                    let (lower, upper) = (groups[2 &* number], groups[2 &* number &+ 1])
                    guard lower != CaptureProgram.unset, upper != CaptureProgram.unset else { continue }
                    guard Self.append(text, Int(lower)..<Int(upper), &out, end) else { return false }
                }
            }
            position = found.upperBound
            lastEnd = position
        }
        return position >= text.count || Self.append(text, position..<text.count, &out, end)
    }

    private static func append(
        _ text: UnsafeRawBufferPointer, _ range: Range<Int>, _ out: inout ByteBuffer, _ end: Int
    ) -> Bool {
        guard end &- out.count >= range.count else { return false }
        out.append(UnsafeRawBufferPointer(rebasing: text[range]))
        return true
    }
}

extension Substitution {
    /// A replacement taken apart.
    struct Replacement: Sendable {
        enum Part: Sendable {
            /// Of `bytes`.
            case text(Range<Int>)
            case group(Int)
        }

        private(set) var bytes: [UInt8] = []
        private(set) var parts: [Part] = []
        /// The highest group in it.
        private(set) var groupCount = 0

        init(_ source: String, groupCount available: Int) throws(Pattern.Failure) {
            let source = Array(source.utf8)
            guard source.count <= Substitution.replacementLimit else {
                throw Pattern.Failure("has a replacement longer than \(Substitution.replacementLimit) bytes")
            }
            var textStart = 0
            var index = 0
            while index < source.count {
                let byte = source[index]
                index += 1
                guard byte == UInt8(ascii: "\\") else {
                    bytes.append(byte)
                    continue
                }
                let escaped = index < source.count ? source[index] : 0
                index += 1
                switch escaped {
                case UInt8(ascii: "\\"): bytes.append(escaped)
                case 0x30...0x39:
                    let number = Int(escaped - 0x30)
                    guard number <= available else {
                        throw Pattern.Failure(
                            "has a replacement with \\\(number), and the pattern has \(Self.count(available))",
                            offset: index - 2)
                    }
                    if textStart < bytes.count { parts.append(.text(textStart..<bytes.count)) }
                    textStart = bytes.count
                    parts.append(.group(number))
                    groupCount = max(groupCount, number)
                default:
                    throw Pattern.Failure(
                        "has a replacement with a backslash before neither a digit nor a backslash, "
                            + "write \\\\ for a backslash", offset: index - 2)
                }
            }
            if textStart < bytes.count { parts.append(.text(textStart..<bytes.count)) }
        }

        private static func count(_ groups: Int) -> String {
            switch groups {
            case 0: "no groups, put what it shall hold in ( and )"
            case 1: "one group"
            default: "\(groups) groups"
            }
        }
    }
}
