/// Hashes what a client is known by, such as a header's value or a sequence's id, to 64 bits.
///
/// The function is fixed, without a key of the process: gateways beside each other, and one before and after its restart,
/// must find the same endpoint. Who can choose the value chooses the endpoint anyway by sending it again, so a secret
/// would hide nothing. Not for tables that a client could fill, nor for secrets.
package enum KeyHash {
    /// Bytes of a value that count, from its beginning; its length counts too. Above what cookies of sessions and names
    /// have, and one microsecond at most.
    package static let maxBytes = 1024

    /// - Parameter seed: values that mean different things under the same bytes get different ones.
    package static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        let count = min(bytes.count, maxBytes)
        // Each word goes through a bijection and is multiplied into the rest by an odd number, so that two values of one
        // length that differ in one word alone never meet.
        var hash = mix(seed ^ UInt64(bytes.count))
        var offset = 0
        while count &- offset >= 8 {
            hash = join(hash, UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset &+= 8
        }
        var last: UInt64 = 0
        var shift: UInt64 = 0
        while offset < count {
            last |= UInt64(bytes[offset]) &<< shift
            shift &+= 8
            offset &+= 1
        }
        return mix(join(hash, last))
    }

    /// A bijection in which every bit of the result depends on every bit of the number: the end of SplitMix64 (Steele, Lea
    /// and Flood, "Fast Splittable Pseudorandom Number Generators", 2014), with Stafford's thirteenth pair of factors.
    package static func mix(_ number: UInt64) -> UInt64 {
        var z = number &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    private static func join(_ hash: UInt64, _ word: UInt64) -> UInt64 { (hash ^ mix(word)) &* 0x9FB2_1C65_1E98_DF25 }
}
