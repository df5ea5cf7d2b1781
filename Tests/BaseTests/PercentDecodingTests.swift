import Base
import Testing

@Suite struct PercentDecodingTests {
    @Test(
        arguments: [
            ("plain", nil), ("caf%C3%A9", "café"), ("a%2fb%2F", "a/b/"), ("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"),
            ("%%41", "%A"), ("", nil),
        ] as [(String, String?)])
    func takesEscapesForWhatTheyStandFor(text: String, expected: String?) {
        let found = Array(text.utf8).withUnsafeBytes { percentDecoded($0) }
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == expected)
    }
}
