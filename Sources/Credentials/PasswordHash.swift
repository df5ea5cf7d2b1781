/// A stored password hash as htpasswd files hold it, recognised and found whole.
///
/// The kinds: bcrypt (`$2a$`, `$2b$`, `$2y$`), SHA-512-crypt (`$6$`), SHA-256-crypt (`$5$`), Apache's MD5 (`$apr1$`)
/// and unsalted SHA-1 (`{SHA}`).
package struct PasswordHash: Sendable {
    enum Kind: Equatable {
        /// 2^cost rounds.
        case bcrypt(cost: Int)
        case sha512Crypt(rounds: Int)
        case sha256Crypt(rounds: Int)
        case apr1
        case sha1
    }

    /// Why a hash is not accepted.
    package struct Refusal: Error, Equatable {
        /// What is wrong with it and what to do; never the hash itself.
        package let message: String
    }

    /// Longest password that can match, in bytes: htpasswd's own limit. SHA-crypt's time grows with the password's
    /// length, so without a limit the client would choose what a check costs.
    package static let passwordLimit = 255

    /// Dearest bcrypt: 0.8 s on one 2.6 GHz EPYC core. A check must stay below a second, or a handful of unknown
    /// passwords would keep everybody's first request waiting; cost 31 takes a day.
    package static let bcryptCostLimit = 14

    /// Most rounds of SHA-crypt, for the same reason: 0.2 s for short passwords and 0.7 s for 255 bytes.
    package static let roundsLimit = 500_000

    let text: String
    let kind: Kind
    /// What precedes the digest: the kind's name, its parameters and the salt.
    let setting: String
    /// The salt alone; empty for SHA-1.
    let salt: String

    /// Whether `hash` is one of the kinds, whole, and within the limits.
    package static func isSupported(_ hash: String) -> Bool { problem(with: hash) == nil }

    /// What is wrong with `hash`, for people; `nil` if nothing is. Never repeats the hash.
    package static func problem(with hash: String) -> String? {
        do throws(Refusal) {
            _ = try PasswordHash(hash)
            return nil
        } catch {
            return error.message
        }
    }

    /// Takes a hash apart; throws for other kinds, damaged ones and those beyond the limits.
    package init(_ text: String) throws(Refusal) {
        self.text = text
        if text.hasPrefix("{SHA}") {
            (kind, setting, salt) = (.sha1, "{SHA}", "")
            // 20 bytes in base64.
            guard Base64.decode(text.dropFirst(5))?.count == 20 else { throw Self.damaged("{SHA}") }
            return
        }
        // "$6$salt$digest" gives "", "6", "salt", "digest".
        let fields = text.split(separator: "$", omittingEmptySubsequences: false)
        guard fields.count >= 2, fields[0].isEmpty else { throw Self.unsupported("plain text and DES crypt are") }
        switch fields[1] {
        case "2a", "2b", "2y":
            guard fields.count == 4 else { throw Self.damaged("bcrypt") }
            kind = .bcrypt(cost: try Self.bcryptCost(fields[2]))
            guard fields[3].utf8.count == 53, fields[3].utf8.allSatisfy(Self.isHashDigit) else {
                throw Self.damaged("bcrypt")
            }
            salt = String(fields[3].prefix(22))
            // 22 digits hold 132 bits and the salt has 128: libcrypt writes the rest as zeros, and so never finds equal
            // what another program wrote otherwise.
            guard let last = salt.utf8.last, ".Oeu".utf8.contains(last) else { throw Self.damaged("bcrypt") }
            setting = "$\(fields[1])$\(fields[2])$\(salt)"
        case "5", "6":
            let name = fields[1] == "6" ? "SHA-512-crypt" : "SHA-256-crypt"
            let rounds = fields.count == 5 ? try Self.rounds(fields[2], name) : 5000
            kind = fields[1] == "6" ? .sha512Crypt(rounds: rounds) : .sha256Crypt(rounds: rounds)
            let digestCount = fields[1] == "6" ? 86 : 43
            guard let digest = fields.last, 4...5 ~= fields.count, digest.utf8.count == digestCount,
                digest.utf8.allSatisfy(Self.isHashDigit)
            else { throw Self.damaged(name) }
            salt = try Self.salt(fields[fields.count - 2], limit: 16, name)
            // libcrypt would take it for a number of rounds, past the limit.
            guard !salt.hasPrefix("rounds=") else { throw Self.damaged(name) }
            setting = String(text.dropLast(digestCount))
        case "apr1":
            guard fields.count == 4, fields[3].utf8.count == 22, fields[3].utf8.allSatisfy(Self.isHashDigit) else {
                throw Self.damaged("$apr1$")
            }
            kind = .apr1
            salt = try Self.salt(fields[2], limit: 8, "$apr1$")
            setting = "$apr1$\(salt)$"
        case "1": throw Self.unsupported("MD5-crypt ($1$) is")
        case "2", "2x": throw Self.unsupported("the broken bcrypt variants $2$ and $2x$ are")
        case "y", "gy", "7": throw Self.unsupported("yescrypt and scrypt are")
        case "argon2i", "argon2d", "argon2id": throw Self.unsupported("Argon2 is")
        default: throw Self.unsupported("this kind is")
        }
    }

    /// About how long a check takes, in nanoseconds on one 2.6 GHz EPYC core; to compare hashes with one another.
    var cost: Int {
        switch kind {
        case .bcrypt(let cost): 50_000 << cost
        case .sha512Crypt(let rounds): rounds * 240
        case .sha256Crypt(let rounds): rounds * 450
        case .apr1: 150_000
        case .sha1: 1_000
        }
    }
}

// The parts of a hash.
extension PasswordHash {
    private static func bcryptCost(_ field: Substring) throws(Refusal) -> Int {
        guard field.utf8.count == 2, field.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let cost = Int(field), cost >= 4
        else {
            throw damaged("bcrypt")
        }
        guard cost <= bcryptCostLimit else {
            throw Refusal(message: "bcrypt cost \(cost) is above \(bcryptCostLimit): checking it would take too long")
        }
        return cost
    }

    /// `rounds=N` as libcrypt takes it: 1000 or more, no leading zero.
    private static func rounds(_ field: Substring, _ name: String) throws(Refusal) -> Int {
        let digits = field.dropFirst("rounds=".count)
        guard field.hasPrefix("rounds="), 4...9 ~= digits.utf8.count, digits.utf8.first != 0x30,
            digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let rounds = Int(digits)
        else { throw damaged(name) }
        guard rounds <= roundsLimit else {
            throw Refusal(message: "\(rounds) rounds are above \(roundsLimit): checking them would take too long")
        }
        return rounds
    }

    /// Printable ASCII without what libcrypt refuses in a setting.
    private static func salt(_ field: Substring, limit: Int, _ name: String) throws(Refusal) -> String {
        let isValid = field.utf8.allSatisfy { 0x21...0x7E ~= $0 && !#"!*:;\"#.utf8.contains($0) }
        guard field.utf8.count <= limit, isValid else { throw damaged(name) }
        return String(field)
    }

    /// The 64 digits of crypt's own base 64.
    private static func isHashDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2E...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    private static func damaged(_ name: String) -> Refusal {
        Refusal(message: "not a whole \(name) hash; make it anew with 'sluice passwd' or 'htpasswd -B'")
    }

    private static func unsupported(_ what: String) -> Refusal {
        Refusal(message: "\(what) not supported; make the hash anew with 'sluice passwd' or 'htpasswd -B'")
    }
}
