import Base

/// Triton's error shape, `{"error":"…"}` (RFC 8259 section 7).
func errorBody(_ text: String) -> [UInt8] {
    var body = Array(#"{"error":""#.utf8)
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): body += [UInt8(ascii: "\\"), byte]
        case 0..<0x20, 0x7F:
            body += Array(#"\u00"#.utf8) + [hexDigit(byte >> 4), hexDigit(byte & 15)]
        default: body.append(byte)
        }
    }
    return body + Array(#""}"#.utf8)
}
