extension Pattern {
    /// The automaton of a program's positions, after Glushkov: a position is an instruction that takes a character, and
    /// a run through the input is a sequence of positions.
    ///
    /// What assertions ask is known between two positions: a position under a word boundary takes either word
    /// characters or others, being split in two where it could take both. So they are settled here and cost nothing later.
    struct PositionAutomaton {
        let alphabet: Alphabet
        let count: Int
        /// One row: the positions that take the first character.
        private(set) var first: BitMatrix
        /// For each position those that take the character after it.
        private(set) var follow: BitMatrix
        /// One row: the positions that may take the last character.
        private(set) var last: BitMatrix
        /// For each class of characters the positions that take it.
        private(set) var takers: BitMatrix
        /// Whether no character at all is a match.
        private(set) var matchesEmpty = false

        init(_ program: Program, _ budget: inout Budget) throws(Failure) {
            let layout = Layout(program)
            count = layout.positions.count
            alphabet = try Alphabet(layout.sets, &budget)
            first = BitMatrix(rows: 1, columns: count)
            follow = BitMatrix(rows: count, columns: count)
            last = BitMatrix(rows: 1, columns: count)
            takers = BitMatrix(rows: alphabet.classCount, columns: count)
            var positionsOfSet = [[Int]](repeating: [], count: layout.sets.count)
            for (number, position) in layout.positions.enumerated() { positionsOfSet[position.set].append(number) }
            for (number, sets) in alphabet.sets.enumerated() {
                for set in sets {
                    guard budget.spend(positionsOfSet[set].count) else { throw tooComplex }
                    for position in positionsOfSet[set] { takers.insert(position, row: number) }
                }
            }
            var walk = Walk(program: program, layout: layout)
            matchesEmpty = try walk.from(0, Place(isStart: true, afterWord: false), &budget) {
                first.insert($0, row: 0)
            }
            for (number, position) in layout.positions.enumerated() {
                let place = Place(isStart: false, afterWord: position.isWord)
                let ends = try walk.from(position.instruction + 1, place, &budget) { follow.insert($0, row: number) }
                if ends { last.insert(number, row: 0) }
            }
        }

        /// What is known about the place behind a position.
        private struct Place {
            var isStart: Bool
            var afterWord: Bool
        }

        private enum Next { case wordCharacter, otherCharacter, end }

        private struct Position {
            var instruction: Int
            var set: Int
            var isWord: Bool
        }

        /// The positions of a program and the sets they take.
        private struct Layout {
            var sets: [CharacterSet]
            var positions: [Position] = []
            /// For each instruction the range of its positions.
            var ranges: [Range<Int>] = []
            let usesWordBoundaries: Bool

            init(_ program: Program) {
                sets = program.sets
                usesWordBoundaries = program.usesWordBoundaries
                // The two halves of each set, as indexes into `sets`.
                var halves: [(set: Int, isWord: Bool)] = []
                if usesWordBoundaries {
                    sets = program.sets.flatMap {
                        [$0.intersection(.word), $0.intersection(CharacterSet.word.inverted)]
                    }
                    halves = sets.indices.map { ($0, $0 % 2 == 0) }
                }
                for (number, instruction) in program.instructions.enumerated() {
                    let start = positions.count
                    if case .characters(let set) = instruction {
                        let parts = usesWordBoundaries ? Array(halves[2 * set...2 * set + 1]) : [(set, false)]
                        for (set, isWord) in parts where !sets[set].ranges.isEmpty {
                            positions.append(Position(instruction: number, set: set, isWord: isWord))
                        }
                    }
                    ranges.append(start..<positions.count)
                }
            }
        }

        /// Walks the instructions that take no character.
        private struct Walk {
            let program: Program
            let layout: Layout
            private var pending: [Int] = []
            /// The walk in which each instruction was seen last.
            private var seen: [Int]
            private var number = 0

            init(program: Program, layout: Layout) {
                self.program = program
                self.layout = layout
                seen = Array(repeating: 0, count: program.instructions.count)
            }

            /// Reports every position that can be next from `start` on, and returns whether the input may end there.
            mutating func from(
                _ start: Int, _ place: Place, _ budget: inout Budget, _ reach: (Int) -> Void
            ) throws(Failure) -> Bool {
                _ = try walk(start, place, .otherCharacter, &budget, reach)
                if layout.usesWordBoundaries { _ = try walk(start, place, .wordCharacter, &budget, reach) }
                return try walk(start, place, .end, &budget) { _ in }
            }

            private mutating func walk(
                _ start: Int, _ place: Place, _ next: Next, _ budget: inout Budget, _ reach: (Int) -> Void
            ) throws(Failure) -> Bool {
                number += 1
                var matches = false
                pending.append(start)
                while let current = pending.popLast() {
                    guard seen[current] != number else { continue }
                    seen[current] = number
                    guard budget.spend(1) else { throw tooComplex }
                    switch program.instructions[current] {
                    case .characters:
                        guard next != .end else { continue }
                        for position in layout.ranges[current]
                        where !layout.usesWordBoundaries
                            || layout.positions[position].isWord == (next == .wordCharacter)
                        {
                            reach(position)
                        }
                    case .split(let preferred, let other): pending += [other, preferred]
                    case .jump(let target): pending.append(target)
                    case .save: pending.append(current + 1)
                    case .assertion(let assertion):
                        if Self.holds(assertion, place, next) { pending.append(current + 1) }
                    case .match: matches = next == .end
                    }
                }
                return matches
            }

            private static func holds(_ assertion: Assertion, _ place: Place, _ next: Next) -> Bool {
                switch assertion {
                case .start: place.isStart
                case .end: next == .end
                case .wordBoundary: place.afterWord != (next == .wordCharacter)
                case .noWordBoundary: place.afterWord == (next == .wordCharacter)
                }
            }
        }
    }
}
