import CLinux
import COpenSSL
import Glibc

extension PasswordHash {
    /// Whether `password` is the one that `hash` was made from; `false` for a hash that is not supported. Takes as long
    /// as the hash is dear, up to about a second: never to be called on an event loop. Safe on any thread.
    ///
    /// As everywhere, bcrypt reads only the first 72 bytes of a password: htpasswd cuts longer ones when it makes the
    /// hash and when it checks, so they have to match here too. A password with a NUL never matches: the kinds of
    /// libcrypt would read it up to there.
    package static func verify(password: UnsafeRawBufferPointer, against hash: String) -> Bool {
        guard password.count <= passwordLimit, !password.contains(0), let hash = try? PasswordHash(hash) else {
            return false
        }
        switch hash.kind {
        case .bcrypt, .sha512Crypt, .sha256Crypt: return hash.verifyCrypt(password)
        case .apr1:
            guard let digest = apr1Digest(password: password, salt: hash.salt) else { return false }
            return isEqual(digest, hash.text.utf8.suffix(digest.count))
        case .sha1:
            guard let digest = sha1(password) else { return false }
            return isEqual(digest, Base64.decode(hash.text.dropFirst(5)) ?? [])
        }
    }

    private func verifyCrypt(_ password: UnsafeRawBufferPointer) -> Bool {
        Self.withCrypt(password, setting: setting) { Self.isEqual($0, text.utf8) } ?? false
    }

    /// Calls `body` with the bytes of crypt(3)'s result; `nil` when libcrypt refuses the setting or there is no memory.
    /// The working memory is wiped: it holds the password.
    static func withCrypt<Result>(
        _ password: UnsafeRawBufferPointer, setting: String, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        let scratchCount = sluice_crypt_scratch_size()
        let count = scratchCount + password.count + 1
        // Zeroed, as libcrypt wants its part; and the byte behind the password ends it.
        guard let memory = calloc(count, 1) else { return nil }
        defer {
            OPENSSL_cleanse(memory, count)
            free(memory)
        }
        let phrase = memory + scratchCount
        if let bytes = password.baseAddress { memcpy(phrase, bytes, password.count) }
        guard let result = sluice_crypt(phrase.assumingMemoryBound(to: CChar.self), setting, memory) else { return nil }
        return body(UnsafeRawBufferPointer(start: result, count: strlen(result)))
    }

    private static func sha1(_ password: UnsafeRawBufferPointer) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: 20)
        let done = digest.withUnsafeMutableBytes { target in
            EVP_Digest(password.baseAddress, password.count, target.baseAddress, nil, EVP_sha1(), nil)
        }
        return done == 1 ? digest : nil
    }

    /// In a time that depends on the lengths alone.
    private static func isEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
        isEqualInConstantTime(Array(left), Array(right))
    }
}
