extension Pattern.Parser {
    /// What a backslash and the characters behind it mean.
    enum Escape {
        case character(UInt32)
        case set(Pattern.CharacterSet)
        case assertion(Pattern.Assertion)
    }

    /// What follows a backslash at `start`.
    mutating func escape(start: Int) throws(Pattern.Failure) -> Escape {
        guard let scalar = next() else { throw failure("'\\' at the end; write '\\\\' for the character", at: start) }
        switch scalar {
        case "d": return .set(.digit)
        case "D": return .set(Pattern.CharacterSet.digit.inverted)
        case "w": return .set(.word)
        case "W": return .set(Pattern.CharacterSet.word.inverted)
        case "s": return .set(.space)
        case "S": return .set(Pattern.CharacterSet.space.inverted)
        case "A": return .assertion(.start)
        case "z": return .assertion(.end)
        case "b": return .assertion(.wordBoundary)
        case "B": return .assertion(.noWordBoundary)
        case "a": return .character(0x07)
        case "t": return .character(0x09)
        case "n": return .character(0x0A)
        case "v": return .character(0x0B)
        case "f": return .character(0x0C)
        case "r": return .character(0x0D)
        case "x": return .character(try hexadecimal(start: start))
        case "Z": throw failure("'\\Z' is not supported; write '\\z' or '$'", at: start)
        case "p", "P": throw failure("Unicode classes are not supported; list the ranges in brackets", at: start)
        case "0": throw failure("octal escapes are not supported; write '\\x00'", at: start)
        case "1"..."9": throw failure("back-references are not supported", at: start)
        default:
            // A letter might mean something in another dialect; punctuation never does.
            guard scalar.isASCII, Pattern.CharacterSet.posix("alnum")?.contains(scalar.value) == false else {
                throw failure("unknown escape '\\\(scalar)'", at: start)
            }
            return .character(scalar.value)
        }
    }

    /// `41` or `{1F600}` behind `\x`.
    private mutating func hexadecimal(start: Int) throws(Pattern.Failure) -> UInt32 {
        let braced = take("{")
        // Six digits hold every scalar value and cannot overflow.
        let limit = braced ? 6 : 2
        var value: UInt32 = 0
        var digits = 0
        while digits < limit, let scalar = peek, scalar.isASCII, let digit = hexValue(UInt8(scalar.value)) {
            value = value << 4 | UInt32(digit)
            digits += 1
            position += 1
        }
        guard braced ? digits > 0 && take("}") : digits == 2, Unicode.Scalar(value) != nil else {
            throw failure("'\\x' needs two hexadecimal digits, or a Unicode scalar value in braces", at: start)
        }
        return value
    }

    /// The rest of a class whose bracket was at `start`.
    mutating func bracketed(start: Int) throws(Pattern.Failure) -> Pattern.CharacterSet {
        let negated = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while let scalar = next() {
            // A bracket in first place is a member.
            if scalar == "]" && !isFirst {
                let set = folded(Pattern.CharacterSet(ranges))
                return negated ? set.inverted : set
            }
            isFirst = false
            let from = position - 1
            if scalar == "[", opensPosixClass {
                ranges += try posixClass(start: from).ranges
                continue
            }
            switch try member(scalar, start: from) {
            case .assertion: throw failure("'\\A', '\\z', '\\b' and '\\B' mean nothing inside brackets", at: from)
            case .set(let set): ranges += set.ranges
            case .character(let lower):
                let upper = try upperBound(start: from) ?? lower
                guard lower <= upper else { throw failure("a range that ends before it starts", at: from) }
                ranges.append(lower...upper)
            }
        }
        throw failure("'[' without ']'; write '\\[' for the character", at: start)
    }

    private mutating func member(_ scalar: Unicode.Scalar, start: Int) throws(Pattern.Failure) -> Escape {
        scalar == "\\" ? try escape(start: start) : .character(scalar.value)
    }

    /// The character behind a `-` that makes a range; a `-` before the closing bracket is a member and stays unread.
    private mutating func upperBound(start: Int) throws(Pattern.Failure) -> UInt32? {
        guard peek == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else { return nil }
        position += 1
        let from = position
        guard let scalar = next(), case .character(let upper) = try member(scalar, start: from) else {
            throw failure("a range must end with one character", at: start)
        }
        return upper
    }

    /// Whether `:` and a letter or `^` come next: `[a[:]` lists two characters.
    private var opensPosixClass: Bool {
        guard peek == ":", position + 1 < scalars.count else { return false }
        let behind = scalars[position + 1]
        return behind == "^" || Pattern.CharacterSet.posix("alpha")?.contains(behind.value) == true
    }

    /// `[:alpha:]` or `[:^alpha:]`, inside brackets, from its own bracket on.
    private mutating func posixClass(start: Int) throws(Pattern.Failure) -> Pattern.CharacterSet {
        position = start + 2
        let negated = take("^")
        var name = ""
        while let scalar = peek, scalar != ":", scalar != "]" {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard take(":"), take("]"), let set = Pattern.CharacterSet.posix(name) else {
            throw failure("no such class; write for example '[[:alpha:]]', or '\\[' for the character", at: start)
        }
        return negated ? set.inverted : set
    }
}

extension Pattern.CharacterSet {
    func contains(_ character: UInt32) -> Bool { ranges.contains { $0.contains(character) } }
}
