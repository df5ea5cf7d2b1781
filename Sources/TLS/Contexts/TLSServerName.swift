import Glibc

/// The name under which a server is called, and its certificate judged: a host name or an address.
package struct TLSServerName: Sendable, Hashable {
    /// As it was written.
    package let text: String
    /// The 4 or 16 bytes of an address; empty for a host name. An address is not sent to the server (RFC 6066 section
    /// 3).
    let address: [UInt8]

    /// RFC 1035 section 2.3.4.
    private static let maximumBytes = 253

    /// - Returns: `nil` for what is neither: empty, longer than 253 bytes, or with bytes other than letters, digits,
    ///   hyphens, underscores and dots.
    package init?(_ text: String) {
        self.text = text
        if let address = Self.address(text) {
            self.address = address
            return
        }
        let isLabel: (Substring.UTF8View) -> Bool = { label in
            (1...63).contains(label.count)
                && label.allSatisfy {
                    switch $0 {
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
                    default: false
                    }
                }
        }
        guard (1...Self.maximumBytes).contains(text.utf8.count),
            text[...].utf8.split(separator: 0x2E, omittingEmptySubsequences: false).allSatisfy(isLabel)
        else { return nil }
        address = []
    }

    /// Stricter than OpenSSL's own reading, which some versions end at the first byte that does not fit.
    private static func address(_ text: String) -> [UInt8]? {
        guard !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }
}
