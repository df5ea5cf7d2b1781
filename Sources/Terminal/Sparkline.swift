/// A row of values as a line of block characters, the highest value as the full block.
package enum Sparkline {
    private static let blocks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// - Parameter values: at least 0; `nil` is a gap.
    package static func text(_ values: [Double?]) -> String {
        let top = values.compactMap { $0 }.filter(\.isFinite).max() ?? 0
        return String(
            values.map { value in
                guard let value else { return " " }
                guard top > 0, value.isFinite else { return blocks[0] }
                let step = Int((max(0, value) / top * Double(blocks.count - 1)).rounded())
                return blocks[min(step, blocks.count - 1)]
            })
    }
}
