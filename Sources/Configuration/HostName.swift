/// Host names as DNS and URLs write them.
package enum HostName {
    /// RFC 1035 section 2.3.4, without the final dot.
    package static let maximumBytes = 253
    private static let maximumLabelBytes = 63

    /// Letters, digits, hyphens and underscores (which container networks use) in labels of 1...63 bytes, no final dot.
    package static func isValid(_ text: some StringProtocol) -> Bool {
        guard (1...maximumBytes).contains(text.utf8.count) else { return false }
        return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            (1...maximumLabelBytes).contains(label.count) && label.first != UInt8(ascii: "-")
                && label.last != UInt8(ascii: "-") && label.allSatisfy(isLabelByte)
        }
    }

    /// Whether a resolver could take it for a mistyped address: all digits and dots, such as `10.0.0`.
    package static func looksNumeric(_ text: some StringProtocol) -> Bool {
        text.utf8.split(separator: UInt8(ascii: ".")).last?.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        } ?? false
    }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
