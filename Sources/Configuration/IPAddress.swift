/// A literal IPv4 or IPv6 address. IPv4 is held in its IPv4-mapped form (RFC 4291 section 2.5.5.2), so that
/// `10.0.0.1` and `::ffff:10.0.0.1` are the same address, as they are to a dual-stack socket.
package struct IPAddress: Sendable, Hashable {
    /// The first and the last eight bytes in network order, as numbers.
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads `192.0.2.1` (four decimal numbers, no leading zeros: they are octal to some readers) or an IPv6 literal
    /// (RFC 4291 section 2.2) without brackets and without a zone; `nil` for anything else.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.longestText else { return nil }
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(of: bytes) else { return nil }
            high = groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) }
            low = groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) }
        } else {
            guard let number = Self.dotted(bytes[...]) else { return nil }
            high = 0
            low = Self.mappedPrefix | UInt64(number)
        }
    }

    /// Whether this is an IPv4 address.
    package var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// 127.0.0.0/8 and ::1: reachable from this machine only.
    package var isLoopback: Bool { isIPv4 ? low >> 24 & 0xff == 127 : high == 0 && low == 1 }

    /// `0.0.0.0` or `::`: every address of the machine, to a listening socket.
    package var isUnspecified: Bool { isIPv4 ? low & 0xffff_ffff == 0 : high == 0 && low == 0 }

    /// `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`
    private static let longestText = 45
    private static let mappedPrefix: UInt64 = 0xffff << 32

    private static func dotted(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            guard let number = number(part, radix: 10), number <= 255 else { return nil }
            address = address << 8 | number
        }
        return address
    }

    /// The eight groups; `::` stands for at least one group of zeros and may be written once.
    private static func groups(of bytes: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        var gap: Int?
        for index in bytes.indices.dropLast() where bytes[index] == colon && bytes[index + 1] == colon {
            guard gap == nil else { return nil }
            gap = index
        }
        guard let gap else {
            let groups = list(bytes[...])
            return groups?.count == 8 ? groups : nil
        }
        let (head, tail) = (bytes[..<gap], bytes[(gap + 2)...])
        guard !head.contains(UInt8(ascii: ".")), let before = head.isEmpty ? [] : list(head),
            let after = tail.isEmpty ? [] : list(tail), before.count + after.count <= 7
        else { return nil }
        return before + Array(repeating: 0, count: 8 - before.count - after.count) + after
    }

    /// Groups separated by colons; the last may be a dotted IPv4 address and counts as two.
    private static func list(_ bytes: ArraySlice<UInt8>) -> [UInt16]? {
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if part.contains(UInt8(ascii: ".")) {
                guard index == parts.count - 1, let address = dotted(part) else { return nil }
                groups += [UInt16(address >> 16), UInt16(address & 0xffff)]
            } else {
                guard (1...4).contains(part.count), let group = number(part, radix: 16) else { return nil }
                groups.append(UInt16(group))
            }
        }
        return groups.count <= 8 ? groups : nil
    }

    /// At most four digits, so that neither radix overflows.
    private static func number(_ digits: ArraySlice<UInt8>, radix: UInt32) -> UInt32? {
        var value: UInt32 = 0
        for byte in digits {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") &+ 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- UInt8(ascii: "A") &+ 10
            default: return nil
            }
            guard digit < radix else { return nil }
            value = value * radix + UInt32(digit)
        }
        return value
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted for IPv4, RFC 5952 text for IPv6.
    package var description: String {
        if isIPv4 {
            return [24, 16, 8, 0].map { "\(low >> $0 & 0xff)" }.joined(separator: ".")
        }
        let groups = [high, low].flatMap { half in [48, 32, 16, 0].map { half >> $0 & 0xffff } }
        var longest = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > max(longest.count, 1) { longest = start..<index }
            start = index + 1
        }
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        return longest.isEmpty ? text(0..<8) : text(0..<longest.lowerBound) + "::" + text(longest.upperBound..<8)
    }
}
