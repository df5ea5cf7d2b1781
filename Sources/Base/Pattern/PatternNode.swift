extension Pattern {
    /// The expression as a tree.
    indirect enum Node {
        case empty
        case characters(CharacterSet)
        case assertion(Assertion)
        case sequence([Node])
        case alternation([Node])
        case repetition(Node, Repetition)
        /// A capturing group; the first is number 1.
        case group(Node, number: Int)
    }

    /// A condition between two characters.
    enum Assertion: Hashable {
        case start
        case end
        case wordBoundary
        case noWordBoundary
    }

    struct Repetition: Equatable {
        var least: Int
        /// `nil` for no bound.
        var most: Int?
        /// Irrelevant to whether the whole matches; kept for what a group would hold.
        var isLazy = false
    }
}
