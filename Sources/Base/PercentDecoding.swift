/// Bytes with their escapes (`%` and two hexadecimal digits, RFC 3986 section 2.1) taken for what they stand for. What is no
/// escape stays as it is.
///
/// - Returns: `nil` where there is none, so that nothing is copied in vain.
package func percentDecoded(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    guard length(of: bytes, before: UInt8(ascii: "%")) < bytes.count else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
        if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = hexValue(bytes[index + 1]),
            let low = hexValue(bytes[index + 2])
        {
            result.append(high << 4 | low)
            index += 3
        } else {
            result.append(bytes[index])
            index += 1
        }
    }
    return result
}
