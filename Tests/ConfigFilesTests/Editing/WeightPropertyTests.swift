import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// Whatever is written anywhere in this repository: its weights can be set, and nothing else becomes different.
@Suite struct WeightPropertyTests {
    private static let files: [String] = {
        let examples = ExampleTests.repository + "/config/"
        let native = ["full.yaml", "minimal.yaml", "demo.yaml"].map { examples + $0 }
        let more = (FileManager.default.enumerator(atPath: examples + "examples")?.compactMap { $0 as? String } ?? [])
            .filter { $0.hasSuffix(".yaml") }.sorted().map { examples + "examples/" + $0 }
        return native + more + ConversionTests.cases.map { ConversionTests.directory + $0 + ".in.yaml" }
    }()

    private static func splits(_ gateway: Gateway?) -> [(route: String, forward: Route.Forward)] {
        (gateway?.routes ?? []).compactMap { route in
            if case .forward(let forward) = route.action { (route.name, forward) } else { nil }
        }
    }

    @Test func everySplitThereIs() throws {
        var random = TestRandom(state: 7)
        var (changed, fixed) = (0, 0)
        for file in Self.files {
            let outcome = ConfigurationLoader.load(path: file)
            for (route, forward) in Self.splits(outcome.gateway) {
                guard let place = outcome.weightPlaces[route], place.obstacle == nil else {
                    #expect(forward.backends.count == 1, "\(file), \(route)")
                    fixed += 1
                    continue
                }
                #expect(place.file == file)
                var wanted = forward.backends.map { _ in Int.random(in: 0...1000, using: &random) }
                wanted[Int.random(in: wanted.indices, using: &random)] += 1
                if file.contains("ingress") {
                    // Of a canary: parts of its total.
                    let total = forward.backends.reduce(0) { $0 + $1.weight }
                    wanted[1] %= total + 1
                    wanted[0] = total - wanted[1]
                }
                let weights = Dictionary(
                    zip(forward.backends.map(\.label), wanted), uniquingKeysWith: { first, _ in first })
                guard let edited = try Edited(path: file, route, weights) else { continue }
                #expect(edited.weights(of: route) == wanted, "\(file), \(route)")
                let before = String(decoding: try #require(FileManager.default.contents(atPath: file)), as: UTF8.self)
                #expect(Self.withoutWeights(edited.text) == Self.withoutWeights(before), "\(file), \(route)")
                changed += 1
            }
        }
        #expect(changed > 60 && fixed > 20, "\(changed) were changed, \(fixed) could not be")
    }

    private static func withoutWeights(_ text: String) -> String {
        text.replacing(#/,?\s*"?(canary-)?weight"?:\s*["']?\d+["']?/#, with: "")
    }

    private static let texts: [String] = WeightLayoutTests.layouts.map(\.before)

    /// Damaged text is edited right or not at all, and nothing traps.
    @Test(arguments: 0..<8) func damage(seed: UInt64) throws {
        var random = TestRandom(state: seed)
        let scratch = try ScratchDirectory()
        let path = scratch.path + "/sluice.yaml"
        var (edits, refusals) = (0, 0)
        for round in 0..<150 {
            var bytes = Array(Self.texts[round % Self.texts.count].utf8)
            Self.mutate(&bytes, &random)
            try scratch.write(bytes, to: "sluice.yaml")
            let outcome = scratch.load()
            for (route, forward) in Self.splits(outcome.gateway) {
                let wanted = forward.backends.map { _ in Int.random(in: 1...99, using: &random) }
                let weights = Dictionary(
                    zip(forward.backends.map(\.label), wanted), uniquingKeysWith: { first, _ in first })
                do throws(WeightEditor.Failure) {
                    guard let edited = try Edited(path: path, route, weights) else { continue }
                    #expect(edited.weights(of: route) == wanted, "seed \(seed)")
                    edits += 1
                } catch {
                    #expect(error.kind == .conflict || error.kind == .unloadable, "seed \(seed): \(error)")
                    refusals += 1
                }
            }
        }
        #expect(edits > 10, "\(edits) edits and \(refusals) refusals test little")
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout TestRandom) {
        let telling = Array("*&!|>'\"{}[],:?#- \t\n\r".utf8)
        // In the route, or little of it would ever load.
        let index = Int.random(in: bytes.count / 2..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[index] = telling.randomElement(using: &random) ?? 0
        case 1: bytes.insert(telling.randomElement(using: &random) ?? 0, at: index)
        case 2: bytes.remove(at: index)
        default: bytes.insert(contentsOf: Array(" \n#x".utf8), at: index)
        }
    }
}

/// SplitMix64, so that a number names a whole run.
struct TestRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
