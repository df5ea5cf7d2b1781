/// Finds the line of a server's log that says why it has ended.
package enum StartFailure {
    /// Characters of what clients are told.
    package static let reasonLimit = 400

    /// - Parameters:
    ///   - ending: how it ended, such as `it exited with status 1`.
    ///   - lines: the last ones of its log.
    package static func reason(ending: String, lines: some BidirectionalCollection<String>) -> String {
        let best = lines.enumerated().map { (rank: rank($1), place: $0, line: $1) }
            .filter { $0.rank > 0 }
            // Of those that say as much, the last.
            .max { ($0.rank, $0.place) < ($1.rank, $1.place) }
        guard let best else { return ending }
        return String("\(ending): \(plain(best.line))".prefix(reasonLimit))
    }

    /// How likely a line tells the reason.
    private static func rank(_ line: String) -> Int {
        let text = line.lowercased()
        if text.allSatisfy({ "+-=| \t".contains($0) }) { return 0 }
        if isErrorLine(line) { return text.contains("failed to load '") ? 5 : 4 }
        if text.contains("error") { return 3 }
        if text.contains("failed") || text.contains("cannot") { return 2 }
        return 1
    }

    /// glog's form: `E1122 05:01:02.123456 77 file.cc:12] text`.
    private static func isErrorLine(_ line: String) -> Bool {
        let head = line.utf8.prefix(5)
        return (head.first == UInt8(ascii: "E") || head.first == UInt8(ascii: "F")) && head.count == 5
            && head.dropFirst().allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }

    /// Without what only its writer can use: glog's time, thread and place.
    private static func plain(_ line: String) -> String {
        guard isErrorLine(line), let bracket = line.firstRange(of: "] ") else {
            return line.trimmed
        }
        let text = String(line[bracket.upperBound...])
        // Further lines of the text, as it writes them: where in a program it happened.
        return String(text[..<(text.firstRange(of: "\\n")?.lowerBound ?? text.endIndex)]).trimmed
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while let first = text.first, first.isWhitespace || first == "\"" { text.removeFirst() }
        while let last = text.last, last.isWhitespace || last == "\"" { text.removeLast() }
        return String(text)
    }
}
