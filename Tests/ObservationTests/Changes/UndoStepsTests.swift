import Testing

@testable import Observation

@Suite struct UndoStepsTests {
    private let old = ["stable": 80, "canary": 20]
    private let new = ["stable": 0, "canary": 100]

    @Test func undoAndRedo() {
        var steps = UndoSteps()
        #expect(steps.restoring("infer", whoseWeightsAre: old) == nil && !steps.isKnown("infer"))
        steps.changed("infer", from: old, to: new)
        #expect(steps.restoring("infer", whoseWeightsAre: new) == old)
        #expect(steps.restoring("other", whoseWeightsAre: new) == nil)
        steps.changed("infer", from: new, to: old)
        #expect(steps.restoring("infer", whoseWeightsAre: old) == new)
    }

    @Test func changedOtherwiseSince() {
        var steps = UndoSteps()
        steps.changed("infer", from: old, to: new)
        #expect(
            steps.restoring("infer", whoseWeightsAre: ["stable": 50, "canary": 50]) == nil && steps.isKnown("infer"))
        #expect(steps.restoring("infer", whoseWeightsAre: ["stable": 0, "canary": 100, "third": 0]) == nil)
    }

    @Test func routesThatAreGone() {
        var steps = UndoSteps()
        steps.changed("infer", from: old, to: new)
        steps.changed("gone", from: old, to: new)
        steps.keep { $0 == "infer" }
        #expect(steps.isKnown("infer") && !steps.isKnown("gone"))
    }
}

@Suite struct IfMatchTests {
    @Test func conditions() {
        let tag = "\"00ff\""
        for field in [tag, "*", " \"1\" , \"00ff\"\t", "\"00ff\","] { #expect(IfMatch.allows(field, tag), "\(field)") }
        // Weak tags, tags without quotes, and nothing at all.
        for field in ["", "W/\"00ff\"", "00ff", "\"00f\"", "\"1\", \"2\"", ","] {
            #expect(!IfMatch.allows(field, tag), "\(field)")
        }
    }
}
