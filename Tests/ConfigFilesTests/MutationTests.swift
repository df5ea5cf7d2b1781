import Foundation
import Testing

@testable import ConfigFiles

/// Small damage to a large file, the same in every run.
@Suite struct MutationTests {
    /// SplitMix64, so that a number names a whole run.
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
            return value ^ value >> 31
        }
    }

    /// Bytes that mean something in YAML are worth more than others.
    private static let telling = Array("*&!|>'\"%@`{}[],:?#-~ \t\n\r\0\u{e4}<".utf8) + [0xff, 0xc0, 0x80]

    /// No mutation makes the loader trap, every outcome is either a gateway or an error, and every position exists.
    @Test(arguments: 0..<20)
    func loaderSurvives(seed: UInt64) throws {
        let directory = ExampleTests.repository + "/config"
        let original = Array(try Data(contentsOf: URL(fileURLWithPath: directory + "/full.yaml")))
        let users = Array(try Data(contentsOf: URL(fileURLWithPath: directory + "/users.htpasswd")))
        let scratch = try ScratchDirectory()
        try scratch.write(users, to: "users.htpasswd")
        var random = Random(state: seed)
        var refused = 0
        for _ in 0..<100 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, &random) }
            try scratch.write(bytes, to: "sluice.yaml")
            let outcome = scratch.load()
            let hasErrors = outcome.diagnostics.contains { $0.severity == .error }
            #expect(hasErrors == (outcome.gateway == nil), "seed \(seed)")
            #expect(outcome.diagnostics.allSatisfy { $0.line >= 1 && $0.column >= 1 }, "seed \(seed)")
            refused += hasErrors ? 1 : 0
        }
        #expect(refused > 20, "mutations that nobody notices test nothing")
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout Random) {
        let index = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[index] = Self.telling.randomElement(using: &random) ?? 0
        case 1: bytes.insert(Self.telling.randomElement(using: &random) ?? 0, at: index)
        case 2: bytes.remove(at: index)
        case 3: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        default:
            // A run from somewhere else: keys in the wrong place, and keys twice.
            let other = Int.random(in: bytes.indices, using: &random)
            let run = bytes[other..<min(bytes.count, other + Int.random(in: 1...40, using: &random))]
            bytes.insert(contentsOf: Array(run), at: index)
        }
    }
}
