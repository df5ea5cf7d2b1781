import Glibc

/// Case-insensitive comparison with lower-case ASCII `text`.
package func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount else { return false }
    let expected = text.utf8Start
    for index in 0..<bytes.count where lowercased(bytes[index]) != expected[index] { return false }
    return true
}

/// Case-insensitive comparison of two ASCII runs.
package func equalsIgnoringCase(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    for index in 0..<left.count where lowercased(left[index]) != lowercased(right[index]) { return false }
    return true
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
    var offset = 0
    // Eight bytes at a time: a word in which some byte may be below 0x20 or equal to 0x7F is looked at byte by byte. (Swift
    // compares the lanes of a SIMD vector one after the other.)
    while bytes.count &- offset >= 8 {
        let word = (base + offset).loadUnaligned(as: UInt64.self)
        let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
        let suspect =
            ((word &- 0x2020_2020_2020_2020) & ~word) | ((delete &- 0x0101_0101_0101_0101) & ~delete)
        if suspect & 0x8080_8080_8080_8080 != 0 {
            for index in offset..<(offset &+ 8) where isControl(bytes[index]) { return true }
        }
        offset &+= 8
    }
    while offset < bytes.count {
        if isControl(bytes[offset]) { return true }
        offset &+= 1
    }
    return false
}

private func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != 0x09) || byte == 0x7F }

/// A run's bytes as text; invalid UTF-8 is replaced.
package func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
