import Base
import HTTP

/// Triton's error shape, `{"error":"…"}` (RFC 8259 section 7).
func errorBody(_ text: String) -> [UInt8] {
    let (beginning, end): (StaticString, StaticString) = (#"{"error":""#, #""}"#)
    var body: [UInt8] = []
    // One allocation where nothing is escaped: this is what an attack is answered with.
    body.reserveCapacity(beginning.utf8CodeUnitCount + text.utf8.count + end.utf8CodeUnitCount)
    body.append(contentsOf: staticBytes(beginning))
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            body.append(UInt8(ascii: "\\"))
            body.append(byte)
        case 0..<0x20, 0x7F:
            body.append(contentsOf: staticBytes(#"\u00"#))
            body.append(hexDigit(byte >> 4))
            body.append(hexDigit(byte & 15))
        default: body.append(byte)
        }
    }
    body.append(contentsOf: staticBytes(end))
    return body
}
