extension Pattern {
    /// The compiled expression: a table of states, or where that would be too large, sets of positions.
    final class Matcher: Sendable {
        private let form: Form

        private enum Form {
            case table(StateTable)
            case sets(PositionSets)
        }

        init(_ automaton: PositionAutomaton, tableLimit: Int, _ budget: inout Budget) throws(Failure) {
            if let table = StateTable(automaton, limit: tableLimit, &budget) {
                form = .table(table)
            } else if let sets = PositionSets(automaton) {
                form = .sets(sets)
            } else {
                throw tooComplex
            }
        }

        func matchesWhole(_ bytes: UnsafeRawBufferPointer) -> Bool {
            switch form {
            case .table(let table): table.matchesWhole(bytes)
            case .sets(let sets): sets.matchesWhole(bytes)
            }
        }

        var stepsPerCharacter: Int {
            switch form {
            case .table: 1
            case .sets: PositionSets.chunkCount
            }
        }
    }

    /// A table with one state for each set of positions that can be reached, built to the end before the first match.
    struct StateTable {
        private static let dead: UInt16 = 0
        private static let start: UInt16 = 1

        private let alphabet: Alphabet
        /// The next state, at `state * classCount + class`.
        private var next: [UInt16]
        private var accepts: [Bool]

        /// What looking a set of positions up costs, beside reading it.
        private static let lookUpSteps = 30

        /// `nil` if the table would exceed `limit` entries or the work its budget.
        init?(_ automaton: PositionAutomaton, limit: Int, _ budget: inout Budget) {
            alphabet = automaton.alphabet
            let classCount = alphabet.classCount
            let width = automaton.follow.width
            next = Array(repeating: Self.dead, count: classCount)
            accepts = [false, automaton.matchesEmpty]
            var numbers = [[UInt64](repeating: 0, count: width): Self.dead]
            // The sets of positions of the states after the start, which is no position.
            var sets: [[UInt64]] = []
            var state = 0
            while state <= sets.count {
                var reachable = Array(automaton.first[0])
                var cost = classCount * (width + Self.lookUpSteps)
                if state > 0 {
                    reachable = Array(repeating: 0, count: width)
                    for position in Members(words: sets[state - 1]) {
                        automaton.follow.unite(row: position, into: &reachable)
                        cost += width
                    }
                }
                guard budget.spend(cost), next.count + classCount <= limit else { return nil }
                for number in 0..<classCount {
                    let set = automaton.takers.intersection(reachable, row: number)
                    if let known = numbers[set] {
                        next.append(known)
                        continue
                    }
                    sets.append(set)
                    guard let fresh = UInt16(exactly: sets.count + 1) else { return nil }
                    numbers[set] = fresh
                    accepts.append(automaton.last.intersects(set, row: 0))
                    next.append(fresh)
                }
                state += 1
            }
        }

        func matchesWhole(_ bytes: UnsafeRawBufferPointer) -> Bool {
            var state = Self.start
            var offset = 0
            while offset < bytes.count {
                let character = alphabet.nextClass(bytes, &offset)
                state = next[Int(state) &* alphabet.classCount &+ character]
                if state == Self.dead { return false }
            }
            return accepts[Int(state)]
        }
    }

    /// Follows sets of positions themselves, several positions at a time: a set fits a vector register, and what
    /// follows each combination of four neighbouring positions is tabled.
    struct PositionSets {
        /// Positions: the bits of the vector. The table takes 32 KiB.
        static let limit = 256
        static let chunkCount = limit / 4

        private let alphabet: Alphabet
        /// What follows the positions of a chunk, at `chunk * 16 + combination`.
        private var follow: [SIMD4<UInt64>]
        private var takers: [SIMD4<UInt64>]
        private let first: SIMD4<UInt64>
        private let last: SIMD4<UInt64>
        private let matchesEmpty: Bool

        /// `nil` if there are too many positions.
        init?(_ automaton: PositionAutomaton) {
            guard automaton.count <= Self.limit else { return nil }
            alphabet = automaton.alphabet
            first = Self.vector(automaton.first[0])
            last = Self.vector(automaton.last[0])
            matchesEmpty = automaton.matchesEmpty
            takers = (0..<alphabet.classCount).map { Self.vector(automaton.takers[$0]) }
            follow = []
            for chunk in 0..<Self.chunkCount {
                for combination in 0..<16 {
                    var union = SIMD4<UInt64>()
                    for bit in 0..<4 where combination >> bit & 1 == 1 && chunk * 4 + bit < automaton.count {
                        union |= Self.vector(automaton.follow[chunk * 4 + bit])
                    }
                    follow.append(union)
                }
            }
        }

        private static func vector(_ row: ArraySlice<UInt64>) -> SIMD4<UInt64> {
            var vector = SIMD4<UInt64>()
            for (lane, word) in row.enumerated() { vector[lane] = word }
            return vector
        }

        func matchesWhole(_ bytes: UnsafeRawBufferPointer) -> Bool {
            guard !bytes.isEmpty else { return matchesEmpty }
            var offset = 0
            var reachable = first
            while true {
                let set = reachable & takers[alphabet.nextClass(bytes, &offset)]
                if set == SIMD4() { return false }
                if offset == bytes.count { return set & last != SIMD4() }
                reachable = SIMD4()
                for lane in 0..<4 {
                    var word = set[lane]
                    var chunk = lane &* 16
                    while word != 0 {
                        reachable |= follow[chunk &* 16 &+ Int(truncatingIfNeeded: word & 15)]
                        word >>= 4
                        chunk &+= 1
                    }
                }
            }
        }
    }

    /// The numbers of the bits that are set, ascending.
    private struct Members: Sequence, IteratorProtocol {
        private let words: [UInt64]
        private var index = 0
        private var rest: UInt64

        init(words: [UInt64]) {
            self.words = words
            rest = words.first ?? 0
        }

        mutating func next() -> Int? {
            while rest == 0 {
                index += 1
                guard index < words.count else { return nil }
                rest = words[index]
            }
            let bit = rest.trailingZeroBitCount
            rest &= rest &- 1
            return index * 64 + bit
        }
    }
}
