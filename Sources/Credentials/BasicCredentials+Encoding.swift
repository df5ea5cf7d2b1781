extension BasicCredentials {
    /// What a client writes behind `Basic ` for `user:password` (RFC 7617 section 2): its bytes in base64, padded.
    package static func encode(_ pair: String) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let bytes = Array(pair.utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.enumerated().reduce(UInt32(0)) { $0 | UInt32($1.element) << UInt32(16 - 8 * $1.offset) }
            for place in 0..<4 {
                text.append(place > group.count ? 0x3D : digits[Int(bits >> UInt32(18 - 6 * place)) & 0x3F])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
