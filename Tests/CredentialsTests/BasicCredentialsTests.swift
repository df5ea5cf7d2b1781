import Base
import Credentials
import Testing

struct BasicCredentialsTests {
    /// User and password of a field value, as text.
    static func decode(_ value: [UInt8]) -> [String]? {
        withUnsafeTemporaryAllocation(byteCount: BasicCredentials.scratchSize, alignment: 1) { scratch in
            guard let found = value.withUnsafeBytes({ BasicCredentials.decode($0, into: scratch) }) else { return nil }
            return [found.user, found.password].map { String(decoding: scratch[$0], as: UTF8.self) }
        }
    }

    static func decode(_ value: String) -> [String]? { decode(Array(value.utf8)) }

    static func encode(_ text: String) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var value = 0
            for index in 0..<3 { value = value << 8 | (index < group.count ? Int(group[start + index]) : 0) }
            for index in 0..<4 {
                out.append(index <= group.count ? digits[value >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    @Test(arguments: ["", "a", "a:", "a:b", "ann:test", "Aladdin:open sesame", "test:123£", "\u{FFFF}:?>~"])
    func writing(_ pair: String) { #expect(BasicCredentials.encode(pair) == Self.encode(pair)) }

    @Test(arguments: [
        // RFC 7617 sections 2 and 2.1.
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ["Aladdin", "open sesame"]),
        ("Basic dGVzdDoxMjPCow==", ["test", "123£"]),
        ("bAsIc QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ["Aladdin", "open sesame"]),
        ("Basic   YTpi", ["a", "b"]),
        ("Basic YTpiOmM=", ["a", "b:c"]),
        ("Basic Og==", ["", ""]),
        ("Basic YTo=", ["a", ""]),
    ])
    func decodes(_ value: String, _ expected: [String]) {
        #expect(Self.decode(value) == expected)
    }

    @Test(arguments: [
        "", "Basic", "Basic ", "Basic   ", "BasicYTpi", "Basic\tYTpi", "Bearer YTpi", "Basi YTpi", "Digest username=x",
        "Basic YTpi ", "Basic YT pi", "Basic YTpi\n",
        // No colon; padding missing, doubled, misplaced; unused bits; other alphabets.
        "Basic YWI=", "Basic YTo", "Basic YTo==", "Basic YTpi=", "Basic ====", "Basic =", "Basic Y===", "Basic YT==pi",
        "Basic YTp=", "Basic Oh==", "Basic YTp_YTpi", "Basic YTpiY", "Basic YTpé",
        // Control characters: NUL, LF, DEL in either part.
        "Basic AGE6Yg==", "Basic YToA", "Basic YToK", "Basic fzpi", "Basic YTp/",
    ])
    func refuses(_ value: String) {
        #expect(Self.decode(value) == nil)
    }

    @Test(arguments: [
        (255, 255, true), (256, 1, false), (1, 256, false), (0, 255, true), (255, 0, true), (9000, 9000, false),
    ])
    func lengthsAreBounded(_ user: Int, _ password: Int, _ fits: Bool) {
        let parts = [String(repeating: "u", count: user), String(repeating: "p", count: password)]
        let decoded = Self.decode("Basic " + Self.encode(parts.joined(separator: ":")))
        #expect(decoded == (fits ? parts : nil))
    }

    @Test func aSmallScratchBufferIsRefused() {
        withUnsafeTemporaryAllocation(byteCount: BasicCredentials.scratchSize - 1, alignment: 1) { scratch in
            let value = Array("Basic YTpi".utf8)
            #expect(value.withUnsafeBytes { BasicCredentials.decode($0, into: scratch) } == nil)
        }
    }

    /// Whatever is decoded is what was encoded, and no two values decode alike.
    @Test(arguments: 0..<8) func noisyValues(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        for _ in 0..<4000 {
            var value = Array(("Basic " + Self.encode("user:pass\(random.below(1000))")).utf8)
            for _ in 0..<random.below(3) { value[Int(random.below(UInt32(value.count)))] = UInt8(random.below(256)) }
            guard let parts = Self.decode(value), value.allSatisfy({ $0 < 0x80 }) else { continue }
            let text = parts.joined(separator: ":")
            // Bytes that are not UTF-8 were replaced on the way to text.
            guard !text.unicodeScalars.contains("\u{FFFD}") else { continue }
            let spaces = value.dropFirst(5).prefix { $0 == 0x20 }.count
            #expect(Self.encode(text).utf8.elementsEqual(value.dropFirst(5 + spaces)))
        }
    }
}
