extension CIDR {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or a bare address, which stands for itself alone (/32 or /128).
    ///
    /// - Throws: `InvalidValue` for anything else, and for bits behind the prefix: a reader could take `10.0.0.7/8` for
    ///   either the one address or the whole network.
    package init(parsing text: String) throws(InvalidValue) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else {
            throw InvalidValue("is not a network, write an address and a prefix length such as 10.0.0.0/8")
        }
        let isDotted = !first.contains(":")
        let longest = isDotted ? 32 : 128
        var length = longest
        if parts.count == 2 {
            let digits = parts[1]
            guard (1...3).contains(digits.utf8.count),
                digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = Int(digits), number <= longest
            else {
                throw InvalidValue("has a prefix length outside 0 to \(longest), write it such as \(first)/\(longest)")
            }
            length = number
        }
        self.init(high: address.high, low: address.low, prefixLength: isDotted ? length + 96 : length)
        guard high == address.high, low == address.low else {
            let network = IPAddress(high: high, low: low)
            throw InvalidValue("has bits behind its prefix, write \(network)/\(length) or \(first)")
        }
    }

    /// Whether the address lies in the network.
    package func contains(_ address: IPAddress) -> Bool { contains(high: address.high, low: address.low) }

    /// As it would be written in a configuration: a single address without its length.
    package var text: String {
        let address = IPAddress(high: high, low: low).description
        // What is held as IPv4-mapped is written dotted, and its length counts from there.
        let length = address.contains(":") ? prefixLength : prefixLength - 96
        return length == (address.contains(":") ? 128 : 32) ? address : "\(address)/\(length)"
    }
}
