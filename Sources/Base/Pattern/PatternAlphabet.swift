extension Pattern {
    /// Divides all characters into the classes that a pattern tells apart, and reads characters off bytes.
    struct Alphabet {
        private(set) var classCount = 0
        /// The class of each ASCII character.
        private var ascii: [UInt16] = []
        /// First characters of the runs that follow, ascending from 0, and the class of each run.
        private var starts: [UInt32] = []
        private var classes: [UInt16] = []
        /// For each class the sets it belongs to.
        private(set) var sets: [[Int]] = []

        /// Classes for `sets`: two characters share one if and only if every set holds both or neither.
        init(_ characterSets: [CharacterSet], _ budget: inout Budget) throws(Failure) {
            var bounds: Set<UInt32> = [0]
            for range in characterSets.lazy.flatMap(\.ranges) {
                bounds.insert(range.lowerBound)
                if range.upperBound < CharacterSet.stray { bounds.insert(range.upperBound + 1) }
            }
            starts = bounds.sorted()
            var memberships = [[Int]](repeating: [], count: starts.count)
            for (number, set) in characterSets.enumerated() {
                for range in set.ranges {
                    let runs = run(of: range.lowerBound)...run(of: range.upperBound)
                    guard budget.spend(runs.count) else { throw tooComplex }
                    for run in runs { memberships[run].append(number) }
                }
            }
            // At most two runs for each range, and a range takes a byte of source: far fewer classes than UInt16 holds.
            var numbers: [[Int]: UInt16] = [:]
            for membership in memberships {
                let number = numbers[membership] ?? UInt16(sets.count)
                if Int(number) == sets.count {
                    numbers[membership] = number
                    sets.append(membership)
                }
                classes.append(number)
            }
            classCount = sets.count
            for character: UInt32 in 0..<0x80 { ascii.append(classes[run(of: character)]) }
        }

        /// The class of the character at `offset`, which must be below the end, and moves `offset` behind it.
        @inline(__always) func nextClass(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Int {
            let byte = bytes[offset]
            if byte < 0x80 {
                offset &+= 1
                return Int(ascii[Int(byte)])
            }
            return Int(classes[run(of: Self.decode(bytes, &offset))])
        }

        /// The last run that starts at or before `character`. The first starts at 0, so there is one.
        private func run(of character: UInt32) -> Int {
            var low = 0
            var high = starts.count
            while high &- low > 1 {
                let middle = (low &+ high) >> 1
                if starts[middle] <= character { low = middle } else { high = middle }
            }
            return low
        }

        /// The character behind a lead byte at `offset` (RFC 3629 section 4), or `stray` for that byte alone.
        private static func decode(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> UInt32 {
            let lead = bytes[offset]
            let length: Int
            // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
            var second: ClosedRange<UInt8> = 0x80...0xBF
            switch lead {
            case 0xC2...0xDF: length = 2
            case 0xE0: (length, second) = (3, 0xA0...0xBF)
            case 0xED: (length, second) = (3, 0x80...0x9F)
            case 0xE1...0xEF: length = 3
            case 0xF0: (length, second) = (4, 0x90...0xBF)
            case 0xF1...0xF3: length = 4
            case 0xF4: (length, second) = (4, 0x80...0x8F)
            default: length = 0
            }
            let start = offset
            offset &+= 1
            guard length > 0, bytes.count &- start >= length, second.contains(bytes[offset]) else {
                return CharacterSet.stray
            }
            var value = UInt32(lead) & (0x7F >> UInt32(length))
            for index in (start &+ 1)..<(start &+ length) {
                let byte = bytes[index]
                guard byte & 0xC0 == 0x80 else { return CharacterSet.stray }
                value = value << 6 | UInt32(byte & 0x3F)
            }
            offset = start &+ length
            return value
        }
    }
}
