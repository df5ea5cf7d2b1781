/// An IPv4 or IPv6 network in CIDR notation (RFC 4632). IPv4 is held as its IPv4-mapped IPv6 form (RFC 4291 section 2.5.5.2),
/// so that one comparison serves both families.
package struct CIDR: Sendable, Equatable {
    /// The network in IPv6 form, host bits cleared.
    package var high: UInt64
    package var low: UInt64
    /// Leading bits that count, 0...128 in IPv6 form.
    package var prefixLength: Int

    /// Clears what lies behind the prefix.
    package init(high: UInt64, low: UInt64, prefixLength: Int) {
        self.prefixLength = prefixLength
        self.high = high & Self.mask(bits: min(prefixLength, 64))
        self.low = low & Self.mask(bits: max(prefixLength - 64, 0))
    }

    package func contains(high: UInt64, low: UInt64) -> Bool {
        high & Self.mask(bits: min(prefixLength, 64)) == self.high
            && low & Self.mask(bits: max(prefixLength - 64, 0)) == self.low
    }

    private static func mask(bits: Int) -> UInt64 { bits == 0 ? 0 : ~UInt64(0) << UInt64(64 - bits) }
}
