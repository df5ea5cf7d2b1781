extension Pattern {
    /// Rows of bits, all in one allocation.
    struct BitMatrix {
        /// 64-bit words in a row; at least one.
        let width: Int
        private(set) var words: [UInt64]

        init(rows: Int, columns: Int) {
            width = max(1, (columns + 63) / 64)
            words = Array(repeating: 0, count: rows * width)
        }

        mutating func insert(_ column: Int, row: Int) {
            words[row * width + column / 64] |= 1 << UInt64(column % 64)
        }

        subscript(row: Int) -> ArraySlice<UInt64> { words[row * width..<(row + 1) * width] }

        /// Adds a row to a set of columns.
        func unite(row: Int, into set: inout [UInt64]) {
            let base = row * width
            for index in 0..<width { set[index] |= words[base + index] }
        }

        /// The columns that a set and a row share.
        func intersection(_ set: [UInt64], row: Int) -> [UInt64] {
            let base = row * width
            return (0..<width).map { set[$0] & words[base + $0] }
        }

        /// Whether a set and a row share a column.
        func intersects(_ set: [UInt64], row: Int) -> Bool {
            let base = row * width
            return (0..<width).contains { set[$0] & words[base + $0] != 0 }
        }
    }
}
