import Credentials
import Testing

/// Hashes made by Apache's htpasswd 2.4 (bcrypt, `-2`, `-5`, apr1, `{SHA}`), `openssl passwd` 3.0 and libxcrypt 4.4.
struct PasswordHashTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let hash: String
        let password: String

        init(_ hash: String, _ password: String = "secret") {
            self.hash = hash
            self.password = password
        }

        var testDescription: String { hash }
    }

    static let vectors = [
        Vector("$2y$04$ziqy2ltBbmnQD8qB8/C1b.0CtoR62hVm/3hf3u/UQtBaT7PVpWrT2"),
        Vector("$2y$05$zwcUNWK94q0AfrdQXqfkJuz3N5L8JcAiNM8V9Pp1wM/Zr/R8d3WJC", "Schlüssel:pä"),
        Vector("$2a$04$KxUWOxYwMDyzKhSsJhEgRO.AHrE6biMS5gURu/SaYbF1GmgmBad5y"),
        Vector("$2b$05$KxUWOxYwMDyzKhSsJhEgROwW6DCs2wHq7dRclk8ouig1FdByEUTOG"),
        Vector(
            "$6$jEg5TLm9EjjpBDXg$G3wT4Bn9TF5apJ7mVNglb8y0TFnu/AkKSWRbXvAScDdqp6R11H5dUKXb1JlYrH55nzWYreGokcoZBFZfbJK4G/"
        ),
        Vector(
            "$6$rounds=1000$B2/JHLfk26wmrWS8$"
                + "IlCXZJprVRZjr8ZxBlHZZnds/oIdHq1AHrUqKINhLCvACksKwD9pYiHrrXU7RIcnEjwCgwnP9sqlCgWp1Sint/"
        ),
        Vector("$6$abc$IdWKNKTJEb8LxY7CGg8YBXlvtfZzFw7Mp/r6niK9YB2mdvgY..TKjv1T..8RadRt2qvUHYRLr/TsVArtr91iR1"),
        Vector(
            "$6$rounds=5000$abc$IdWKNKTJEb8LxY7CGg8YBXlvtfZzFw7Mp/r6niK9YB2mdvgY..TKjv1T..8RadRt2qvUHYRLr/TsVArtr91iR1"
        ),
        Vector("$6$$2M9DchxW4txWyTYoZrH9D3VvAAQxBpEezYsLY6Cao.jwzEXpyL9xwip9hiUZX7GqTqe/E/z6iKvZqXUuqniQH."),
        Vector("$5$fEjMAEx/l1telFMz$2QQJ0xkIMkLcXgyoPgaGRHrInxm.b3qRl66GXAnBXr6"),
        Vector("$5$0123456789abcdef$r6nzC5LUC0uVXFw52gWstJ181ms.XFW71j20yui2zG7"),
        Vector(
            "$5$rounds=5000$zdk9ksxOitdA.FiR$NLqZ4Hfx5o0DT.7F1T2leWeEb5Wkg4vBFFxb6p7VVeA",
            String(repeating: "y", count: 255)),
        Vector("$apr1$MlvsxcIA$.svfeyrKlR9HuijXve4Nd/"),
        Vector("$apr1$zs4LSp3Z$w4vz87k9FvUy1/oAoSCW11", ""),
        Vector("$apr1$lptwCW2k$3FEBLbkv76zykIhtaQmkO.", String(repeating: "x", count: 40)),
        Vector("$apr1$KMIbOkHn$okmbNCeptAziaZUgXjmKT0", "a"),
        Vector("$apr1$a$PtM1vJaZieHDFk40mKMu6/"),
        Vector("$apr1$12345678$A3.HpL93VzCiJc8X48.fN0", "pass word"),
        Vector("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="),
        Vector("{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", ""),
    ]

    @Test(arguments: vectors) func verifiesWhatOtherToolsMade(_ vector: Vector) {
        #expect(PasswordHash.isSupported(vector.hash))
        #expect(PasswordHash.verify(vector.password, vector.hash))
        #expect(!PasswordHash.verify(vector.password + "x", vector.hash))
        #expect(!PasswordHash.verify(String(vector.password.dropLast()) + "y\u{1}", vector.hash))
        #expect(!PasswordHash.verify(vector.password + "\0", vector.hash))
        #expect(!PasswordHash.verify("\0" + vector.password, vector.hash))
    }

    /// One digit changed, at both ends of the digest.
    @Test(arguments: vectors) func everyDigitCounts(_ vector: Vector) {
        let tail = vector.hash.hasPrefix("{SHA}") ? 3 : 1
        for distance in [tail, 20] {
            var digits = Array(vector.hash.utf8)
            let index = digits.count - distance
            digits[index] = digits[index] == 0x41 ? 0x42 : 0x41
            #expect(!PasswordHash.verify(vector.password, String(decoding: digits, as: UTF8.self)))
        }
    }

    /// htpasswd cuts a long password before it makes the hash and before it checks one.
    @Test func bcryptReadsSeventyTwoBytes() {
        let cut = "$2y$04$cwpSIu0tYQvm0PF360t.lOq1kBHWmGxMNfd/K9rPcwAp.K6Y5NuO2"
        let passwords = String(repeating: "a", count: 72)
        #expect(PasswordHash.verify(passwords + "b", cut))
        #expect(PasswordHash.verify(passwords, cut))
        #expect(!PasswordHash.verify(String(passwords.dropLast()) + "b", cut))
    }

    @Test func passwordsAreBounded() {
        // SHA-1 of 255 and of 256 times 'z', from openssl.
        let atLimit = "{SHA}2QVIQE4vKCR9RBM6bBiLMDC6i/o="
        let above = "{SHA}NCv0Ke0gszrVbC6LX4Q58IVggcE="
        #expect(PasswordHash.verify(String(repeating: "z", count: 255), atLimit))
        #expect(PasswordHash.isSupported(above))
        #expect(!PasswordHash.verify(String(repeating: "z", count: 256), above))
    }

    static let digest53 = String(repeating: ".", count: 53)
    static let digest86 = String(repeating: ".", count: 86)
    static let digest43 = String(repeating: ".", count: 43)

    @Test(arguments: [
        ("", "plain text and DES crypt"),
        ("secret", "plain text and DES crypt"),
        ("3z4FLOClqZwEI", "plain text and DES crypt"),
        ("$1$a$41c8gzdxX5iFFuqkeAdoe0", "MD5-crypt"),
        ("$y$j9T$abcd$q0BC/1zAm1egDOA28ap7Pv/qqIp2.2/hfz8I9ccfx08", "yescrypt"),
        ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "Argon2"),
        ("$2x$10$\(digest53)", "broken bcrypt"),
        ("{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "plain text"),
        ("$sha1$1$a$b", "this kind"),
        ("$", "this kind"),
        ("$2y$", "not a whole bcrypt"),
        ("$2y$10$\(digest53).", "not a whole bcrypt"),
        ("$2y$10$\(digest53.dropLast())", "not a whole bcrypt"),
        ("$2y$10$\(digest53.dropLast())é", "not a whole bcrypt"),
        ("$2y$10$\(digest53)$", "not a whole bcrypt"),
        ("$2y$1$\(digest53)", "not a whole bcrypt"),
        ("$2y$03$\(digest53)", "not a whole bcrypt"),
        ("$2y$+9$\(digest53)", "not a whole bcrypt"),
        // libcrypt would write this salt's last digit another way and never find the hash equal.
        ("$2y$05$KxUWOxYwMDyzKhSsJhEgRPJcS2/HVNokjw7sw4qO6uGNMrb3vgDn2", "not a whole bcrypt"),
        ("$2y$15$\(digest53)", "above 14"),
        ("$2y$31$\(digest53)", "above 14"),
        ("$6$rounds=500001$a$\(digest86)", "above 500000"),
        ("$5$rounds=999999999$a$\(digest43)", "above 500000"),
        ("$6$rounds=9999999999$a$\(digest86)", "not a whole SHA-512-crypt"),
        ("$6$rounds=999$a$\(digest86)", "not a whole SHA-512-crypt"),
        ("$6$rounds=01000$a$\(digest86)", "not a whole SHA-512-crypt"),
        ("$6$cost=1000$a$\(digest86)", "not a whole SHA-512-crypt"),
        // Four fields: libcrypt would take the salt for a number of rounds.
        ("$6$rounds=999999999$\(digest86)", "not a whole SHA-512-crypt"),
        ("$6$rounds=1000$\(digest86)", "not a whole SHA-512-crypt"),
        ("$6$abcdefghijklmnopq$\(digest86)", "not a whole SHA-512-crypt"),
        ("$6$a b$\(digest86)", "not a whole SHA-512-crypt"),
        ("$6$a$\(digest86).", "not a whole SHA-512-crypt"),
        ("$5$a$\(digest86)", "not a whole SHA-256-crypt"),
        ("$5$a$\(digest43.dropLast())-", "not a whole SHA-256-crypt"),
        ("$5$\(digest43)", "not a whole SHA-256-crypt"),
        ("$apr1$123456789$A3.HpL93VzCiJc8X48.fN0", "not a whole $apr1$"),
        ("$apr1$12345678$A3.HpL93VzCiJc8X48.fN", "not a whole $apr1$"),
        ("$apr1$12345678$A3.HpL93VzCiJc8X48.fN0$", "not a whole $apr1$"),
        ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ", "not a whole {SHA}"),
        ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfR=", "not a whole {SHA}"),
        ("{SHA}", "not a whole {SHA}"),
    ])
    func refusesWithAReasonThatHidesTheHash(_ hash: String, _ reason: String) throws {
        let message = try #require(PasswordHash.problem(with: hash))
        #expect(message.contains(reason), "\(message)")
        #expect(hash.count < 6 || !message.contains(hash))
        #expect(!PasswordHash.isSupported(hash))
        #expect(!PasswordHash.verify("secret", hash))
    }

    @Test(arguments: [
        "$2y$14$\(digest53)", "$6$rounds=500000$a$\(digest86)", "$5$rounds=1000$$\(digest43)",
    ])
    func limitsAreInclusive(_ hash: String) {
        #expect(PasswordHash.problem(with: hash) == nil)
    }
}

extension PasswordHash {
    static func verify(_ password: String, _ hash: String) -> Bool {
        Array(password.utf8).withUnsafeBytes { verify(password: $0, against: hash) }
    }
}
