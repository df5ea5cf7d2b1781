import Testing

@testable import ConfigFiles

@Suite struct EditDistanceTests {
    @Test(arguments: [
        ("", "", 0), ("a", "", 1), ("", "ab", 2), ("weight", "weight", 0), ("wieght", "weight", 1),
        ("wight", "weight", 1),
        ("weigth", "weight", 1), ("kitten", "sitting", 3), ("ca", "abc", 3),
    ])
    func counts(source: String, target: String, expected: Int) {
        #expect(EditDistance.between(Array(source.unicodeScalars), Array(target.unicodeScalars)) == expected)
        #expect(EditDistance.between(Array(target.unicodeScalars), Array(source.unicodeScalars)) == expected)
    }

    @Test(
        arguments: [
            ("wieght", "weight"), ("Weight", "weight"), ("BACKENDS", "backends"), ("listners", "listeners"),
            ("idletimeout", "idleTimeout"),
            ("nam", "name"), ("workers", nil), ("", nil), ("x", nil), ("tls", nil),
        ] as [(String, String?)])
    func suggestsSlips(text: String, expected: String?) {
        let words = ["name", "weight", "backends", "listeners", "idleTimeout"]
        #expect(EditDistance.nearest(to: text, among: words) == expected)
    }

    @Test func leavesLongWordsAlone() {
        let long = String(repeating: "a", count: 65)
        #expect(EditDistance.nearest(to: long, among: [long]) == nil)
    }
}
