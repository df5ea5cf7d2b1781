/// Columns under titles, as wide as what is in them, or as narrow as the terminal demands: then names are cut first, and
/// after that whole columns go, the least important ones before others.
package struct Table: Sendable {
    package struct Column: Sendable {
        package enum Alignment: Sendable { case left, right }

        package var title: String
        package var alignment = Alignment.right
        /// The higher goes first where there is not enough room; 0 never goes.
        package var rank: Int
        /// How narrow it may be made by cutting what is in it; `nil` for what is shown whole.
        package var minimum: Int?

        package init(_ title: String, _ alignment: Alignment = .right, rank: Int, minimum: Int? = nil) {
            self.title = title
            self.alignment = alignment
            self.rank = rank
            self.minimum = minimum
        }
    }

    package struct Row: Sendable, Equatable {
        /// One for each column; those that are missing are empty.
        package var cells: [StyledLine]
        /// Whether somebody who cannot see it should be told.
        package var isTrouble = false

        package init(_ cells: [StyledLine], isTrouble: Bool = false) {
            self.cells = cells
            self.isTrouble = isTrouble
        }
    }

    package var columns: [Column]
    package var rows: [Row] = []

    private static let gap = 2

    package init(_ columns: [Column]) { self.columns = columns }

    /// The titles and then each row.
    ///
    /// - Parameter width: of the terminal; `nil` where there is none, and everything is shown whole.
    package func lines(width: Int?) -> [StyledLine] {
        let (shown, widths) = layout(width)
        let titles = columns.map { StyledLine($0.title, .faint) }
        return ([titles] + rows.map(\.cells)).map { cells in
            var line = StyledLine()
            var start = 0
            for (column, columnWidth) in zip(shown, widths) {
                let cell = column < cells.count ? cells[column].cut(to: columnWidth) : StyledLine()
                if !cell.isEmpty {
                    line.pad(to: start + (columns[column].alignment == .right ? columnWidth - cell.width : 0))
                    line.append(cell)
                }
                start += columnWidth + Self.gap
            }
            return width.map { line.cut(to: $0) } ?? line
        }
    }

    /// Which columns are shown, and how wide each of them is.
    private func layout(_ width: Int?) -> ([Int], [Int]) {
        let natural = columns.indices.map { column in
            rows.reduce(0) { max($0, column < $1.cells.count ? $1.cells[column].width : 0) }
        }
        // A column in which there is nothing needs no title.
        var shown = columns.indices.filter { natural[$0] > 0 || columns[$0].rank == 0 }
        let wanted = columns.indices.map { max(natural[$0], DisplayWidth.of(columns[$0].title)) }
        guard let width else { return (shown, shown.map { wanted[$0] }) }
        while true {
            var widths = shown.map { column in columns[column].minimum.map { min($0, wanted[column]) } ?? wanted[column]
            }
            var left = width - widths.reduce(0, +) - Self.gap * max(0, shown.count - 1)
            if left >= 0 {
                for (index, column) in shown.enumerated() where left > 0 {
                    let more = min(left, wanted[column] - widths[index])
                    widths[index] += more
                    left -= more
                }
                return (shown, widths)
            }
            guard let least = shown.max(by: { columns[$0].rank < columns[$1].rank }), columns[least].rank > 0 else {
                return (shown, widths)
            }
            shown.removeAll { $0 == least }
        }
    }
}
