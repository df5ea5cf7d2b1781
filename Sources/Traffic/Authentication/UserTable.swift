import Base

/// The users of a route and their password hashes, to be looked up by the bytes a client sent.
///
/// Classes, so that a request that looks a user up copies none of it.
package final class UserTable: Sendable {
    package final class User: Sendable {
        package let name: [UInt8]
        /// As in the htpasswd file.
        package let hash: String
        package let hashBytes: [UInt8]

        init(name: [UInt8], hash: String) {
            self.name = name
            self.hash = hash
            hashBytes = Array(hash.utf8)
        }
    }

    private let buckets: [UInt64: [User]]
    /// Verified in the place of an unknown user's hash, so that the answer takes as long.
    package let decoy: User

    /// - Parameter decoyHash: as dear to verify as the dearest hash of the table.
    package init(_ users: [String: String], decoyHash: String) {
        var buckets: [UInt64: [User]] = [:]
        for (name, hash) in users {
            let user = User(name: Array(name.utf8), hash: hash)
            buckets[user.name.withUnsafeBytes(Self.bucket), default: []].append(user)
        }
        self.buckets = buckets
        decoy = User(name: [], hash: decoyHash)
    }

    package func user(_ name: UnsafeRawBufferPointer) -> User? {
        guard let bucket = buckets[Self.bucket(name)] else { return nil }
        for user in bucket where equals(name, user.name) { return user }
        return nil
    }

    /// FNV-1a; the names come from the operator, so nobody can aim for collisions.
    private static func bucket(_ name: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }
}
