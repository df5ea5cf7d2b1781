import Base

/// What a client says with `Authorization: Basic …` (RFC 7617), as ranges of the scratch buffer it was decoded into.
package struct BasicCredentials: Equatable {
    /// Where the user's name is, in bytes.
    package let user: Range<Int>
    /// Where the password is, in bytes.
    package let password: Range<Int>

    /// Longest user name, in bytes: htpasswd's own limit.
    package static let userLimit = 255
    /// Room that `decode` may need, in bytes: a user name, the colon and a password.
    package static let scratchSize = userLimit + 1 + PasswordHash.passwordLimit

    /// Reads a field value. The first colon ends the user name, so a password may hold more of them.
    ///
    /// `nil` for anything but `Basic`, in either case, spaces and strict base64; for control characters, which RFC 7617
    /// section 2 forbids, in the name or the password; and for what is longer than the limits, which no stored hash can
    /// match. `scratch` must have `scratchSize` bytes; it holds a password afterwards. Allocates nothing.
    package static func decode(
        _ value: UnsafeRawBufferPointer, into scratch: UnsafeMutableRawBufferPointer
    ) -> BasicCredentials? {
        guard scratch.count >= scratchSize, value.count > 6, value[5] == 0x20,
            equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: value[..<5]), "basic")
        else { return nil }
        var start = 6
        while start < value.count, value[start] == 0x20 { start &+= 1 }
        let encoded = UnsafeRawBufferPointer(rebasing: value[start...])
        guard let count = Base64.decode(encoded, into: scratch) else { return nil }
        let decoded = scratch[..<count]
        guard let colon = decoded.firstIndex(of: 0x3A), colon <= userLimit,
            count &- colon &- 1 <= PasswordHash.passwordLimit,
            !decoded.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else { return nil }
        return BasicCredentials(user: 0..<colon, password: (colon &+ 1)..<count)
    }
}
