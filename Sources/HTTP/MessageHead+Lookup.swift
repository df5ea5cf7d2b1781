import Base

/// Fields by names that the configuration gives.
extension MessageHead {
    /// The index of the first field with this name.
    package func first(named name: [UInt8]) -> Int? {
        name.withUnsafeBytes { name in
            for index in 0..<fieldCount where equalsIgnoringCase(self.name(index), name) { return index }
            return nil
        }
    }

    /// The value of the first cookie with this name (RFC 6265 section 5.4), which unlike a field's name has a case; `nil`
    /// if there is none.
    package func cookie(_ name: [UInt8]) -> UnsafeRawBufferPointer? {
        for index in 0..<fieldCount where equalsIgnoringCase(self.name(index), "cookie") {
            for pair in value(index).split(separator: UInt8(ascii: ";")) {
                let pair = trimmed(UnsafeRawBufferPointer(rebasing: pair))
                guard let end = pair.firstIndex(of: UInt8(ascii: "=")),
                    equals(UnsafeRawBufferPointer(rebasing: pair[..<end]), name)
                else { continue }
                return UnsafeRawBufferPointer(rebasing: pair[(end + 1)...])
            }
        }
        return nil
    }
}

/// A decimal number without a sign, such as the length of something; `nil` for anything else, and for what does not fit.
package func parseDecimal(_ bytes: UnsafeRawBufferPointer) -> Int? {
    // Eighteen digits always fit.
    guard 1...18 ~= bytes.count else { return nil }
    var number = 0
    for byte in bytes {
        let digit = byte &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        number = number &* 10 &+ Int(digit)
    }
    return number
}
