import Base
import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// Small damage to every manifest there is an example of, the same in every run.
@Suite struct ManifestMutationTests {
    private static let telling = Array("*&!|>'\"%@`{}[],:?#-~ \t\n\r\0\u{e4}<019/".utf8) + [0xff, 0xc0, 0x80]
    /// Values that are of the wrong kind almost everywhere.
    private static let values = [
        "[]", "{}", "null", "-1", "99999999999999999999", "\"\"", "[[[]]]", "{ a: { a: [] } }", "1e309", "' '",
    ]

    /// Nothing makes the loader or the writer trap, and what is taken can be written and read back.
    @Test(arguments: 0..<8)
    func conversionSurvives(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        let scratch = try ScratchDirectory()
        for name in ConversionTests.cases {
            let path = ConversionTests.directory + name + ".in.yaml"
            let original = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            for _ in 0..<6 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...3, using: &random) { mutate(&bytes, &random) }
                try scratch.write(bytes, to: "sluice.yaml")
                let outcome = scratch.load()
                let hasErrors = outcome.diagnostics.contains { $0.severity == .error }
                #expect(hasErrors == (outcome.gateway == nil), "\(name), seed \(seed)")
                guard let gateway = outcome.gateway else { continue }
                let listener = gateway.listeners.isEmpty ? "listeners:\n  - address: 127.0.0.1:1\n" : ""
                let yaml = listener + outcome.writer(from: ["x"]).yaml(gateway)
                try scratch.write(Array(yaml.utf8), to: "again.yaml")
                let again = scratch.load("again.yaml")
                #expect(
                    again.gateway?.routes == gateway.routes,
                    "\(name), seed \(seed):\n\(String(decoding: bytes, as: UTF8.self))\n\(yaml)")
            }
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout RandomSource) {
        guard !bytes.isEmpty else { return }
        let index = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[index] = Self.telling.randomElement(using: &random) ?? 0
        case 1: bytes.insert(Self.telling.randomElement(using: &random) ?? 0, at: index)
        case 2: bytes.remove(at: index)
        case 3:
            // Whatever follows the colon is something else.
            guard let colon = bytes[index...].firstIndex(of: UInt8(ascii: ":")) else { return }
            let rest = bytes[(colon + 1)...]
            let end = rest.firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "}") }
            bytes.replaceSubrange(
                (colon + 1)..<(end ?? bytes.count),
                with: Array(" \(Self.values.randomElement(using: &random) ?? "")".utf8))
        case 4: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...30, using: &random)))
        default:
            let other = Int.random(in: bytes.indices, using: &random)
            let run = bytes[other..<min(bytes.count, other + Int.random(in: 1...40, using: &random))]
            bytes.insert(contentsOf: Array(run), at: index)
        }
    }
}
