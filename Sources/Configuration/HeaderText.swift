/// Which header names and values may be configured: exactly those that RFC 9110 sections 5.1 and 5.5 let on the wire.
package enum HeaderText {
    /// A non-empty token (RFC 9110 section 5.6.2), which header names and methods are.
    package static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
    }

    /// No control characters but tab, and no blank at either end, which a receiver would strip.
    package static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy(isValueByte) && !isBlank(text.utf8.first) && !isBlank(text.utf8.last)
    }

    /// What may stand somewhere inside a value.
    package static func isValuePart(_ text: String) -> Bool { text.utf8.allSatisfy(isValueByte) }

    private static func isBlank(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isValueByte(_ byte: UInt8) -> Bool { byte == 0x09 || (byte >= 0x20 && byte != 0x7f) }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
