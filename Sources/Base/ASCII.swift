public import Glibc

/// Case-insensitive comparison with lower-case ASCII `text`.
package func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    equalsIgnoringCase(bytes, UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
}

/// Case-insensitive comparison of two ASCII runs. Bytes above 0x7F are equal to themselves.
package func equalsIgnoringCase(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    let count = left.count
    guard count == right.count else { return false }
    guard let first = left.baseAddress, let second = right.baseAddress else { return true }
    guard count >= 8 else { return lowercased(shortWord(first, count)) == lowercased(shortWord(second, count)) }
    var offset = 0
    while true {
        let word = (first + offset).loadUnaligned(as: UInt64.self)
        guard lowercased(word) == lowercased((second + offset).loadUnaligned(as: UInt64.self)) else { return false }
        guard offset < count &- 8 else { return true }
        // The last word may look at some bytes once more.
        offset = min(offset &+ 8, count &- 8)
    }
}

/// Eight bytes at once, with what is A...Z made lower case.
private func lowercased(_ word: UInt64) -> UInt64 {
    let low = word & 0x7F7F_7F7F_7F7F_7F7F
    // The high bit of each byte says whether it is at least `A`, and whether it is above `Z`.
    let fromA = low &+ 0x3F3F_3F3F_3F3F_3F3F
    let aboveZ = low &+ 0x2525_2525_2525_2525
    let upper = (fromA ^ aboveZ) & ~word & 0x8080_8080_8080_8080
    return word | upper &>> 2
}

/// Less than eight bytes, the first one lowest, with zeros behind them.
@inlinable @inline(__always) package func shortWord(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt64 {
    if count >= 4 {
        let start = UInt64(bytes.loadUnaligned(as: UInt32.self))
        return start | UInt64((bytes + count - 4).loadUnaligned(as: UInt32.self)) &<< UInt64(8 &* (count &- 4))
    }
    guard count > 0 else { return 0 }
    // The first, the middle and the last, which may be the same.
    let first = UInt64(bytes.load(as: UInt8.self))
    let middle = UInt64((bytes + count / 2).load(as: UInt8.self)) &<< UInt64(8 &* (count / 2))
    return first | middle | UInt64((bytes + count - 1).load(as: UInt8.self)) &<< UInt64(8 &* (count &- 1))
}

package func equals(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    guard let first = left.baseAddress, let second = right.baseAddress else { return true }
    return memcmp(first, second, left.count) == 0
}

package func equals(_ bytes: UnsafeRawBufferPointer, _ text: [UInt8]) -> Bool {
    text.withUnsafeBytes { equals(bytes, $0) }
}

package func hasPrefix(_ bytes: UnsafeRawBufferPointer, _ prefix: [UInt8]) -> Bool {
    bytes.count >= prefix.count
        && prefix.withUnsafeBytes { equals(UnsafeRawBufferPointer(rebasing: bytes[..<prefix.count]), $0) }
}

/// Inlined, so that a text of a few bytes is compared in one or two words.
@inlinable @inline(__always)
package func equals(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount, let start = bytes.baseAddress else {
        return bytes.isEmpty && text.utf8CodeUnitCount == 0
    }
    return memcmp(start, text.utf8Start, text.utf8CodeUnitCount) == 0
}

/// Inlined likewise.
@inlinable @inline(__always)
package func hasPrefix(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    guard bytes.count >= text.utf8CodeUnitCount, let start = bytes.baseAddress else {
        return text.utf8CodeUnitCount == 0
    }
    return memcmp(start, text.utf8Start, text.utf8CodeUnitCount) == 0
}

/// What follows the first `count` bytes, of which there must be as many.
@inlinable package func suffix(of bytes: UnsafeRawBufferPointer, from count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes.baseAddress.map { $0 + count }, count: bytes.count &- count)
}

/// How many bytes come before the first `byte`, all of them if there is none.
package func length(of bytes: UnsafeRawBufferPointer, before byte: UInt8) -> Int {
    guard let start = bytes.baseAddress, let found = memchr(start, Int32(byte), bytes.count) else { return bytes.count }
    return UnsafeRawPointer(found) - start
}

@inlinable package func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}

/// The value of a hexadecimal digit, or `nil`.
@inlinable package func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte &- 0x30
    case 0x41...0x46: byte &- 0x37
    case 0x61...0x66: byte &- 0x57
    default: nil
    }
}

/// Whether a run holds a control character other than HTAB: never part of an HTTP field value or start line (RFC 9110
/// section 5.5). Bytes above 0x7F pass.
package func containsControl(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress else { return false }
    let count = bytes.count
    guard count >= 8 else { return bytes.contains(where: isControl) }
    // Eight bytes at a time: a word in which some byte may be below 0x20 or equal to 0x7F is looked at byte by byte. (Swift
    // compares the lanes of a SIMD vector one after the other.) The last word may look at some bytes once more.
    var offset = 0
    while true {
        let word = (base + offset).loadUnaligned(as: UInt64.self)
        let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
        let suspect =
            ((word &- 0x2020_2020_2020_2020) & ~word) | ((delete &- 0x0101_0101_0101_0101) & ~delete)
        if suspect & 0x8080_8080_8080_8080 != 0 {
            for index in offset..<(offset &+ 8) where isControl(bytes[index]) { return true }
        }
        guard offset < count &- 8 else { return false }
        offset = min(offset &+ 8, count &- 8)
    }
}

private func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != 0x09) || byte == 0x7F }

/// A run's bytes as text; invalid UTF-8 is replaced.
package func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
