public import Glibc

/// One contiguous, growable run of bytes with a read end and a write end.
///
/// Holds no memory until the first byte is written and can give it back, so an idle owner costs three words.
/// Callers bound what they append; the buffer itself only grows.
@usableFromInline package struct ByteBuffer: ~Copyable {
    @usableFromInline var base: UnsafeMutableRawPointer?
    @usableFromInline var start = 0
    @usableFromInline var end = 0
    @usableFromInline var capacity = 0

    /// Smallest allocation: covers the head of an ordinary request.
    private static let smallest = 1024

    package init() {}

    deinit { free(base) }

    @inlinable package var count: Int { end &- start }
    @inlinable package var isEmpty: Bool { end == start }

    /// The unread bytes. Valid until the next mutation.
    @inlinable package var bytes: UnsafeRawBufferPointer {
        guard let base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: base + start, count: end &- start)
    }

    /// Drops `amount` bytes at the front.
    package mutating func consume(_ amount: Int) {
        start &+= amount
        if start >= end {
            start = 0
            end = 0
        }
    }

    package mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Forgets the bytes, and gives the memory back if it has grown past `limit`.
    package mutating func removeAll(keepingAtMost limit: Int) {
        if capacity > limit { release() } else { removeAll() }
    }

    /// Gives the memory back.
    package mutating func release() {
        free(base)
        base = nil
        start = 0
        end = 0
        capacity = 0
    }

    /// Cuts the unread bytes down to the first `length`.
    package mutating func truncate(to length: Int) { end = min(end, start &+ max(length, 0)) }

    /// Room for `amount` more bytes behind the unread ones, to be written and then counted with `advance`.
    @inlinable package mutating func reserve(_ amount: Int) -> UnsafeMutableRawPointer {
        if let base, capacity &- end >= amount { return base + end }
        return makeRoom(amount)
    }

    /// The part of `reserve` that is seldom needed.
    @usableFromInline
    mutating func makeRoom(_ amount: Int) -> UnsafeMutableRawPointer {
        let count = end &- start
        if let base, capacity &- count >= amount, start >= count {
            memcpy(base, base + start, count)
            start = 0
            end = count
            return base + count
        }
        var grown = max(capacity, Self.smallest)
        while grown < count &+ amount { grown &*= 2 }
        // Never fails under Linux's default overcommit; without memory there is nothing left to do.
        guard let fresh = malloc(grown) else { preconditionFailure("out of memory") }
        if let base { memcpy(fresh, base + start, count) }
        free(base)
        base = fresh
        start = 0
        end = count
        capacity = grown
        return fresh + count
    }

    @inlinable package mutating func advance(_ amount: Int) { end &+= amount }

    @inlinable package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        memcpy(reserve(bytes.count), source, bytes.count)
        end &+= bytes.count
    }

    /// Inlined, so that a text of a few bytes is stored in one or two words.
    @inlinable @inline(__always) package mutating func append(_ text: StaticString) {
        memcpy(reserve(text.utf8CodeUnitCount), text.utf8Start, text.utf8CodeUnitCount)
        end &+= text.utf8CodeUnitCount
    }

    @inlinable package mutating func append(byte: UInt8) {
        reserve(1).storeBytes(of: byte, as: UInt8.self)
        end &+= 1
    }

    package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    package mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    package mutating func append(decimal value: UInt64) {
        let room = reserve(20).assumingMemoryBound(to: UInt8.self)
        end &+= writeDecimal(value, to: room)
    }

    package mutating func append(hex value: UInt64) {
        let room = reserve(16).assumingMemoryBound(to: UInt8.self)
        end &+= writeHex(value, to: room)
    }
}

/// Writes the decimal digits of `value` (at most 20) and returns how many. Eight bytes of the target may be written for fewer.
@inlinable package func writeDecimal(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) -> Int {
    guard value >= 100_000_000 else {
        let digits = decimalDigits8(value)
        // What is behind the leading zeros, and the last digit even of 0.
        let zeros = min(7, (digits ^ 0x3030_3030_3030_3030).trailingZeroBitCount / 8)
        UnsafeMutableRawPointer(target).storeBytes(of: digits &>> UInt64(8 &* zeros), as: UInt64.self)
        return 8 &- zeros
    }
    let (front, rest) = value.quotientAndRemainder(dividingBy: 100_000_000)
    let count = writeDecimal(front, to: target)
    UnsafeMutableRawPointer(target).storeBytes(of: decimalDigits8(rest), toByteOffset: count, as: UInt64.self)
    return count &+ 8
}

/// The eight decimal digits of a number below 10^8 with leading zeros, the first one in the lowest byte: all at once, because a
/// line of the access log has a dozen numbers. Divided by a multiplication and a shift, two of four digits side by side, then
/// four of two, then eight.
@inlinable package func decimalDigits8(_ value: UInt64) -> UInt64 {
    let high = value / 10_000
    let fours = high | (value &- high &* 10_000) &<< 32
    let hundreds = ((fours &* 5243) &>> 19) & 0x0000_007F_0000_007F
    let twos = hundreds | (fours &- hundreds &* 100) &<< 16
    let tens = ((twos &* 103) &>> 10) & 0x000F_000F_000F_000F
    return (tens | (twos &- tens &* 10) &<< 8) | 0x3030_3030_3030_3030
}

/// Writes the lower-case hexadecimal digits of `value` (at most 16) and returns how many.
package func writeHex(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) -> Int {
    let digits = max(1, (64 &- value.leadingZeroBitCount &+ 3) / 4)
    var rest = value
    var index = digits
    while index > 0 {
        index &-= 1
        target[index] = hexDigit(UInt8(truncatingIfNeeded: rest & 15))
        rest >>= 4
    }
    return digits
}

/// All sixteen digits of `value`.
package func writeHex16(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) {
    let raw = UnsafeMutableRawPointer(target)
    raw.storeBytes(of: hex8(value >> 32).bigEndian, as: UInt64.self)
    raw.storeBytes(of: hex8(value & 0xFFFF_FFFF).bigEndian, toByteOffset: 8, as: UInt64.self)
}

/// The digits of a number below 2^32, the first one in the highest byte: all eight at once, because ids are written several
/// times in each request.
private func hex8(_ value: UInt64) -> UInt64 {
    var nibbles = (value | value << 16) & 0x0000_FFFF_0000_FFFF
    nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
    nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
    // 1 in each byte whose digit is a letter, which begin 39 behind the digit 9.
    let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
    return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 39
}

/// - Parameter nibble: 0...15.
@inlinable package func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? nibble &+ 0x30 : nibble &+ 0x57 }
