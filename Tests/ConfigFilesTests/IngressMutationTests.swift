import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// Damaged Ingresses: every line of the golden ones may be cut, doubled, moved, or get a value from elsewhere.
@Suite struct IngressMutationTests {
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

    private static let values = [
        "~", "[]", "{}", "\"\"", "true", "-1", "0", "99999999999999999999", "\"*\"", "$request_uri", "\"(((((\"", "a|b",
        "/",
        "[[[[]]]]", "\"\\u0000\"", "\"é\"", "https://$request_uri", "\"{}{};#\"", ",,,",
        "x" + String(repeating: "y", count: 5000),
    ]

    @Test(arguments: 0..<12)
    func nothingTraps(seed: UInt64) throws {
        var random = Random(state: seed)
        var lines: [[Substring]] = []
        for name in ConversionTests.cases where name.hasPrefix("ingress-nginx/") {
            let file = URL(fileURLWithPath: ConversionTests.directory + name + ".in.yaml")
            lines.append(
                try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false))
        }
        let scratch = try ScratchDirectory(["a.yaml": "listeners: [{ address: 127.0.0.1:8080 }]\n"])
        var refused = 0
        for _ in 0..<60 {
            var text = lines[Int.random(in: lines.indices, using: &random)]
            for _ in 0..<Int.random(in: 1...3, using: &random) { mutate(&text, lines, &random) }
            try scratch.write(Array(text.joined(separator: "\n").utf8), to: "b.yaml")
            let start = ContinuousClock.now
            let outcome = scratch.load("")
            #expect(ContinuousClock.now - start < .seconds(10), "seed \(seed)")
            let hasErrors = outcome.diagnostics.contains { $0.severity == .error }
            #expect(hasErrors == (outcome.gateway == nil), "seed \(seed)")
            #expect(outcome.diagnostics.allSatisfy { $0.line >= 1 && $0.column >= 1 }, "seed \(seed)")
            refused += hasErrors ? 1 : 0
        }
        #expect((10..<60).contains(refused), "mutations that nobody notices, or everybody, test nothing")
    }

    private func mutate(_ text: inout [Substring], _ others: [[Substring]], _ random: inout Random) {
        guard let index = text.indices.randomElement(using: &random) else { return }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: text.remove(at: index)
        case 1: text.insert(text[index], at: index)
        case 2: text.insert(others.randomElement(using: &random)?.randomElement(using: &random) ?? "", at: index)
        case 3: text.removeSubrange(index...)
        case 4:
            guard let colon = text[index].firstIndex(of: ":") else { return }
            text[index] = text[index][...colon] + " " + (Self.values.randomElement(using: &random) ?? "")
        default:
            let end = text[index].indices.randomElement(using: &random) ?? text[index].endIndex
            text[index] = text[index][..<end]
        }
    }

    /// A large file takes a moment, not a minute: what is compared with everything grows with the square.
    @Test func thousandsOfPaths() throws {
        var yaml = ""
        for number in 0..<2000 {
            yaml +=
                IngressText(name: "web-\(number)", host: "h\(number % 500).example.com", path: "/p\(number)").yaml
                + "\n---\n"
        }
        let scratch = try ScratchDirectory(["sluice.yaml": "listeners: [{ address: 127.0.0.1:8080 }]\n---\n" + yaml])
        let start = ContinuousClock.now
        let outcome = scratch.load()
        #expect(outcome.gateway?.routes.count == 2000)
        #expect(ContinuousClock.now - start < .seconds(60))
    }
}
