/// How far the nodes of a YAML text reach. The parser says where they begin and what they are; what is looked for here is only
/// sure of the simple forms, and whoever uses it loads the edited text again.
extension EditableText {
    struct ScalarSpan {
        /// Without quotes.
        var content: Range<Int>
        /// Behind its last byte, quotes included.
        var end: Int
    }

    /// A scalar on one line, plain or in quotes; `nil` for any other, such as a block.
    func scalar(_ node: YAMLNode) -> ScalarSpan? {
        guard let start = contentStart(of: node) else { return nil }
        switch node.content {
        case .plain(let text):
            let content = start..<start + text.utf8.count
            guard !text.isEmpty, content.upperBound <= bytes.count, bytes[content].elementsEqual(text.utf8) else {
                return nil
            }
            return ScalarSpan(content: content, end: content.upperBound)
        case .quoted:
            guard let end = endOfQuotes(from: start) else { return nil }
            return ScalarSpan(content: start + 1..<end - 1, end: end)
        case .sequence, .mapping: return nil
        }
    }

    /// Behind the last byte of a node.
    func end(of node: YAMLNode) -> Int? {
        switch node.content {
        case .plain, .quoted: return scalar(node)?.end
        case .sequence(let items):
            if let flow = flow(of: node) { return flow.close + 1 }
            return items.last.flatMap(end)
        case .mapping(let entries):
            if let flow = flow(of: node) { return flow.close + 1 }
            guard let last = entries.last, last.value.position > last.position else { return nil }
            return end(of: last.value)
        }
    }

    /// The brackets of a mapping or list in flow style.
    struct Flow {
        /// Of the closing bracket.
        var close: Int
        /// Behind the last byte before it that is neither blank nor comment.
        var contentEnd: Int
    }

    /// `nil` for a block, and where no bracket closes it.
    func flow(of node: YAMLNode) -> Flow? {
        guard let start = contentStart(of: node), [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(bytes[start]) else {
            return nil
        }
        var depth = 0
        var index = start
        var contentEnd = start + 1
        // Whether a token may begin, as quotes do; inside plain text they are only text.
        var isFresh = true
        while let byte = byte(at: index) {
            if byte == UInt8(ascii: "#"), isBlank(at: index - 1) || lineStart(of: index) == index {
                while index < bytes.count, lineBreak(at: index) == 0 { index += 1 }
                continue
            }
            if lineBreak(at: index) > 0 || isBlank(at: index) {
                index += 1
                continue
            }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return Flow(close: index, contentEnd: contentEnd) }
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard isFresh else { break }
                guard let end = endOfQuotes(from: index) else { return nil }
                index = end - 1
            default: break
            }
            isFresh = "{[,:".utf8.contains(byte)
            index += 1
            contentEnd = index
        }
        return nil
    }

    /// Where the line that ends behind an offset ends, or `nil` if there is more than a comment left on it.
    func endOfLine(behind offset: Int) -> Int? {
        var index = offset
        while isBlank(at: index) { index += 1 }
        if byte(at: index) == UInt8(ascii: "#"), index > offset {
            while index < bytes.count, lineBreak(at: index) == 0 { index += 1 }
        }
        return index == bytes.count || lineBreak(at: index) > 0 ? index : nil
    }

    /// Where a key without a value may get one: behind its colon.
    func endOfColon(_ entry: YAMLNode.Entry) -> Int? {
        guard var index = offset(of: entry.position) else { return nil }
        if let end = endOfQuotes(from: index) {
            index = end
        } else if bytes[index...].starts(with: entry.key.utf8) {
            index += entry.key.utf8.count
        }
        while isBlank(at: index) { index += 1 }
        return byte(at: index) == UInt8(ascii: ":") ? index + 1 : nil
    }

    /// Behind an anchor in front of the node, if there is one.
    private func contentStart(of node: YAMLNode) -> Int? {
        guard var index = offset(of: node.position) else { return nil }
        guard bytes[index] == UInt8(ascii: "&") else { return index }
        while index < bytes.count, !isBlank(at: index), lineBreak(at: index) == 0 { index += 1 }
        while isBlank(at: index) { index += 1 }
        return index < bytes.count ? index : nil
    }

    /// Behind the closing quote; `nil` where no quotes begin.
    private func endOfQuotes(from start: Int) -> Int? {
        guard let quote = byte(at: start), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return nil }
        var index = start + 1
        while let byte = byte(at: index) {
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                index += 2
            } else if byte != quote {
                index += 1
            } else if quote == UInt8(ascii: "'"), self.byte(at: index + 1) == quote {
                index += 2
            } else {
                return index + 1
            }
        }
        return nil
    }
}
