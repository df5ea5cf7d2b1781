import Configuration

/// How the values of annotations are written, which are all text to Kubernetes: words for booleans, numbers without units,
/// sizes as nginx has them, and lists between commas.
enum AnnotationText {
    /// What Go's `strconv.ParseBool` takes, which reads them in ingress-nginx.
    static func flag(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }

    /// Decimal digits, nothing else.
    static func number(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    /// Bytes, or a number with `k`, `m` or `g` in either case, which nginx counts in powers of 1024.
    static func size(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
        var digits = text[...]
        var unit: Int64 = 1
        if let last = digits.last, let known = units[Character(last.lowercased())] {
            unit = known
            digits.removeLast()
        }
        guard let number = number(String(digits)) else { return nil }
        let (bytes, overflow) = Int64(number).multipliedReportingOverflow(by: unit)
        return overflow ? nil : bytes
    }

    /// The items between commas, without blanks around them; empty ones do not count.
    static func list(_ text: String) -> [String] {
        text.split(separator: ",").map(trimmed).filter { !$0.isEmpty }
    }

    /// Words between blanks.
    static func words(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }

    /// Without blanks and line breaks at either end, which a YAML block leaves behind.
    static func trimmed(_ text: Substring) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0d).contains($0) }
        let bytes = text.utf8
        guard let start = bytes.firstIndex(where: { !isBlank($0) }), let end = bytes.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(text[start...end])
    }

    /// Reads `10.0.0.0/8` or an address. Bits behind the prefix are cleared, as nginx clears them.
    ///
    /// - Returns: the network, and whether there were such bits; `nil` for what is none.
    static func network(_ text: String) -> (network: CIDR, hadHostBits: Bool)? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        let isDotted = !first.contains(":")
        var length = isDotted ? 32 : 128
        if parts.count == 2 {
            guard parts[1].utf8.count <= 3, let number = number(String(parts[1])), number <= length else { return nil }
            length = number
        }
        let network = CIDR(high: address.high, low: address.low, prefixLength: isDotted ? length + 96 : length)
        return (network, network.high != address.high || network.low != address.low)
    }
}
