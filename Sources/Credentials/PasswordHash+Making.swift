import CLinux

extension PasswordHash {
    /// bcrypt's cost for new hashes: 50 ms on one 2.6 GHz EPYC core, paid once for each credential after a reload. The
    /// least that is recommended today, and 32 times htpasswd's own default.
    package static let defaultBcryptCost = 10

    /// A bcrypt hash with a random salt, under the name that htpasswd gives it (`$2y$`).
    ///
    /// - Parameter cost: 4 to `bcryptCostLimit`.
    /// - Throws: for an empty password, one with a NUL, one of more than the 72 bytes that bcrypt reads (htpasswd cuts
    ///   it in silence), and for a cost out of range.
    package static func bcrypt(
        password: UnsafeRawBufferPointer, cost: Int = defaultBcryptCost
    ) throws(Refusal) -> String {
        guard !password.isEmpty else { throw Refusal(message: "the password is empty") }
        guard password.count <= 72 else {
            throw Refusal(message: "the password is longer than the 72 bytes that bcrypt reads")
        }
        guard !password.contains(0) else { throw Refusal(message: "the password holds a NUL character") }
        guard 4...bcryptCostLimit ~= cost else { throw Refusal(message: "the cost must be 4 to \(bcryptCostLimit)") }
        // bcrypt's salt has 16 bytes.
        let salt = entropy(count: 16)
        var setting = [CChar](repeating: 0, count: sluice_crypt_setting_size())
        let made = setting.withUnsafeMutableBufferPointer { target in
            target.baseAddress.map { sluice_crypt_setting("$2y$", UInt(cost), salt, salt.count, $0, target.count) }
        }
        let text = String(decoding: setting.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard made == 0, let hash = withCrypt(password, setting: text, { String(decoding: $0, as: UTF8.self) }) else {
            throw Refusal(message: "the system's libcrypt does not make bcrypt hashes")
        }
        return hash
    }

    /// A hash that no password matches and whose check costs as much as that of the dearest of `hashes`: to be checked
    /// for a user who does not exist, so that the time of the answer does not say so. Unsupported ones are passed over.
    ///
    /// In a file of several kinds the time still tells users with a cheap hash from the others.
    package static func decoy(like hashes: some Collection<String>) -> String {
        let dearest = hashes.lazy.compactMap { try? PasswordHash($0) }.max { $0.cost < $1.cost }
        // Without users there is none to hide.
        guard let dearest, dearest.kind != .sha1 else { return "{SHA}" + String(repeating: "A", count: 27) + "=" }
        // A digest of zeros: to find a password with that one would be to break the hash.
        let digestCount = dearest.text.utf8.count - dearest.setting.utf8.count
        return dearest.setting + String(repeating: ".", count: digestCount)
    }
}

/// Random bytes for secrets, from getrandom(2).
func entropy(count: Int) -> [UInt8] {
    // The call answers in full for up to 256 bytes, and cannot fail on a kernel that has it (3.17).
    precondition(count <= 256)
    var bytes = [UInt8](repeating: 0, count: count)
    let filled = bytes.withUnsafeMutableBytes { target in target.baseAddress.map { sluice_random($0, count) } ?? 0 }
    precondition(filled == count, "getrandom(2) gives no random bytes")
    return bytes
}
