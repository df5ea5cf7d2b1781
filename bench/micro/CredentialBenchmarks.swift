import Credentials
import HTTP
import Traffic

/// Checking a user whose password has been verified before.
let credentialBenchmarks = [
    Benchmark("check known password") {
        let value = staticBytes("Basic YW5uOmNvcnJlY3QgaG9yc2U=")
        let hash = "$2y$10$abcdefghijklmnopqrstuuzPoVdRDIZHfEfHkPWWVeeHbcuHWvmw2"
        let users = UserTable(["ann": hash, "bob": hash, "eve": hash], decoyHash: hash)
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: BasicCredentials.scratchSize, alignment: 16)
        let digester = Digester(DigestKey())
        var verdicts = VerdictCache<CredentialDigest>()

        func digest() -> CredentialDigest {
            guard let credentials = BasicCredentials.decode(value, into: scratch) else {
                preconditionFailure("no credentials")
            }
            let name = UnsafeRawBufferPointer(rebasing: scratch[credentials.user])
            return users.withUser(name) { user, isKnown in
                precondition(isKnown, "not a user")
                return user.hashBytes.withUnsafeBytes { hash in
                    digester.digest(name, hash, UnsafeRawBufferPointer(rebasing: scratch[credentials.password]))
                }
            }
        }

        verdicts.remember(digest(), isRight: true)
        return { count in
            for _ in 0..<count {
                guard verdicts.verdict(digest()) == true else { preconditionFailure("not a known password") }
                keep(scratch.count)
            }
        }
    }
]
