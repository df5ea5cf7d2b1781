import Base

/// The inside of one JSON string, up to its closing quotation mark, with its escapes resolved (RFC 8259 section 7).
struct SequenceString {
    private enum State: UInt8 { case plain, escape, hex, lowEscape, lowLetter, lowHex, complete, malformed }

    private var state = State.plain
    private var unit: UInt32 = 0
    private var digits = 0
    /// The first half of a surrogate pair, or 0.
    private var high: UInt32 = 0

    var isComplete: Bool { state == .complete }
    var isMalformed: Bool { state == .malformed }

    /// A byte of a string whose contents do not matter.
    mutating func pass(_ byte: UInt8) {
        if state == .escape {
            state = .plain
        } else if byte == UInt8(ascii: "\\") {
            state = .escape
        } else if byte == UInt8(ascii: "\"") {
            state = .complete
        }
    }

    /// - Parameter emit: called with the bytes, in UTF-8, that the string has by this one.
    mutating func take(_ byte: UInt8, _ emit: (UInt8) -> Void) {
        switch state {
        case .plain:
            switch byte {
            case UInt8(ascii: "\""): state = .complete
            case UInt8(ascii: "\\"): state = .escape
            case 0..<0x20: state = .malformed
            default: emit(byte)
            }
        case .escape: takeEscape(byte, emit)
        case .hex, .lowHex: takeHex(byte, emit)
        case .lowEscape: state = byte == UInt8(ascii: "\\") ? .lowLetter : .malformed
        case .lowLetter:
            state = byte == UInt8(ascii: "u") ? .lowHex : .malformed
            unit = 0
            digits = 0
        case .complete, .malformed: break
        }
    }

    private mutating func takeEscape(_ byte: UInt8, _ emit: (UInt8) -> Void) {
        state = .plain
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): emit(byte)
        case UInt8(ascii: "b"): emit(0x08)
        case UInt8(ascii: "f"): emit(0x0C)
        case UInt8(ascii: "n"): emit(0x0A)
        case UInt8(ascii: "r"): emit(0x0D)
        case UInt8(ascii: "t"): emit(0x09)
        case UInt8(ascii: "u"):
            state = .hex
            unit = 0
            digits = 0
        default: state = .malformed
        }
    }

    private mutating func takeHex(_ byte: UInt8, _ emit: (UInt8) -> Void) {
        guard let digit = hexValue(byte) else {
            state = .malformed
            return
        }
        unit = unit << 4 | UInt32(digit)
        digits &+= 1
        guard digits == 4 else { return }
        if state == .lowHex {
            guard 0xDC00...0xDFFF ~= unit else {
                state = .malformed
                return
            }
            state = .plain
            Self.emit(0x10000 &+ ((high &- 0xD800) << 10) &+ (unit &- 0xDC00), emit)
        } else if 0xD800...0xDBFF ~= unit {
            high = unit
            state = .lowEscape
        } else if 0xDC00...0xDFFF ~= unit {
            state = .malformed
        } else {
            state = .plain
            Self.emit(unit, emit)
        }
    }

    /// The UTF-8 form of a character (RFC 3629 section 3).
    private static func emit(_ character: UInt32, _ emit: (UInt8) -> Void) {
        func follow(_ shift: UInt32) { emit(UInt8(0x80 | (character >> shift) & 0x3F)) }
        switch character {
        case 0..<0x80: emit(UInt8(character))
        case 0x80..<0x800:
            emit(UInt8(0xC0 | character >> 6))
            follow(0)
        case 0x800..<0x10000:
            emit(UInt8(0xE0 | character >> 12))
            follow(6)
            follow(0)
        default:
            emit(UInt8(0xF0 | character >> 18))
            follow(12)
            follow(6)
            follow(0)
        }
    }
}
