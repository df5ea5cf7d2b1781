import Credentials
import Testing

struct PasswordMakingTests {
    static func bcrypt(_ password: String, cost: Int = 4) throws(PasswordHash.Refusal) -> String {
        let bytes = Array(password.utf8)
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(PasswordHash.Refusal) in try PasswordHash.bcrypt(password: bytes, cost: cost) }
        }
        return try result.get()
    }

    @Test func aMadeHashVerifies() throws {
        let hash = try Self.bcrypt("Grüße: 1")
        #expect(hash.hasPrefix("$2y$04$"))
        #expect(PasswordHash.verify("Grüße: 1", hash))
        #expect(!PasswordHash.verify("Grüße: 2", hash))
        #expect(try Self.bcrypt("Grüße: 1") != hash, "the salt is random")
    }

    @Test func theDefaultCostIsTen() throws {
        let hash = try "secret".utf8CString.withUnsafeBytes { bytes in
            try PasswordHash.bcrypt(password: UnsafeRawBufferPointer(rebasing: bytes.dropLast()))
        }
        #expect(hash.hasPrefix("$2y$10$"))
        #expect(PasswordHash.verify("secret", hash))
    }

    @Test(arguments: [
        ("", 4, "empty"), (String(repeating: "a", count: 73), 4, "72 bytes"), ("a\0b", 4, "NUL"), ("a", 3, "4 to 14"),
        ("a", 15, "4 to 14"),
    ])
    func refusesWhatWouldNotBeKept(_ password: String, _ cost: Int, _ reason: String) throws {
        let refusal = try #require(throws: PasswordHash.Refusal.self) { try Self.bcrypt(password, cost: cost) }
        #expect(refusal.message.contains(reason))
    }

    static let sha1 = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
    static let apr1 = "$apr1$a$PtM1vJaZieHDFk40mKMu6/"
    static let sha256 = "$5$0123456789abcdef$r6nzC5LUC0uVXFw52gWstJ181ms.XFW71j20yui2zG7"
    static let slowSHA512 = "$6$rounds=450000$a$" + String(repeating: "/", count: 86)
    static let bcrypt4 = "$2a$04$KxUWOxYwMDyzKhSsJhEgRO.AHrE6biMS5gURu/SaYbF1GmgmBad5y"
    static let bcrypt12 = "$2y$12$KxUWOxYwMDyzKhSsJhEgRO" + String(repeating: "/", count: 31)
    static let bcrypt10 = "$2y$10$KxUWOxYwMDyzKhSsJhEgRO" + String(repeating: "/", count: 31)

    @Test(arguments: [
        ([], "{SHA}"), (["damaged"], "{SHA}"), ([sha1], "{SHA}"), ([sha1, apr1], "$apr1$a$"),
        ([apr1, sha256], "$5$0123456789abcdef$"), ([sha256, bcrypt4, sha1], "$5$0123456789abcdef$"),
        ([bcrypt12, bcrypt4], "$2y$12$KxUWOxYwMDyzKhSsJhEgRO"), ([bcrypt10, slowSHA512], "$6$rounds=450000$a$"),
    ])
    func theDecoyIsAsDearAsTheDearest(_ hashes: [String], _ setting: String) {
        let decoy = PasswordHash.decoy(like: hashes)
        #expect(decoy.hasPrefix(setting))
        // Not checked at once for what is wrong with it, but like any other.
        #expect(PasswordHash.isSupported(decoy))
        #expect(!hashes.contains(decoy))
        if !setting.hasPrefix("$6$") && !setting.hasPrefix("$2y$12$") { #expect(!PasswordHash.verify("secret", decoy)) }
    }
}
