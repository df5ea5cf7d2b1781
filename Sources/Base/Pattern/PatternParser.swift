extension Pattern {
    /// Reads the expression; one call of `parse` for each parser.
    struct Parser {
        /// Groups inside groups: bounds the recursion here and in the compiler, far below any thread's stack.
        static let depthLimit = 100
        /// Largest count in braces, as in RE2.
        static let repetitionLimit = 1000

        let scalars: [Unicode.Scalar]
        var position = 0
        /// Capturing groups seen.
        private(set) var groupCount = 0
        private var flags = Flags()

        struct Flags {
            var ignoreCase = false
            /// `.` takes a line feed too.
            var dotTakesLineFeed = false
        }

        init(_ source: String) { scalars = Array(source.unicodeScalars) }

        mutating func parse() throws(Failure) -> Node {
            let node = try alternation(depth: 0)
            // An alternation ends at the end of the expression or before a parenthesis.
            guard position == scalars.count else { throw failure("')' without '('; write '\\)' for the character") }
            return node
        }

        private mutating func alternation(depth: Int) throws(Failure) -> Node {
            var branches = [try sequence(depth: depth)]
            while take("|") { branches.append(try sequence(depth: depth)) }
            return branches.count == 1 ? branches[0] : .alternation(branches)
        }

        private mutating func sequence(depth: Int) throws(Failure) -> Node {
            var items: [Node] = []
            while let scalar = peek, scalar != "|", scalar != ")" {
                guard let atom = try atom(depth: depth) else { continue }
                items.append(try repeated(atom))
            }
            return items.count == 1 ? items[0] : items.isEmpty ? .empty : .sequence(items)
        }

        /// `nil` for a flag setting, which is nothing to repeat.
        private mutating func atom(depth: Int) throws(Failure) -> Node? {
            let start = position
            guard let scalar = next() else { return .empty }
            switch scalar {
            case "(": return try group(depth: depth, start: start)
            case "[": return .characters(try bracketed(start: start))
            case ".":
                let set = CharacterSet.any
                return .characters(flags.dotTakesLineFeed ? set : CharacterSet.lineFeed.inverted)
            case "^": return .assertion(.start)
            case "$": return .assertion(.end)
            case "\\":
                switch try escape(start: start) {
                case .character(let character): return literal(character)
                case .set(let set): return .characters(set)
                case .assertion(let assertion): return .assertion(assertion)
                }
            case "*", "+", "?":
                throw failure("'\(scalar)' with nothing to repeat; write '\\\(scalar)' for the character", at: start)
            case "{":
                position = start
                guard try counts() == nil else {
                    throw failure("'{' with nothing to repeat; write '\\{' for the character", at: start)
                }
                position = start + 1
                return literal(scalar.value)
            default: return literal(scalar.value)
            }
        }

        private func literal(_ character: UInt32) -> Node { .characters(folded(CharacterSet(character))) }

        func folded(_ set: CharacterSet) -> CharacterSet { flags.ignoreCase ? set.foldingCase : set }

        private mutating func group(depth: Int, start: Int) throws(Failure) -> Node? {
            guard depth < Self.depthLimit else {
                throw failure("groups nested deeper than \(Self.depthLimit)", at: start)
            }
            let outer = flags
            var number: Int?
            if take("?") {
                switch try groupKind(start: start) {
                case .flags: return nil
                case .plain: break
                case .named: number = groupCount + 1
                }
            } else {
                number = groupCount + 1
            }
            if let number { groupCount = number }
            let inner = try alternation(depth: depth + 1)
            guard take(")") else { throw failure("'(' without ')'; write '\\(' for the character", at: start) }
            flags = outer
            return number.map { .group(inner, number: $0) } ?? inner
        }

        private enum GroupKind { case flags, plain, named }

        /// What follows `(?`, up to where the group's content starts.
        private mutating func groupKind(start: Int) throws(Failure) -> GroupKind {
            if peek == "=" || peek == "!" { throw failure("look-ahead is not supported", at: start) }
            let named = take("P")
            if take("<") {
                if peek == "=" || peek == "!" { throw failure("look-behind is not supported", at: start) }
                let name = position
                while let scalar = peek, CharacterSet.word.contains(scalar.value) { position += 1 }
                guard position > name, take(">") else {
                    throw failure("a group's name is letters, digits and '_', closed by '>'", at: start)
                }
                return .named
            }
            if named { throw failure("only '(?P<name>' may follow '(?P'", at: start) }
            return try flagSettings(start: start)
        }

        private mutating func flagSettings(start: Int) throws(Failure) -> GroupKind {
            var setting = true
            while let scalar = next() {
                switch scalar {
                case "i": flags.ignoreCase = setting
                case "s": flags.dotTakesLineFeed = setting
                case "-" where setting: setting = false
                case ":": return .plain
                case ")" where position - start > 3: return .flags
                case "m": throw failure("multi-line mode is not supported: values are single lines", at: start)
                default: throw failure("'(?' must be followed by ':', '<name>' or the flags i and s", at: start)
                }
            }
            throw failure("'(' without ')'; write '\\(' for the character", at: start)
        }

        private mutating func repeated(_ atom: Node) throws(Failure) -> Node {
            guard var repetition = try repetition() else { return atom }
            repetition.isLazy = take("?")
            let start = position
            if try self.repetition() != nil {
                throw failure("a repetition of a repetition; put the first one in '(?:' and ')'", at: start)
            }
            return .repetition(atom, repetition)
        }

        private mutating func repetition() throws(Failure) -> Repetition? {
            if take("*") { return Repetition(least: 0, most: nil) }
            if take("+") { return Repetition(least: 1, most: nil) }
            if take("?") { return Repetition(least: 0, most: 1) }
            return try counts()
        }

        /// `{n}`, `{n,}` or `{n,m}`; anything else after a brace is not a repetition, as in RE2, and stays unread.
        private mutating func counts() throws(Failure) -> Repetition? {
            let start = position
            guard take("{"), let least = number() else {
                position = start
                return nil
            }
            var most: Int? = least
            if take(",") { most = number() }
            guard take("}") else {
                position = start
                return nil
            }
            guard max(least, most ?? 0) <= Self.repetitionLimit else {
                throw failure("counts above \(Self.repetitionLimit) are not supported", at: start)
            }
            if let most, most < least { throw failure("the upper count is below the lower one", at: start) }
            return Repetition(least: least, most: most)
        }

        /// Digits; what is above `repetitionLimit` stays above it and never overflows.
        private mutating func number() -> Int? {
            var value: Int?
            while let scalar = peek, CharacterSet.digit.contains(scalar.value) {
                value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), Self.repetitionLimit + 1)
                position += 1
            }
            return value
        }
    }
}

// Reading.
extension Pattern.Parser {
    var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    mutating func next() -> Unicode.Scalar? {
        guard let scalar = peek else { return nil }
        position += 1
        return scalar
    }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    /// A failure at `index`, or where the parser stands.
    func failure(_ message: String, at index: Int? = nil) -> Pattern.Failure {
        let before = scalars[..<min(index ?? position, scalars.count)]
        return Pattern.Failure(message, offset: before.reduce(0) { $0 + UTF8.width($1) })
    }
}
