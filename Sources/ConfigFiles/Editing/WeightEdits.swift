/// Writes one weight into the text of a configuration: over the number that is there, or as a new key.
extension EditableText {
    /// The number in place of what a node says now, in the same quotes; `nil` where it is not written plainly.
    func replacing(_ node: YAMLNode, with number: Int) -> Edit? {
        scalar(node).map { Edit(range: $0.content, bytes: Array("\(number)".utf8)) }
    }

    /// `weight: number` in an entry of a route, which is a mapping; `nil` where no place for it can be found.
    func setting(_ key: String, _ number: Int, in entry: YAMLNode) -> Edit? {
        if let written = entry.entry(key) {
            if written.value.text?.isEmpty == true, written.value.isNull {
                return endOfColon(written).map { Edit(range: $0..<$0, bytes: Array(" \(number)".utf8)) }
            }
            return replacing(written.value, with: number)
        }
        guard case .mapping(let entries) = entry.content, let first = entries.first, let last = entries.last else {
            return nil
        }
        if let flow = flow(of: entry) { return inserting(key, number, in: flow, behind: last) }
        for index in Self.order(entries) {
            if let edit = inserting("\(key): \(number)", behind: index, of: entries) { return edit }
        }
        // Every mapping can begin with it.
        guard let offset = offset(of: first.position) else { return nil }
        let line = Array("\(key): \(number)".utf8) + lineEnding(near: offset) + indentation(first.position)
        return Edit(range: offset..<offset, bytes: line)
    }

    /// The keys behind which a new one would be looked for: the last one with a single value, then the first one.
    private static func order(_ entries: [YAMLNode.Entry]) -> [Int] {
        let simple = entries.indices.last { entries[$0].value.text != nil }
        return [simple, entries.startIndex].compactMap { $0 }
    }

    private func inserting(_ text: String, behind index: Int, of entries: [YAMLNode.Entry]) -> Edit? {
        let entry = entries[index]
        // What an alias stands for is elsewhere.
        let isHere =
            entry.value.position > entry.position
            && (index + 1 == entries.count || entry.value.position < entries[index + 1].position)
        guard isHere, let start = offset(of: entry.position), let end = end(of: entry.value), end > start,
            let lineEnd = endOfLine(behind: end)
        else { return nil }
        let line = lineEnding(near: lineEnd) + indentation(entries[0].position) + Array(text.utf8)
        return Edit(range: lineEnd..<lineEnd, bytes: line)
    }

    /// `, weight: number` before the closing brace, on a line of its own if the key before has one, and in quotes if that is.
    private func inserting(_ key: String, _ number: Int, in flow: Flow, behind last: YAMLNode.Entry) -> Edit? {
        guard let start = offset(of: last.position), start < flow.close else { return nil }
        let hasComma = bytes[flow.contentEnd - 1] == UInt8(ascii: ",")
        let isQuoted = bytes[start] == UInt8(ascii: "\"")
        let text = isQuoted ? "\"\(key)\": \(number)" : "\(key): \(number)"
        var separator: [UInt8] = [UInt8(ascii: " ")]
        let line = bytes[lineStart(of: start)..<start]
        if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) {
            separator = lineEnding(near: start) + line
        }
        return Edit(
            range: flow.contentEnd..<flow.contentEnd,
            bytes: (hasComma ? [] : [UInt8(ascii: ",")]) + separator + Array(text.utf8))
    }

    private func indentation(_ position: Position) -> [UInt8] {
        [UInt8](repeating: UInt8(ascii: " "), count: position.column - 1)
    }
}
