/// Lines of two columns: a word, and what there is to say about it.
struct Table {
    /// Columns of a line; longer ones are broken between words.
    private static let lineLength = 110

    private var rows: [(word: String, text: String)] = []
    private let indentation: String
    /// Longer words push what is said onto the next line.
    private let widest: Int

    init(indentation: Int = 2, widest: Int = 28) {
        self.indentation = String(repeating: " ", count: indentation)
        self.widest = widest
    }

    var isEmpty: Bool { rows.isEmpty }

    /// An empty word goes on with what the row before says.
    mutating func add(_ word: String, _ text: String) { rows.append((word, text)) }

    var lines: [String] {
        let width = rows.map(\.word.count).filter { $0 <= widest }.max() ?? 0
        let margin = indentation + String(repeating: " ", count: width + 2)
        return rows.flatMap { row -> [String] in
            let texts = Self.broken(row.text, to: Self.lineLength - margin.count)
            let first = indentation + row.word
            guard row.word.count <= widest else { return [first] + texts.map { margin + $0 } }
            let gap = String(repeating: " ", count: margin.count - first.count)
            return [first + gap + (texts.first ?? "")] + texts.dropFirst().map { margin + $0 }
        }
    }

    /// Columns, which stand two blanks apart, are not broken.
    private static func broken(_ text: String, to length: Int) -> [String] {
        guard text.count > length, !text.contains("  ") else { return [text] }
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= length {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
