import Base

/// The bytes of a YAML file, in which the places of nodes are found again.
struct EditableText {
    let bytes: [UInt8]
    /// The offset of each line's first byte.
    private let lines: [Int]

    /// Bytes in place of others.
    struct Edit: Equatable {
        var range: Range<Int>
        var bytes: [UInt8]
    }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var lines = [bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0]
        var index = lines[0]
        while index < bytes.count {
            let length = Self.lineBreak(in: bytes, at: index)
            index += max(1, length)
            if length > 0 { lines.append(index) }
        }
        self.lines = lines
    }

    /// Where a place is, as the YAML parser counts: columns in Unicode scalars.
    func offset(of position: Position) -> Int? {
        guard position.line >= 1, position.line <= lines.count, position.column >= 1 else { return nil }
        var offset = lines[position.line - 1]
        for _ in 1..<position.column {
            guard offset < bytes.count else { return nil }
            offset += 1
            while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }
        }
        return offset < bytes.count ? offset : nil
    }

    /// The offset of the line that a place is in.
    func lineStart(of offset: Int) -> Int { lines[max(0, lineNumber(of: offset) - 1)] }

    /// From 1; 0 in front of the first, which is in a byte order mark.
    private func lineNumber(of offset: Int) -> Int {
        partitionPoint(in: lines.indices) { lines[$0] <= offset }
    }

    /// How lines end here: as the one that an offset is in, or, in the last one, as the first.
    func lineEnding(near offset: Int) -> [UInt8] {
        let number = lineNumber(of: offset)
        guard lines.count > 1 else { return [UInt8(ascii: "\n")] }
        let next = number < lines.count ? lines[number] : lines[1]
        if bytes[next - 1] == UInt8(ascii: "\r") { return [UInt8(ascii: "\r")] }
        guard bytes[next - 1] == UInt8(ascii: "\n") else { return [UInt8(ascii: "\n")] }
        return next > 1 && bytes[next - 2] == UInt8(ascii: "\r") ? Array("\r\n".utf8) : [UInt8(ascii: "\n")]
    }

    func byte(at offset: Int) -> UInt8? { bytes.indices.contains(offset) ? bytes[offset] : nil }

    func isBlank(at offset: Int) -> Bool {
        byte(at: offset) == UInt8(ascii: " ") || byte(at: offset) == UInt8(ascii: "\t")
    }

    /// Bytes of the line break at an offset; 0 where there is none.
    func lineBreak(at offset: Int) -> Int { Self.lineBreak(in: bytes, at: offset) }

    /// CR, LF, CRLF, NEL, LS and PS each end a line (YAML 1.1, which the parser follows).
    private static func lineBreak(in bytes: [UInt8], at index: Int) -> Int {
        guard index < bytes.count else { return 0 }
        switch bytes[index] {
        case UInt8(ascii: "\n"): return 1
        case UInt8(ascii: "\r"): return index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "\n") ? 2 : 1
        case 0xC2: return index + 1 < bytes.count && bytes[index + 1] == 0x85 ? 2 : 0
        case 0xE2:
            let isSeparator = index + 2 < bytes.count && bytes[index + 1] == 0x80 && bytes[index + 2] & 0xFE == 0xA8
            return isSeparator ? 3 : 0
        default: return 0
        }
    }

    /// The text with edits that do not overlap.
    func applying(_ edits: [Edit]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + edits.reduce(0) { $0 + $1.bytes.count })
        var done = 0
        for edit in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            guard edit.range.lowerBound >= done else { continue }
            result += bytes[done..<edit.range.lowerBound] + edit.bytes
            done = edit.range.upperBound
        }
        return result + bytes[done...]
    }
}
