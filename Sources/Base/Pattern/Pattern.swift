/// A regular expression that takes linear time, whatever the pattern and whatever the input.
///
/// The syntax is RE2's, without Unicode classes and multi-line mode: literals, `.`, classes, `\d \w \s` and their
/// negations, POSIX classes, groups, alternation, repetition, `^ $ \A \z \b \B`, the flags `i` and `s`. Look-around and
/// back-references do not exist in it, which is what makes linear time possible. What is refused says so in `Failure`.
///
/// A character is one UTF-8 sequence, or one byte that is part of none (field values may hold any byte). `.` takes one
/// character except a line feed, negated classes take strays too, and nothing else does. `(?i)` folds ASCII letters.
///
/// The expression is compiled once, on the control plane: to instructions, from there to the automaton of their
/// positions, from there to a table with one state for each reachable set of positions. Matching is one table look-up
/// for each character. A pattern whose table would be too large is matched on its sets of positions directly, 64
/// look-ups for each character at most, and one that is too large for that as well is refused. Both are immutable, so
/// loops share a pattern without a lock, which a table that is filled while matching would need.
///
/// Measured on one 2.6 GHz EPYC core with 8 KiB of input: at most 23 µs by table, and 300 µs on sets of
/// positions with 252 of them occupied throughout. Compiling takes below 1 ms for what routes hold and 110 ms at worst.
package struct Pattern: Sendable, Equatable {
    /// The expression as written.
    package let source: String
    /// Capturing groups in it.
    package let groupCount: Int
    private let matcher: Matcher

    /// Longest expression, in bytes: no route needs a longer one, and every table below grows with it.
    package static let sourceLimit = 4096

    /// Most entries in a state table, of two bytes each: 512 KiB, which holds an alternation of several hundred
    /// model names.
    package static let tableLimit = 256 * 1024

    /// Compiles `source`; the time it takes is bounded by the limits of the stages. With a smaller `tableLimit` more
    /// patterns are matched on sets of positions.
    package init(_ source: String, tableLimit: Int = Pattern.tableLimit) throws(Failure) {
        var work = Self.workLimit
        try self.init(source, tableLimit: tableLimit, work: &work)
    }

    /// The same for one of many.
    ///
    /// - Parameter work: elementary steps that may be taken; gets what is left of them.
    package init(_ source: String, tableLimit: Int = Pattern.tableLimit, work: inout Int) throws(Failure) {
        guard source.utf8.count <= Self.sourceLimit else {
            throw Failure("longer than \(Self.sourceLimit) bytes", offset: Self.sourceLimit)
        }
        var parser = Parser(source)
        let tree = try parser.parse()
        let program = try Program(tree)
        var budget = Budget(left: work)
        defer { work = budget.left }
        let automaton = try PositionAutomaton(program, &budget)
        self.source = source
        self.groupCount = parser.groupCount
        self.matcher = try Matcher(automaton, tableLimit: tableLimit, &budget)
    }

    /// Whether the expression describes all of `bytes`, as RE2's `FullMatch` decides. Safe on any thread; allocates
    /// nothing.
    package func matchesWhole(_ bytes: UnsafeRawBufferPointer) -> Bool { matcher.matchesWhole(bytes) }

    /// Elementary steps that compiling one pattern may take: a tenth of a second of one core in a release build, paid on the
    /// control plane.
    package static let workLimit = 32_000_000

    /// The most table look-ups that one character of input can cost: 1, or 64 without a state table.
    package var stepsPerCharacter: Int { matcher.stepsPerCharacter }

    /// Patterns are equal when they are written alike.
    package static func == (left: Pattern, right: Pattern) -> Bool { left.source == right.source }

    /// Why an expression was refused.
    package struct Failure: Error, Equatable {
        /// What is wrong and, where there is one, what to write instead.
        package let message: String
        /// Where, in UTF-8 bytes from the start of the expression.
        package let offset: Int

        init(_ message: String, offset: Int = 0) {
            self.message = message
            self.offset = offset
        }
    }
}

extension Pattern {
    /// The work that compiling one pattern may take.
    struct Budget {
        /// Elementary steps.
        private(set) var left: Int

        /// Takes `steps` and returns whether they were there.
        mutating func spend(_ steps: Int) -> Bool {
            left -= min(steps, left)
            return left > 0
        }
    }

    /// What an expression that exceeds a limit of compilation is told.
    static let tooComplex = Failure("too complex: use fewer or smaller counted repetitions, or shorter alternations")
}
