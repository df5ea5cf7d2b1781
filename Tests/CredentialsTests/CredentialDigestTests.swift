import Credentials
import Testing

struct CredentialDigestTests {
    static func digest(_ digester: Digester, _ parts: [String]) -> CredentialDigest {
        let bytes = parts.map { Array($0.utf8) } + Array(repeating: [], count: 3 - parts.count)
        return bytes[0].withUnsafeBytes { first in
            bytes[1].withUnsafeBytes { second in bytes[2].withUnsafeBytes { digester.digest(first, second, $0) } }
        }
    }

    @Test func equalPartsGiveEqualDigestsOnEveryThread() {
        let key = DigestKey()
        let (one, other) = (Digester(key), Digester(key))
        let first = Self.digest(one, ["ann", "secret"])
        _ = Self.digest(one, ["bob", "other"])
        #expect(Self.digest(one, ["ann", "secret"]) == first)
        #expect(Self.digest(other, ["ann", "secret"]) == first)
        #expect(Set([first]).contains(Self.digest(other, ["ann", "secret"])))
    }

    @Test func splitsAndEveryByteCount() {
        let digester = Digester(DigestKey())
        let long = String(repeating: "x", count: 200)
        let inputs = [
            [], ["a"], ["", "a"], ["", "", "a"], ["ab", "c"], ["a", "bc"], ["abc"], ["a", "b", "c"], ["abc\0"],
            ["ann", "secret"],
            ["ann", "secreT"], ["annsecret"], ["ann:secret"], [long], [long + "x"], [long, "x"], ["x", long],
        ]
        #expect(Set(inputs.map { Self.digest(digester, $0) }).count == inputs.count)
    }

    @Test func anotherKeyGivesAnotherDigest() {
        #expect(Self.digest(Digester(DigestKey()), ["ann"]) != Self.digest(Digester(DigestKey()), ["ann"]))
    }
}
