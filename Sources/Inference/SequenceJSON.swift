import Base

/// Walks a JSON text (RFC 8259) byte by byte, to find `sequence_id` in the object `parameters` of the outermost object.
///
/// Two objects are read: the outermost one and that `parameters`. Whatever else there is, is passed over by its brackets and
/// strings. A malformed text ends the reading where that shows; one whose fault lies in what is passed over may be read
/// on, which does no harm: the server refuses it.
struct SequenceJSON {
    /// What may come next in one of the two objects.
    private enum Place: UInt8 { case start, key, colon, value, scalar, comma }

    private enum Use: UInt8 { case skipped, key, id }

    private static let parameters: StaticString = "parameters"
    private static let sequenceID: StaticString = "sequence_id"

    private var place = Place.start
    /// Within `parameters`; otherwise in the outermost object.
    private var isInside = false
    /// Brackets that are open below the object that is read.
    private var depth = 0
    private var text = SequenceString()
    private var isInText = false
    private var use = Use.skipped
    /// Bytes of the key that are those of the one that is looked for; -1 once one is not.
    private var matched = 0
    /// The present value is that of the key that is looked for.
    private var isWanted = false
    private var hasParameters = false
    private(set) var hasKey = false
    private var number = SequenceNumber()
    private var characters = SequenceText()

    private(set) var hasID = false

    mutating func read(_ bytes: UnsafeRawBufferPointer, into id: inout ByteBuffer) -> SequenceStep {
        var offset = 0
        while offset < bytes.count {
            if isInText {
                guard readText(bytes, from: &offset, into: &id) else { return .ended }
                if isInText { return .needMore }
                if use == .key, let step = endKey() { return step }
                continue
            }
            if depth > 0 {
                skip(bytes, from: &offset)
                continue
            }
            let byte = bytes[offset]
            offset &+= 1
            if let step = take(byte, into: &id) { return step }
        }
        return .needMore
    }

    // MARK: Strings

    /// - Returns: whether the string is well formed so far.
    private mutating func readText(
        _ bytes: UnsafeRawBufferPointer, from offset: inout Int, into id: inout ByteBuffer
    ) -> Bool {
        while offset < bytes.count {
            let byte = bytes[offset]
            offset &+= 1
            switch use {
            case .skipped: text.pass(byte)
            case .key:
                let wanted = isInside ? Self.sequenceID : Self.parameters
                text.take(byte) { matched = Self.match($0, at: matched, of: wanted) }
            case .id: text.take(byte) { characters.append($0, to: &id) }
            }
            if text.isMalformed { return false }
            if text.isComplete {
                isInText = false
                if use == .id { hasID = characters.isValid && !id.isEmpty }
                return true
            }
        }
        return true
    }

    private mutating func begin(_ use: Use) {
        text = SequenceString()
        isInText = true
        self.use = use
        matched = 0
    }

    private static func match(_ byte: UInt8, at index: Int, of name: StaticString) -> Int {
        index >= 0 && index < name.utf8CodeUnitCount && name.utf8Start[index] == byte ? index &+ 1 : -1
    }

    private mutating func endKey() -> SequenceStep? {
        place = .colon
        let wanted = isInside ? Self.sequenceID : Self.parameters
        isWanted = matched == wanted.utf8CodeUnitCount
        guard isWanted else { return nil }
        if isInside ? hasKey : hasParameters { return .repeated }
        if isInside { hasKey = true } else { hasParameters = true }
        return nil
    }

    // MARK: Structure

    /// Passes over a value, or over its beginning up to a string. Most of a body is this: long rows of numbers.
    private mutating func skip(_ bytes: UnsafeRawBufferPointer, from offset: inout Int) {
        if skipJSON(bytes, from: &offset, depth: &depth) { begin(.skipped) }
    }

    /// A byte in one of the two objects, outside strings.
    private mutating func take(_ byte: UInt8, into id: inout ByteBuffer) -> SequenceStep? {
        let isSpace = byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
        if place == .scalar {
            if !isSpace && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "}") {
                number.take(byte)
                return nil
            }
            endScalar(into: &id)
        }
        if isSpace { return nil }
        switch (place, byte) {
        case (.start, UInt8(ascii: "{")): place = .key
        case (.key, UInt8(ascii: "\"")): begin(.key)
        case (.colon, UInt8(ascii: ":")): place = .value
        case (.value, UInt8(ascii: ",")), (.value, UInt8(ascii: ":")), (.value, UInt8(ascii: "}")),
            (.value, UInt8(ascii: "]")):
            return .ended
        case (.value, _): beginValue(byte)
        case (.comma, UInt8(ascii: ",")): place = .key
        // An object may be empty, which is why one may end where a key could be.
        case (.key, UInt8(ascii: "}")), (.comma, UInt8(ascii: "}")):
            if !isInside { return .complete }
            isInside = false
            place = .comma
        default: return .ended
        }
        return nil
    }

    private mutating func beginValue(_ byte: UInt8) {
        place = .comma
        let isID = isWanted && isInside
        switch byte {
        case UInt8(ascii: "\""): begin(isID ? .id : .skipped)
        case UInt8(ascii: "{") where isWanted && !isInside:
            isInside = true
            place = .key
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth = 1
        default:
            place = .scalar
            number = SequenceNumber()
            number.take(byte)
        }
    }

    private mutating func endScalar(into id: inout ByteBuffer) {
        place = .comma
        guard isWanted && isInside, let value = number.value, value != 0 else { return }
        id.append(decimal: value)
        hasID = true
    }
}

/// The digits of a number as Triton takes one for an id: whole, from 0 to 2^64 - 1, with neither fraction nor exponent.
private struct SequenceNumber {
    private var sum: UInt64 = 0
    private var digits = 0
    private var isValid = true

    mutating func take(_ byte: UInt8) {
        let digit = byte &- 0x30
        // Numbers have no zeros in front (RFC 8259 section 6).
        guard digit < 10, digits == 0 || sum > 0 else {
            isValid = false
            return
        }
        let (tenfold, isTooLong) = sum.multipliedReportingOverflow(by: 10)
        let (next, isTooMuch) = tenfold.addingReportingOverflow(UInt64(digit))
        if isTooLong || isTooMuch { isValid = false }
        sum = next
        digits &+= 1
    }

    var value: UInt64? { isValid && digits > 0 ? sum : nil }
}
