/// A pattern's instructions made ready to find matches and what their groups hold.
struct CaptureProgram: Sendable {
    /// Most instructions: a text of 1 KiB can then always be searched (`Substitution.Scratch.visitedLimit`).
    static let limit = 2048

    /// Where each group starts and ends: of the whole match and of nine groups.
    typealias Groups = InlineArray<20, UInt32>
    static let unset = UInt32.max

    private enum Step: Sendable {
        /// Takes a character of the classes that are set in `takers` from here on.
        case characters(row: Int)
        case split(Int, Int)
        case jump(Int)
        case save(Int)
        case assertion(Pattern.Assertion)
        case match
    }

    private let alphabet: Pattern.Alphabet
    private let steps: [Step]
    /// For each set and class of characters whether the set holds it.
    private let takers: [Bool]
    /// Words in a row of bits, one for each instruction.
    private let width: Int
    /// Matches begin with the text.
    private let isAnchored: Bool
    /// The classes of characters with which matches begin; empty if a match may be empty or begin with any.
    private let first: [Bool]

    /// - Parameter groups: those up to this number are looked for.
    init(_ pattern: Pattern, groups: Int) throws(Pattern.Failure) {
        var parser = Pattern.Parser(pattern.source)
        let program = try Pattern.Program(try parser.parse())
        guard program.instructions.count <= Self.limit else {
            throw Pattern.Failure("is too long for a replacement, use fewer or smaller counted repetitions")
        }
        var budget = Pattern.Budget(left: Pattern.workLimit)
        let alphabet = try Pattern.Alphabet(program.sets, &budget)
        let classCount = alphabet.classCount
        var takers = [Bool](repeating: false, count: program.sets.count * classCount)
        for (number, sets) in alphabet.sets.enumerated() {
            for set in sets { takers[set * classCount + number] = true }
        }
        steps = program.instructions.enumerated().map { index, instruction in
            switch instruction {
            case .characters(let set): .characters(row: set * classCount)
            case .split(let preferred, let other): .split(preferred, other)
            case .jump(let target): .jump(target)
            case .save(let slot): slot / 2 <= groups ? .save(slot) : .jump(index + 1)
            case .assertion(let assertion): .assertion(assertion)
            case .match: .match
            }
        }
        self.alphabet = alphabet
        self.takers = takers
        width = (steps.count + 63) / 64
        isAnchored = Self.isAnchored(steps)
        first = Self.firstClasses(steps, takers, classCount)
    }

    private static func isAnchored(_ steps: [Step]) -> Bool {
        for step in steps {
            switch step {
            case .save, .jump: continue
            case .assertion(.start): return true
            default: return false
            }
        }
        return false
    }

    private static func firstClasses(_ steps: [Step], _ takers: [Bool], _ classCount: Int) -> [Bool] {
        var classes = [Bool](repeating: false, count: classCount)
        var seen = [Bool](repeating: false, count: steps.count)
        var pending = [0]
        while let step = pending.popLast() {
            if seen[step] { continue }
            seen[step] = true
            switch steps[step] {
            case .characters(let row):
                for number in 0..<classCount where takers[row + number] { classes[number] = true }
            case .split(let preferred, let other): pending += [preferred, other]
            case .jump(let target): pending.append(target)
            // Assertions may hold.
            case .save, .assertion: pending.append(step + 1)
            case .match: return []
            }
        }
        return classes.allSatisfy { $0 } ? [] : classes
    }

    /// Where the character ends that begins at `place`, which is below the end.
    func place(behind place: Int, _ text: UnsafeRawBufferPointer) -> Int {
        var next = place
        _ = alphabet.nextClass(text, &next)
        return next
    }

    /// To be called before the first search in a text. False for one that is too long.
    func begin(_ text: UnsafeRawBufferPointer, _ scratch: inout Substitution.Scratch) -> Bool {
        scratch.begin(rows: text.count, width: width)
    }

    /// The first match at or behind `start`, which only grows from call to call; what its groups hold is in `groups`,
    /// but for the whole match itself.
    func search(
        _ text: UnsafeRawBufferPointer, from start: Int, _ groups: inout Groups,
        _ scratch: inout Substitution.Scratch
    ) -> Range<Int>? {
        // What an attempt in vain has set, it has set back: each begins with none.
        for index in groups.indices { groups[index] = Self.unset }
        var place = start
        while place <= text.count && (place == 0 || !isAnchored) {
            var next = place
            if place < text.count {
                let number = alphabet.nextClass(text, &next)
                if first.isEmpty || first[number], let end = run(text, place, &groups, &scratch) { return place..<end }
                place = next
            } else {
                return first.isEmpty ? run(text, place, &groups, &scratch).map { place..<$0 } : nil
            }
        }
        return nil
    }

    /// Where the preferred match that begins at `start` ends.
    private func run(
        _ text: UnsafeRawBufferPointer, _ start: Int, _ groups: inout Groups,
        _ scratch: inout Substitution.Scratch
    ) -> Int? {
        scratch.push(.go(step: 0, place: start))
        while let task = scratch.pop() {
            var (step, place) = (task.number, Int(task.place))
            if task.isRestoring {
                groups[step] = task.place
                continue
            }
            follow: while scratch.visit(step, place) {
                switch steps[step] {
                case .characters(let row):
                    guard place < text.count, takers[row &+ alphabet.nextClass(text, &place)] else { break follow }
                    step &+= 1
                case .split(let preferred, let other):
                    scratch.push(.go(step: other, place: place))
                    step = preferred
                case .jump(let target): step = target
                case .save(let slot):
                    scratch.push(.restore(slot: slot, place: groups[slot]))
                    groups[slot] = UInt32(truncatingIfNeeded: place)
                    step &+= 1
                case .assertion(let assertion):
                    guard Self.holds(assertion, text, place) else { break follow }
                    step &+= 1
                case .match:
                    // What was tried behind the match has led nowhere and never will. At its end some of it has led
                    // here, and the next search begins there.
                    scratch.forget(place)
                    return place
                }
            }
        }
        return nil
    }

    private static func holds(_ assertion: Pattern.Assertion, _ text: UnsafeRawBufferPointer, _ place: Int) -> Bool {
        switch assertion {
        case .start: place == 0
        case .end: place == text.count
        case .wordBoundary: isWord(text, place &- 1) != isWord(text, place)
        case .noWordBoundary: isWord(text, place &- 1) == isWord(text, place)
        }
    }

    /// No byte of a longer character is one of a word.
    private static func isWord(_ text: UnsafeRawBufferPointer, _ place: Int) -> Bool {
        guard place >= 0 && place < text.count else { return false }
        return switch text[place] {
        case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: true
        default: false
        }
    }
}
