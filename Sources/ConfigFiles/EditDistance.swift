/// Finds the word somebody probably meant.
enum EditDistance {
    /// Longer words are not compared: the work grows with the square.
    private static let longestWord = 64

    /// The nearest of the words if it is near enough to be a slip: the same but for case, or at most a third of its letters
    /// different; the first of equally near ones in order.
    static func nearest(to text: String, among words: some Collection<String>) -> String? {
        let source = Array(text.lowercased().unicodeScalars.prefix(longestWord + 1))
        guard !source.isEmpty, source.count <= longestWord else { return nil }
        var best: (word: String, distance: Int)?
        for word in words.sorted() {
            let target = Array(word.lowercased().unicodeScalars.prefix(longestWord + 1))
            let allowed = max(1, min(3, min(source.count, target.count) / 3))
            guard target.count <= longestWord, abs(target.count - source.count) <= allowed else { continue }
            let distance = between(source, target)
            if distance <= allowed, distance < best?.distance ?? .max { best = (word, distance) }
        }
        return best?.word
    }

    /// Insertions, deletions, replacements and swaps of neighbours (the restricted Damerau-Levenshtein distance).
    static func between(_ source: [Unicode.Scalar], _ target: [Unicode.Scalar]) -> Int {
        var beforePrevious: [Int] = []
        var previous = Array(0...target.count)
        for (row, letter) in source.enumerated() {
            var current = [row + 1]
            current.reserveCapacity(target.count + 1)
            for (column, other) in target.enumerated() {
                var cost = min(
                    previous[column] + (letter == other ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == target[column - 1], source[row - 1] == other {
                    cost = min(cost, beforePrevious[column - 1] + 1)
                }
                current.append(cost)
            }
            (beforePrevious, previous) = (previous, current)
        }
        return previous[target.count]
    }
}
