/// Entity tags (RFC 9110 section 8.8.3).
package enum EntityTag {
    /// A strong one from a hash of the bytes: the files come with the binary, so nobody aims for collisions.
    package static func of(_ bytes: UnsafeRawBufferPointer) -> String {
        // FNV-1a.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return quoted(String(repeating: "0", count: 16 - digits.count) + digits)
    }

    package static func quoted(_ text: String) -> String { "\"\(text)\"" }

    /// Whether a field such as `If-None-Match` names the tag, by the weak comparison of section 8.8.3.2.
    package static func matches(_ field: String, _ tag: String) -> Bool {
        field.split(separator: ",").contains { element in
            let element = element.drop { $0 == " " || $0 == "\t" }
            let trimmed = element.prefix { $0 != " " && $0 != "\t" }
            return trimmed == "*" || (trimmed.hasPrefix("W/") ? trimmed.dropFirst(2) : trimmed) == tag
        }
    }
}
