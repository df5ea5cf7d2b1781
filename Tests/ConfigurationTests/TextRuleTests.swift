import Testing

@testable import Configuration

@Suite struct TextRuleTests {
    @Test func hostNames() {
        let label = String(repeating: "a", count: 63)
        let good = [
            "a", "localhost", "a.b", "my_host-1.example.com", "xn--bcher-kva.example", label, "1.2.3", "\(label).b",
        ]
        let bad = ["", ".", "a.", ".a", "a..b", "-a", "a-", "a b", "a/b", "bücher.example", "*.a", "a:1", label + "a"]
        #expect(good.allSatisfy { HostName.isValid($0) })
        for text in bad { #expect(!HostName.isValid(text), "\(text)") }
        #expect(!HostName.isValid(Array(repeating: label, count: 4).joined(separator: ".")))
    }

    @Test func headerNamesAndValues() {
        #expect(["x", "X-Tenant", "a!#$%&'*+-.^_`|~9"].allSatisfy { HeaderText.isToken($0) })
        #expect(!["", "a b", "a:", "a(b)", "ä", "a\r"].contains { HeaderText.isToken($0) })
        #expect(["", "a", "a b\tc", "ä", "Basic realm=\"x\""].allSatisfy { HeaderText.isValue($0) })
        #expect(![" a", "a ", "\ta", "a\r\nb", "a\n", "a\u{0}", "\u{7f}"].contains { HeaderText.isValue($0) })
        #expect(HeaderText.isValuePart("Basic "))
    }

    @Test(arguments: ["/", "/v2", "/v2/models/a%20b/infer", "/a//b", "/a.b/..c", "/a;v=1,2:3@x!$&'()*+=", "/%E2%82%AC"])
    func pathsThatCanMatch(path: String) {
        #expect(PathText.problem(in: path, isWhole: true) == nil)
    }

    @Test(arguments: [
        "", "v2", "/a?b=1", "/a#b", "/a b", "/a\\b", "/ä", "/a\u{0}", "/a%", "/a%2", "/a%zz", "/a%2Fb", "/a%5cb",
        "/a%00",
        "/%41", "/%7E", "/a/../b", "/.", "/a/..", "/./a",
    ])
    func pathsThatNeverMatch(path: String) {
        #expect(PathText.problem(in: path, isWhole: true) != nil)
    }

    @Test(arguments: ["/", "/v2/", "/a%20b", "/%41", "/a//b"])
    func pathsToGoTo(path: String) {
        #expect(PathText.problem(inTarget: path) == nil)
    }

    @Test(arguments: ["", "v2", "/a?b", "/a#b", "/a b", "/ä", "/a\\b", "/a%2Fb", "/a%", "/..", "/a/."])
    func noPathsToGoTo(path: String) {
        #expect(PathText.problem(inTarget: path) != nil)
    }

    @Test func aPathToGoToMayHaveAQuery() {
        #expect(PathText.problem(inTarget: "/a?b=/../c?%2F", mayHaveQuery: true) == nil)
        for text in ["/a?b#c", "/a?b c", "/a?ä", "/..?a", "?a"] {
            #expect(PathText.problem(inTarget: text, mayHaveQuery: true) != nil, "\(text)")
        }
    }

    @Test func stringPrefixMayEndInsideAnElement() {
        #expect(PathText.problem(in: "/a/.", isWhole: false) == nil)
        #expect(PathText.problem(in: "/a/../b", isWhole: false) != nil)
    }
}
