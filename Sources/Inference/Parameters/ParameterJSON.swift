/// Puts Triton's own parameters into the JSON of a v2 inference request as it passes: into the object `parameters` of the
/// outermost object, which is added where there is none. What the client says of the same parameters is taken out.
///
/// By how much the JSON grows is known before its first byte, because the length of a body, and of the JSON in front of
/// binary tensors, stands in the header: spaces take the place of what is taken out, and fill up what is put in. So nothing is
/// held back but the key of a parameter, however long the JSON is.
///
/// Two objects are read: the outermost one and its `parameters`. Whatever else there is passes by its brackets and strings, for
/// the server to judge. What would leave two readings of which parameters hold is refused.
package struct ParameterJSON: Sendable {
    private enum Place: UInt8 { case start, firstKey, key, colon, value, scalar, comma, end }
    private enum Use: UInt8 { case passed, key }
    /// What becomes of bytes.
    private enum Fate: UInt8 { case kept, blanked, held }

    private static let parameters: StaticString = "parameters"
    private static let opening: StaticString = "\"parameters\":{"

    /// The parameters, as members of an object.
    private let members: ShortText
    private let wanted: RequestParameters
    /// Bytes of JSON that are still to come; `nil` where the end of the body tells.
    private var left: UInt64?

    private var place = Place.start
    /// Within `parameters`; otherwise in the outermost object.
    private var isInside = false
    /// Brackets that are open below the object that is read.
    private var depth = 0
    private var text = SequenceString()
    private var isInText = false
    private var use = Use.passed
    /// A key that may be one of a parameter that is replaced, as it came.
    private var held = ShortText()
    private var names = NameMatch()
    private var isParametersKey = false
    /// The present member of `parameters` is taken out.
    private var isDropped = false
    private var hasMembers = false
    private var hasParameters = false
    /// Of `parameters`: the last member stays, and no comma has come behind it.
    private var needsComma = false
    private var refusal: StaticString?

    /// - Parameters:
    ///   - parameters: at least one of them.
    ///   - jsonBytes: how long the JSON is that stands in front of binary tensors, at least 1
    ///     (`Inference-Header-Content-Length`); `nil` if the body is JSON alone.
    package init(_ parameters: RequestParameters, jsonBytes: UInt64?) {
        wanted = parameters
        members = parameters.members
        left = jsonBytes
    }

    /// By how many bytes the JSON grows, whatever it is.
    package var growth: UInt64 { UInt64(Self.opening.utf8CodeUnitCount &+ members.count &+ 2) }

    /// The JSON is over: what follows goes by unread.
    package var isOver: Bool { left == 0 }

    /// Takes the next bytes of the body and gives out what to send instead. A refusal is final: every later call repeats it.
    ///
    /// - Parameter emit: gets bytes that are valid during the call only.
    /// - Returns: why the request cannot be given parameters.
    package mutating func feed(
        _ bytes: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) -> Void
    ) -> StaticString? {
        if let refusal { return refusal }
        var inside = bytes
        if let left {
            inside = UnsafeRawBufferPointer(rebasing: bytes[..<Int(min(left, UInt64(bytes.count)))])
            self.left = left &- UInt64(inside.count)
        }
        refusal = rewrite(inside, emit)
        if refusal == nil, left == 0, place != .end { refusal = "the JSON in front of the tensors is no whole object" }
        if let refusal { return refusal }
        if inside.count < bytes.count { emit(UnsafeRawBufferPointer(rebasing: bytes[inside.count...])) }
        return nil
    }

    /// The body is complete.
    package mutating func end() -> StaticString? {
        if refusal == nil, place != .end { refusal = "the body is no whole JSON object" }
        if refusal == nil, let left, left > 0 { refusal = "Inference-Header-Content-Length is longer than the body" }
        return refusal
    }

    // MARK: Runs

    /// Bytes with one fate that follow each other.
    private struct Run {
        var start = 0
        var fate = Fate.kept
    }

    private mutating func rewrite(
        _ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void
    ) -> StaticString? {
        var run = Run()
        var offset = 0
        while offset < bytes.count {
            let start = offset
            if isInText {
                let isHeld = use == .key && isInside
                mark(isHeld ? .held : passing, &run, at: start, bytes, emit)
                if let reason = readText(bytes, from: &offset) { return reason }
                if isHeld, !isInText || !names.isOpen {
                    settleKey(&run, at: offset, bytes, emit)
                }
                if !isInText, use == .key, let reason = endKey() { return reason }
                continue
            }
            if depth > 0 {
                mark(passing, &run, at: start, bytes, emit)
                skip(bytes, from: &offset)
                continue
            }
            let byte = bytes[offset]
            if let reason = take(byte, &run, at: start, bytes, emit) { return reason }
            offset &+= 1
        }
        close(&run, at: bytes.count, bytes, emit)
        return nil
    }

    private var passing: Fate { isDropped ? .blanked : .kept }

    /// What comes from the offset on has this fate.
    private mutating func mark(
        _ fate: Fate, _ run: inout Run, at offset: Int, _ bytes: UnsafeRawBufferPointer,
        _ emit: (UnsafeRawBufferPointer) -> Void
    ) {
        guard run.fate != fate else { return }
        close(&run, at: offset, bytes, emit)
        run.fate = fate
    }

    /// Gives out the run as far as it has come.
    private mutating func close(
        _ run: inout Run, at end: Int, _ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void
    ) {
        let part = UnsafeRawBufferPointer(rebasing: bytes[run.start..<end])
        run.start = end
        guard !part.isEmpty else { return }
        switch run.fate {
        case .kept: emit(part)
        case .blanked: Self.blank(part.count, emit)
        case .held: for byte in part { held.append(byte: byte) }
        }
    }

    private static func blank(_ count: Int, _ emit: (UnsafeRawBufferPointer) -> Void) {
        let spaces: StaticString = "                                                                "
        var left = count
        while left > 0 {
            let amount = min(left, spaces.utf8CodeUnitCount)
            emit(UnsafeRawBufferPointer(start: spaces.utf8Start, count: amount))
            left &-= amount
        }
    }

    // MARK: Strings

    private mutating func begin(_ use: Use) {
        text = SequenceString()
        isInText = true
        self.use = use
        guard use == .key else { return }
        names = isInside ? NameMatch(wanted) : NameMatch(Self.parameters)
    }

    /// Reads on in a string, and stops where it ends, or where a key turns out to be of no interest.
    private mutating func readText(_ bytes: UnsafeRawBufferPointer, from offset: inout Int) -> StaticString? {
        while offset < bytes.count {
            let byte = bytes[offset]
            offset &+= 1
            if use == .key && names.isOpen {
                text.take(byte) { names.take($0) }
                if text.isMalformed { return "the body is no JSON object" }
                if !names.isOpen && !text.isComplete { return nil }
            } else {
                text.pass(byte)
            }
            if text.isComplete {
                isInText = false
                return nil
            }
        }
        return nil
    }

    /// It is known what becomes of a key that was held.
    private mutating func settleKey(
        _ run: inout Run, at offset: Int, _ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void
    ) {
        close(&run, at: offset, bytes, emit)
        isDropped = !isInText && names.isWhole
        run.fate = passing
        if isDropped { Self.blank(held.count, emit) } else { held.withBytes(emit) }
        held = ShortText()
        guard isInText else { return }
        // The rest of a key that stays is no longer looked at.
        use = .passed
        place = .colon
        isParametersKey = false
    }

    private mutating func endKey() -> StaticString? {
        place = .colon
        isParametersKey = !isInside && names.isWhole
        if isParametersKey && hasParameters { return "the request has parameters twice" }
        return nil
    }

    // MARK: Structure

    /// Passes over a value, or over its beginning up to a string. Most of a body is this: long rows of numbers.
    private mutating func skip(_ bytes: UnsafeRawBufferPointer, from offset: inout Int) {
        if skipJSON(bytes, from: &offset, depth: &depth) { begin(.passed) }
    }

    /// A byte in one of the two objects, outside strings.
    private mutating func take(
        _ byte: UInt8, _ run: inout Run, at offset: Int, _ bytes: UnsafeRawBufferPointer,
        _ emit: (UnsafeRawBufferPointer) -> Void
    ) -> StaticString? {
        let isSpace = byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
        if place == .scalar {
            if !isSpace && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "}") {
                mark(passing, &run, at: offset, bytes, emit)
                return nil
            }
            place = .comma
        }
        if isSpace {
            mark(.kept, &run, at: offset, bytes, emit)
            return nil
        }
        switch (place, byte) {
        case (.start, UInt8(ascii: "{")):
            mark(.kept, &run, at: offset, bytes, emit)
            place = .firstKey
        case (.firstKey, UInt8(ascii: "\"")), (.key, UInt8(ascii: "\"")):
            begin(.key)
            isDropped = false
            mark(isInside ? .held : .kept, &run, at: offset, bytes, emit)
        case (.colon, UInt8(ascii: ":")):
            mark(passing, &run, at: offset, bytes, emit)
            place = .value
        case (.value, _): return beginValue(byte, &run, at: offset, bytes, emit)
        case (.comma, UInt8(ascii: ",")):
            isDropped = isInside && !needsComma
            mark(passing, &run, at: offset, bytes, emit)
            isDropped = false
            needsComma = false
            place = .key
        case (.firstKey, UInt8(ascii: "}")), (.comma, UInt8(ascii: "}")):
            endObject(&run, at: offset, bytes, emit)
        default: return place == .end ? "something follows the JSON object" : "the body is no JSON object"
        }
        return nil
    }

    private mutating func beginValue(
        _ byte: UInt8, _ run: inout Run, at offset: Int, _ bytes: UnsafeRawBufferPointer,
        _ emit: (UnsafeRawBufferPointer) -> Void
    ) -> StaticString? {
        mark(passing, &run, at: offset, bytes, emit)
        if isParametersKey {
            guard byte == UInt8(ascii: "{") else { return "the request's parameters are no object" }
            isParametersKey = false
            hasParameters = true
            isInside = true
            needsComma = false
            place = .firstKey
            return nil
        }
        if isInside { needsComma = !isDropped } else { hasMembers = true }
        place = .comma
        switch byte {
        case UInt8(ascii: "\""): begin(.passed)
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth = 1
        case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "}"), UInt8(ascii: "]"):
            return "the body is no JSON object"
        default: place = .scalar
        }
        return nil
    }

    /// The last byte of one of the two objects, in front of which the parameters go.
    private mutating func endObject(
        _ run: inout Run, at offset: Int, _ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void
    ) {
        close(&run, at: offset, bytes, emit)
        run.fate = .kept
        isDropped = false
        if isInside {
            emit(Self.bytes(needsComma ? "," : " "))
            members.withBytes(emit)
            Self.blank(Int(growth) &- members.count &- 1, emit)
        } else if !hasParameters {
            emit(Self.bytes(hasMembers ? "," : " "))
            emit(Self.bytes(Self.opening))
            members.withBytes(emit)
            emit(Self.bytes("}"))
        }
        place = isInside ? .comma : .end
        isInside = false
    }

    private static func bytes(_ text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}

/// Whether a key is one of at most two names, told byte by byte.
private struct NameMatch {
    /// Bytes of the key that are those of the name; -1 once one is not.
    private var first = -1
    private var second = -1
    private let firstName: StaticString
    private let secondName: StaticString = RequestParameters.timeoutName

    init(_ name: StaticString = RequestParameters.priorityName) {
        firstName = name
        first = 0
    }

    init(_ wanted: RequestParameters) {
        firstName = RequestParameters.priorityName
        first = wanted.priority == nil ? -1 : 0
        second = wanted.timeout == nil ? -1 : 0
    }

    /// It may still be one.
    var isOpen: Bool { first >= 0 || second >= 0 }

    var isWhole: Bool { first == firstName.utf8CodeUnitCount || second == secondName.utf8CodeUnitCount }

    mutating func take(_ byte: UInt8) {
        first = Self.match(byte, at: first, of: firstName)
        second = Self.match(byte, at: second, of: secondName)
    }

    private static func match(_ byte: UInt8, at index: Int, of name: StaticString) -> Int {
        index >= 0 && index < name.utf8CodeUnitCount && name.utf8Start[index] == byte ? index &+ 1 : -1
    }
}
