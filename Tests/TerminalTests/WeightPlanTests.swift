import API
import Terminal
import Testing

@Suite struct WeightPlanTests {
    private static func route(_ weights: [(String, Int)]) -> RouteWeights {
        RouteWeights(
            route: "infer", entries: weights.map { .init(as: $0.0, backend: "b", weight: $0.1) }, place: nil,
            editable: true,
            reason: nil, undo: nil)
    }

    private static func message(_ body: () throws -> Void) -> String {
        do { try body() } catch { return (error as? Problem)?.error ?? "\(error)" }
        return "nothing"
    }

    @Test func words() throws {
        #expect(try WeightPlan([], swap: false, undo: false) == .show)
        #expect(try WeightPlan([], swap: false, undo: true) == .undo)
        #expect(try WeightPlan(["a", "b"], swap: true, undo: false) == .swap(["a", "b"]))
        #expect(
            try WeightPlan(["a=1", "b=c=0"], swap: false, undo: false)
                == .set([.init(name: "a", weight: 1), .init(name: "b=c", weight: 0)]))
    }

    @Test(
        arguments: [
            (["stable"], "'stable' is no weight, write BACKEND=N such as stable=90"),
            (["=9"], "'=9' is no weight, write BACKEND=N such as stable=90"),
            (["a="], "'' is no weight for a, write an integer from 0 to 1000000"),
            (["a=-1"], "'-1' is no weight for a, write an integer from 0 to 1000000"),
            (["a=+1"], "'+1' is no weight for a, write an integer from 0 to 1000000"),
            (["a=1000001"], "'1000001' is no weight for a, write an integer from 0 to 1000000"),
            (
                ["a=9999999999999999999999"],
                "'9999999999999999999999' is no weight for a, write an integer from 0 to 1000000"
            ),
            (["a=1.5"], "'1.5' is no weight for a, write an integer from 0 to 1000000"),
            (["a=1", "a=2"], "'a' has two weights, write one of them"),
        ])
    func wrongWords(_ words: [String], _ message: String) {
        #expect(Self.message { _ = try WeightPlan(words, swap: false, undo: false) } == message)
    }

    @Test func wrongSwaps() {
        #expect(Self.message { _ = try WeightPlan(["a"], swap: true, undo: false) }.contains("name two entries"))
        #expect(Self.message { _ = try WeightPlan(["a", "a"], swap: true, undo: false) }.contains("with itself"))
        #expect(Self.message { _ = try WeightPlan(["a=1", "b"], swap: true, undo: false) }.contains("leave 'a=1' out"))
        #expect(Self.message { _ = try WeightPlan(["a=1"], swap: false, undo: true) }.contains("leave 'a=1' out"))
        #expect(Self.message { _ = try WeightPlan([], swap: true, undo: true) }.contains("write one of them"))
    }

    @Test func onlyWhatDiffersIsSent() throws {
        let route = Self.route([("stable", 80), ("canary", 20)])
        func changes(_ words: [String], swap: Bool = false) throws -> [String: Int] {
            try WeightPlan(words, swap: swap, undo: false).changes(of: route)
        }
        #expect(try changes(["canary=30"]) == ["canary": 30])
        #expect(try changes(["canary=20", "stable=70"]) == ["stable": 70])
        #expect(try changes(["canary=20"]) == [:])
        #expect(try changes([], swap: true) == ["stable": 20, "canary": 80])
        #expect(
            Self.message { _ = try changes(["nobody=1"]) }
                == "'infer' has no backend 'nobody', it has 'stable', 'canary'")
        #expect(
            Self.message { _ = try changes(["stable=0", "canary=0"]) }
                == "all weights of 'infer' would be 0, leave one of them above")
    }

    @Test func threeAreSwappedByName() throws {
        let route = Self.route([("a", 1), ("b", 2), ("c", 3)])
        #expect(try WeightPlan(["c", "a"], swap: true, undo: false).changes(of: route) == ["c": 1, "a": 3])
        #expect(
            Self.message { _ = try WeightPlan([], swap: true, undo: false).changes(of: route) }
                == "'infer' has 'a', 'b', 'c'; write the two that exchange their weights behind --swap")
        // Of two with nothing to exchange.
        let equal = Self.route([("a", 1), ("b", 1)])
        #expect(try WeightPlan([], swap: true, undo: false).changes(of: equal) == [:])
    }

    @Test(
        arguments: [
            ("infer", "infer"), ("ns/name/0", "ns/name/0"), ("a b?#%", "a%20b%3F%23%25"), ("a/../b", "a/%2E%2E/b"),
            ("größe", "gr%C3%B6%C3%9Fe"), ("\n", "%0A"), ("//", "//"), ("v1.2", "v1.2"), ("\\", "%5C"),
        ])
    func paths(_ route: String, _ path: String) {
        #expect(APIPath.weights(of: route) == "/api/v1/routes/\(path)/weights")
    }

    @Test func screens() {
        var before = Self.route([("stable", 80), ("canary", 20)])
        before.place = "/etc/sluice.yaml:9:34"
        before.undo = ["canary": 5, "stable": 95]
        var after = before
        after.entries[0].weight = 50
        after.entries[1].weight = 50
        #expect(
            WeightsScreen.change(from: before, to: after, width: nil).map { $0.text(coloured: false) } == [
                "infer", "BACKEND     WEIGHT         SHARE", "stable (b)      80  →  50   80 %  →  50 %  ██████████",
                "canary (b)      20  →  50   20 %  →  50 %  ██████████", "written to /etc/sluice.yaml:9:34",
            ])
        before.editable = false
        before.reason = "admin.readOnly is set"
        #expect(
            WeightsScreen.lines(before, width: nil).map { $0.text(coloured: false) } == [
                "infer  /etc/sluice.yaml:9:34", "BACKEND     WEIGHT  SHARE",
                "stable (b)      80   80 %  ████████████████",
                "canary (b)      20   20 %  ████", "cannot be changed from here: admin.readOnly is set",
                "--undo restores stable 95, canary 5",
            ])
    }
}
