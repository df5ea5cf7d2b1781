import Base

/// The users of a route and their password hashes, to be looked up by the bytes a client sent.
///
/// Looked at by requests of all loops, which would wait for each other's caches if they counted references to the users: so a
/// user is lent, and not handed out. Unchecked: all of it is made in `init` and changed by nobody.
package final class UserTable: @unchecked Sendable {
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

    private struct Entry {
        let hash: UInt64
        let user: Unmanaged<User>
    }

    /// In the order of their hashes; kept by `keptUsers`.
    private let entries: [Entry]
    private let keptUsers: [User]
    /// Verified in the place of an unknown user's hash, so that the answer takes as long.
    private let decoy: Unmanaged<User>
    private let keptDecoy: User

    /// - Parameter decoyHash: as dear to verify as the dearest hash of the table.
    package init(_ users: [String: String], decoyHash: String) {
        keptUsers = users.map { User(name: Array($0.key.utf8), hash: $0.value) }
        entries = keptUsers.map { Entry(hash: $0.name.withUnsafeBytes(Self.hash), user: .passUnretained($0)) }
            .sorted { $0.hash < $1.hash }
        keptDecoy = User(name: [], hash: decoyHash)
        decoy = .passUnretained(keptDecoy)
    }

    /// Calls `body` with the user of a name; where there is none with one whose password nobody knows, so that it does as much.
    package func withUser<Result>(
        _ name: UnsafeRawBufferPointer, _ body: (_ user: User, _ isKnown: Bool) -> Result
    ) -> Result {
        withExtendedLifetime(self) {
            let found = user(name)
            return (found ?? decoy)._withUnsafeGuaranteedRef { body($0, found != nil) }
        }
    }

    private func user(_ name: UnsafeRawBufferPointer) -> Unmanaged<User>? {
        let hash = Self.hash(name)
        var index = partitionPoint(in: entries.indices) { entries[$0].hash < hash }
        while index < entries.count, entries[index].hash == hash {
            let user = entries[index].user
            if user._withUnsafeGuaranteedRef({ equals(name, $0.name) }) { return user }
            index &+= 1
        }
        return nil
    }

    /// FNV-1a; the names come from the operator, so nobody can aim for collisions.
    private static func hash(_ name: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }
}
