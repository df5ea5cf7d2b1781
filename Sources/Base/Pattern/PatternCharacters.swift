extension Pattern {
    /// A set of characters: Unicode scalar values, and `stray` for a byte that is part of no UTF-8 sequence.
    struct CharacterSet: Hashable {
        /// Sorted, disjoint, not touching.
        private(set) var ranges: [ClosedRange<UInt32>]

        /// Stands for any byte that is part of no UTF-8 sequence.
        static let stray: UInt32 = 0x110000

        init(_ ranges: [ClosedRange<UInt32>]) {
            var merged: [ClosedRange<UInt32>] = []
            for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
                    merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
                } else {
                    merged.append(range)
                }
            }
            self.ranges = merged
        }

        init(_ character: UInt32) { ranges = [character...character] }

        /// Everything else, `stray` included.
        var inverted: CharacterSet {
            var gaps: [ClosedRange<UInt32>] = []
            var next: UInt32 = 0
            for range in ranges {
                if range.lowerBound > next { gaps.append(next...range.lowerBound - 1) }
                next = range.upperBound + 1
            }
            if next <= Self.stray { gaps.append(next...Self.stray) }
            return CharacterSet(gaps)
        }

        func union(_ other: CharacterSet) -> CharacterSet { CharacterSet(ranges + other.ranges) }

        func intersection(_ other: CharacterSet) -> CharacterSet { inverted.union(other.inverted).inverted }

        /// With every ASCII letter in both cases.
        var foldingCase: CharacterSet {
            var folded = ranges
            for range in ranges {
                let upper = range.clamped(to: Self.upperLetters)
                if range.overlaps(Self.upperLetters) { folded.append(upper.lowerBound + 32...upper.upperBound + 32) }
                let lower = range.clamped(to: Self.lowerLetters)
                if range.overlaps(Self.lowerLetters) { folded.append(lower.lowerBound - 32...lower.upperBound - 32) }
            }
            return CharacterSet(folded)
        }

        private static let upperLetters: ClosedRange<UInt32> = 0x41...0x5A
        private static let lowerLetters: ClosedRange<UInt32> = 0x61...0x7A
    }
}

extension Pattern.CharacterSet {
    static let any = Pattern.CharacterSet([0...stray])
    static let lineFeed = Pattern.CharacterSet(0x0A)
    static let digit = Pattern.CharacterSet([0x30...0x39])
    static let word = Pattern.CharacterSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    /// RE2's `\s`: without the vertical tab, unlike `[[:space:]]`.
    static let space = Pattern.CharacterSet([0x09...0x0A, 0x0C...0x0D, 0x20...0x20])

    /// The POSIX class `[:name:]`, all of them ASCII.
    static func posix(_ name: String) -> Pattern.CharacterSet? {
        switch name {
        case "alnum": Pattern.CharacterSet([0x30...0x39, 0x41...0x5A, 0x61...0x7A])
        case "alpha": Pattern.CharacterSet([0x41...0x5A, 0x61...0x7A])
        case "ascii": Pattern.CharacterSet([0x00...0x7F])
        case "blank": Pattern.CharacterSet([0x09...0x09, 0x20...0x20])
        case "cntrl": Pattern.CharacterSet([0x00...0x1F, 0x7F...0x7F])
        case "digit": digit
        case "graph": Pattern.CharacterSet([0x21...0x7E])
        case "lower": Pattern.CharacterSet([0x61...0x7A])
        case "print": Pattern.CharacterSet([0x20...0x7E])
        case "punct": Pattern.CharacterSet([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E])
        case "space": Pattern.CharacterSet([0x09...0x0D, 0x20...0x20])
        case "upper": Pattern.CharacterSet([0x41...0x5A])
        case "word": word
        case "xdigit": Pattern.CharacterSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
        default: nil
        }
    }
}
