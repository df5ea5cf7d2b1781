extension Pattern {
    /// The expression as instructions, after Thompson: each takes a character or leads on.
    struct Program {
        /// Instructions after counted repetitions are written out. What follows is at worst quadratic in it.
        static let limit = 8192

        enum Instruction {
            /// Takes a character of `sets[set]` and goes on to the next instruction.
            case characters(set: Int)
            /// Goes on at both, the first preferred.
            case split(Int, Int)
            case jump(Int)
            /// Group `number` starts (`2 * number`) or ends (`2 * number + 1`) here.
            case save(Int)
            case assertion(Assertion)
            case match
        }

        private(set) var instructions: [Instruction] = []
        /// The distinct sets of characters.
        private(set) var sets: [CharacterSet] = []
        private var setIndexes: [CharacterSet: Int] = [:]
        /// Nodes visited, those that leave no instruction included: `(?:(?:){1000}){1000}` is work as well.
        private var visits = 0

        init(_ tree: Node) throws(Failure) {
            try compile(tree)
            try emit(.match)
        }

        var usesWordBoundaries: Bool {
            instructions.contains {
                switch $0 {
                case .assertion(.wordBoundary), .assertion(.noWordBoundary): true
                default: false
                }
            }
        }

        private mutating func compile(_ node: Node) throws(Failure) {
            visits += 1
            guard visits <= Self.limit else { throw tooComplex }
            switch node {
            case .empty: break
            case .characters(let set): try emit(.characters(set: index(of: set)))
            case .assertion(let assertion): try emit(.assertion(assertion))
            case .sequence(let nodes): for node in nodes { try compile(node) }
            case .alternation(let nodes): try compile(alternation: nodes)
            case .repetition(let node, let repetition): try compile(node, repetition)
            case .group(let node, let number):
                try emit(.save(2 * number))
                try compile(node)
                try emit(.save(2 * number + 1))
            }
        }

        private mutating func compile(alternation nodes: [Node]) throws(Failure) {
            var ends: [Int] = []
            for node in nodes.dropLast() {
                let split = try emit(.split(0, 0))
                try compile(node)
                ends.append(try emit(.jump(0)))
                instructions[split] = .split(split + 1, instructions.count)
            }
            if let last = nodes.last { try compile(last) }
            for end in ends { instructions[end] = .jump(instructions.count) }
        }

        /// As RE2 writes repetitions out, so that groups take what they take there also where a round can be empty.
        private mutating func compile(_ node: Node, _ repetition: Repetition) throws(Failure) {
            guard let most = repetition.most else {
                for _ in 1..<max(1, repetition.least) { try compile(node) }
                let skip = repetition.least == 0 ? try emit(.split(0, 0)) : nil
                let start = instructions.count
                try compile(node)
                let again = try emit(.split(0, 0))
                instructions[again] = choice(start, instructions.count, repetition)
                if let skip { instructions[skip] = choice(start, instructions.count, repetition) }
                return
            }
            for _ in 0..<repetition.least { try compile(node) }
            var splits: [Int] = []
            for _ in repetition.least..<most {
                splits.append(try emit(.split(0, 0)))
                try compile(node)
            }
            for split in splits { instructions[split] = choice(split + 1, instructions.count, repetition) }
        }

        private func choice(_ inside: Int, _ behind: Int, _ repetition: Repetition) -> Instruction {
            repetition.isLazy ? .split(behind, inside) : .split(inside, behind)
        }

        @discardableResult private mutating func emit(_ instruction: Instruction) throws(Failure) -> Int {
            guard instructions.count < Self.limit else { throw tooComplex }
            instructions.append(instruction)
            return instructions.count - 1
        }

        private mutating func index(of set: CharacterSet) -> Int {
            if let index = setIndexes[set] { return index }
            sets.append(set)
            setIndexes[set] = sets.count - 1
            return sets.count - 1
        }
    }
}
