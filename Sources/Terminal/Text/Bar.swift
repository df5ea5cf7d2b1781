/// A part of a whole as a row of blocks.
package enum Bar {
    private static let eighths: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    /// - Parameters:
    ///   - part: 0...1; what lies outside is taken as the nearest.
    ///   - columns: of the whole.
    package static func text(_ part: Double, columns: Int) -> String {
        guard part.isFinite, columns > 0 else { return "" }
        let filled = Int((min(max(0, part), 1) * Double(columns) * 8).rounded())
        var text = String(repeating: "█", count: filled / 8)
        if filled % 8 > 0 { text.append(eighths[filled % 8 - 1]) }
        return text
    }
}
