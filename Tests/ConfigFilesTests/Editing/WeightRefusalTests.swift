import Foundation
import Testing

@testable import ConfigFiles

/// Changes that are not made, and what is said of them.
@Suite struct WeightRefusalTests {
    private func refusal(
        _ text: String, route: String = "infer", _ weights: [String: Int] = ["stable": 5, "canary": 95]
    ) throws -> WeightEditor.Failure? {
        let scratch = try ScratchDirectory(["sluice.yaml": text])
        let outcome = scratch.load()
        #expect(outcome.gateway != nil, "\(scratch.lines(outcome))")
        do throws(WeightEditor.Failure) {
            _ = try Edited(path: scratch.path + "/sluice.yaml", route, weights)
            return nil
        } catch {
            var failure = error
            failure.message = error.message.replacingOccurrences(of: scratch.path + "/", with: "")
            return failure
        }
    }

    private static let plain = native("    backends: [{ name: stable }, { name: canary }]")

    @Test func whatIsWanted() throws {
        #expect(
            try refusal(Self.plain, ["canry": 5])
                == .init(kind: .invalid, message: "this route has no entry 'canry', it has 'stable' and 'canary'"))
        for weight in [-1, 1_000_001, .max, .min] {
            #expect(
                try refusal(Self.plain, ["canary": weight])
                    == .init(
                        kind: .invalid, message: "the weight of 'canary' must be a whole number from 0 to 1000000"))
        }
        #expect(
            try refusal(Self.plain, ["stable": 0, "canary": 0])
                == .init(
                    kind: .invalid,
                    message: "every weight would be 0, so no request could go anywhere: give one a weight above 0"))
        #expect(try refusal(Self.plain, ["stable": 1_000_000, "canary": 0]) == nil)
    }

    @Test func routesWithoutWeights() throws {
        let text =
            Self.plain + "  - { name: hello, respond: { status: 200 }, match: [{ path: { exact: /hello } }] }\n"
        #expect(try refusal(text, route: "hello")?.kind == .conflict)
        #expect(
            try refusal(text, route: "other") == .init(kind: .unknownRoute, message: "there is no route 'other'"))
    }

    /// A number that stands for two entries cannot be changed for one of them.
    @Test(arguments: [
        "    backends: [{ name: stable, weight: &half 50 }, { name: canary, weight: *half }]",
        "    backends: &split [{ name: stable, weight: 50 }, { name: canary }]\n  - name: other\n    backends: *split",
        "    backends: [&stable { name: stable }, { name: canary }]\n  - name: other\n    backends: [*stable]",
    ])
    func aliases(backends: String) throws {
        let failure = try #require(try refusal(native(backends)))
        #expect(failure.kind == .conflict)
        #expect(
            failure.message
                == "the weight in sluice.yaml:8 stands for more than one entry, because an alias repeats it: write it out "
                + "for each of them")
    }

    /// The anchor of a weight that something else reads as well.
    @Test func anAliasOfSomethingElse() throws {
        let failure = try #require(
            try refusal(
                native(
                    "    backends: [{ name: stable, weight: &n 50 }, { name: canary }]\n"
                        + "    mirrors: [{ backend: canary, maxInFlight: *n }]")))
        #expect(failure.kind == .conflict)
        #expect(
            failure.message.hasPrefix("the weights cannot be changed in sluice.yaml without changing something else"))
    }

    @Test func aBlockScalar() throws {
        let failure = try #require(
            try refusal(
                native("    backends:\n      - name: stable\n        weight: >-\n          50\n      - name: canary")))
        #expect(
            failure
                == .init(
                    kind: .conflict,
                    message:
                        "the weight in sluice.yaml:10 is written in a form that cannot be changed in place: write it "
                        + "as a plain number"))
    }

    /// Two entries as pairs of a list in flow style have no place for a second key.
    @Test func onePairInBrackets() throws {
        let failure = try #require(try refusal(native("    backends: [name: stable, name: canary]")))
        #expect(failure.kind == .unloadable || failure.kind == .conflict)
    }

    @Test func otherFilesThanThoseThatRun() throws {
        let scratch = try ScratchDirectory(["sluice.yaml": Self.plain])
        let path = scratch.path + "/sluice.yaml"
        #expect(throws: WeightEditor.Failure.self) {
            try WeightEditor.prepare(
                path: path, for: .inspection, route: "infer", weights: ["stable": 5], hash: "0000000000000000")
        }
        #expect(throws: WeightEditor.Failure.self) {
            try WeightEditor.prepare(
                path: "/dev/null", for: .inspection, route: "infer", weights: ["stable": 5], hash: "0000000000000000")
        }
    }
}
