import Testing

@testable import Kubernetes

@Suite struct LabelSelectorTests {
    private static let labels = ["app": "triton", "tier": "gold", "example.com/zone": "b", "empty": "", "build": "12"]

    @Test(arguments: [
        "", "  ", "app", "app=triton", "app==triton", " app = triton , tier=gold ", "app!=other", "absent!=x",
        "!absent",
        "! absent", "tier in (silver, gold)", "tier notin (silver,bronze)", "absent notin (x)", "example.com/zone=b",
        "empty=", "empty", "empty in ()", "absent!=", "empty in (,x)", "build>11", "build<13", "app,tier,!x,build>0",
        "app=triton,app!=other", "in notin (x)",
    ])
    func holds(text: String) throws {
        #expect(try LabelSelector(text).matches(Self.labels), "\(text)")
    }

    @Test(arguments: [
        "absent", "app=Triton", "app!=triton", "!app", "tier in (silver)", "tier notin (gold)", "app=", "empty!=",
        "absent=", "absent in (x,y)", "build>12", "build<12", "app>1", "absent>1", "app,tier=silver", "zone=b",
    ])
    func doesNotHold(text: String) throws {
        #expect(try !LabelSelector(text).matches(Self.labels), "\(text)")
    }

    @Test(arguments: [
        ",", "app,", ",app", "app=triton,", "app=a b", "=x", "!", "!app=x", "app in", "app in x", "app in (x",
        "app in (x y)",
        "app in (x,y", "(app)", "app=(x)", "app>x", "app>", "app<1.5", "app===x", "app=x=y", "app!x", "a/b/c", "/a",
        "a/", "-a",
        "a-", "a=b-", "app=\u{e9}", "\u{e9}", "a=!", "app notin (!)", "x=" + String(repeating: "y", count: 64),
        String(repeating: "k", count: 64), String(repeating: "p", count: 254) + "/k", "a\0b", "app in ((x))",
        String(repeating: "a,", count: 3000) + "a",
    ])
    func isNone(text: String) {
        #expect(throws: LabelSelector.Malformed.self, "\(text.prefix(80))") { try LabelSelector(text) }
    }

    @Test func messagesQuoteWhatIsWrong() {
        #expect(throws: LabelSelector.Malformed(message: "found 'b', expected ',' or the end")) {
            try LabelSelector("a=a b")
        }
        #expect(throws: LabelSelector.Malformed(message: "'a/' is no label key")) { try LabelSelector("a/") }
    }

    @Test func namesTheOneValueItWants() throws {
        #expect(try LabelSelector("model=m,version=1").value(of: "model") == "m")
        #expect(try LabelSelector("model in (m)").value(of: "model") == "m")
        #expect(try LabelSelector("model in (m,n)").value(of: "model") == nil)
        #expect(try LabelSelector("model!=m").value(of: "model") == nil)
        #expect(try LabelSelector("other=m").value(of: "model") == nil)
    }

    /// No text traps, and what is taken once is taken again in a canonical form.
    @Test(arguments: 0..<200)
    func anyBytes(seed: UInt64) {
        var random = SplitMix(seed)
        let pieces = [
            "app", "=", "!", "in", "notin", "(", ")", ",", " ", "x", "/", "-", ".", "<", ">", "\u{1F600}", "\n",
        ]
        let text = (0..<Int(random.next() % 40)).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }.joined()
        if let selector = try? LabelSelector(text) { _ = selector.matches(Self.labels) }
    }
}
