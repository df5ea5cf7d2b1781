import Base

/// The parts that a line is made of.
extension LineWriter {
    /// A JSON member whose value is a string, unless the value is empty. `opening` reaches to the value's first quote.
    /// Inlined, so that what never changes is written in one or two words.
    @inline(__always)
    mutating func append(member opening: StaticString, _ value: UnsafeRawBufferPointer) {
        guard !value.isEmpty else { return }
        append(opening)
        append(json: value)
        append(byte: UInt8(ascii: "\""))
    }

    /// The same for a value that holds nothing to escape.
    @inline(__always)
    mutating func append(member opening: StaticString, plain value: UnsafeRawBufferPointer) {
        guard !value.isEmpty else { return }
        append(opening)
        append(plain: value)
        append(byte: UInt8(ascii: "\""))
    }

    /// Bytes as they are; ids of 128 bits, which each line has two of, in four words.
    @inline(__always)
    private mutating func append(plain value: UnsafeRawBufferPointer) {
        guard value.count == 32, let source = value.baseAddress else { return append(value) }
        append(words: source.loadUnaligned(as: InlineArray<4, UInt64>.self))
    }

    /// One of the words of the metrics' labels.
    mutating func append(plain word: String) {
        var word = word
        word.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// A value without blanks, `-` if empty.
    mutating func append(word opening: StaticString, _ value: UnsafeRawBufferPointer) {
        append(opening)
        if value.isEmpty { append("-") } else { append(printable: value, quoted: false) }
    }

    /// Nanoseconds as seconds with six decimals, rounded.
    @inline(__always)
    mutating func append(seconds nanoseconds: UInt64) {
        if nanoseconds < 999_999_500 { append(secondsBelowOne: nanoseconds) } else { append(longTime: nanoseconds) }
    }

    private mutating func append(longTime nanoseconds: UInt64) {
        let whole = nanoseconds / 1000
        let microseconds = whole &+ (nanoseconds &- whole &* 1000 >= 500 ? 1 : 0)
        append(decimal: microseconds / 1_000_000)
        append(byte: UInt8(ascii: "."))
        append(sixDigits: microseconds % 1_000_000)
    }

    /// The status of an answer, which has three digits unless there was none.
    mutating func append(status: UInt16) {
        guard status >= 100, status < 1000 else { return append(decimal: UInt64(status)) }
        // Divided by 10 and 100 with a multiplication, exact below 1,024.
        let number = UInt32(status)
        let tens = (number &* 6554) &>> 16
        let hundreds = (number &* 656) &>> 16
        append(byte: 0x30 &+ UInt8(truncatingIfNeeded: hundreds))
        append(byte: 0x30 &+ UInt8(truncatingIfNeeded: tens &- hundreds &* 10))
        append(byte: 0x30 &+ UInt8(truncatingIfNeeded: number &- tens &* 10))
    }
}

extension StaticString {
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}
