import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// Manifests and what `sluice convert` makes of them, side by side in Tests/ConfigFilesTests/convert: NAME.in.yaml becomes
/// NAME.out.yaml, or nothing where it is refused, and what is said meanwhile is in NAME.said.txt.
///
/// With `SLUICE_REWRITE=1` in the environment the outputs are written anew; read the difference before you commit it.
@Suite struct ConversionTests {
    static let directory = #filePath.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/convert/"
    private static let isRewriting = ProcessInfo.processInfo.environment["SLUICE_REWRITE"] == "1"

    /// Names below the directory, without `.in.yaml`.
    static let cases: [String] = {
        let files = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        return files.filter { $0.hasSuffix(".in.yaml") }.map { String($0.dropLast(".in.yaml".count)) }.sorted()
    }()

    @Test(arguments: cases)
    func conversion(name: String) throws {
        let input = Self.directory + name + ".in.yaml"
        let outcome = ConfigurationLoader.load(paths: [input])
        let yaml = outcome.gateway.map { outcome.writer(from: [input]).yaml($0) }
        let said = outcome.diagnostics.map { $0.description.replacing(Self.directory, with: "") + "\n" }.joined()
        try compare(yaml ?? "", with: name + ".out.yaml")
        try compare(said, with: name + ".said.txt")
        guard let yaml, let gateway = outcome.gateway else { return }
        try checkAlone(yaml, gateway, name)
    }

    /// With a listener in front it is a sound configuration, and means what the manifests meant.
    private func checkAlone(_ yaml: String, _ gateway: Gateway, _ name: String) throws {
        let listener = gateway.listeners.isEmpty ? "listeners:\n  - address: 127.0.0.1:8080\n\n" : ""
        let scratch = try ScratchDirectory(["sluice.yaml": listener + yaml])
        let again = scratch.load()
        #expect(again.diagnostics.filter { $0.severity == .error } == [], "\(name):\n\(yaml)")
        #expect(again.gateway?.backends == gateway.backends, "\(name):\n\(yaml)")
        #expect(again.gateway?.routes.map(\.name) == gateway.routes.map(\.name), "\(name):\n\(yaml)")
        for (read, meant) in zip(again.gateway?.routes ?? [], gateway.routes) {
            #expect(read == meant, "\(name), \(meant.name):\n\(yaml)")
        }
    }

    /// What is empty has no file.
    private func compare(_ text: String, with name: String) throws {
        let path = Self.directory + name
        if Self.isRewriting {
            if text.isEmpty {
                try? FileManager.default.removeItem(atPath: path)
            } else {
                try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            }
            return
        }
        let expected = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        #expect(text == expected, "\(name)")
    }

    @Test func nothingIsLeftOver() throws {
        let files = FileManager.default.enumerator(atPath: Self.directory)?.compactMap { $0 as? String } ?? []
        for file in files {
            for suffix in [".out.yaml", ".said.txt"] where file.hasSuffix(suffix) {
                #expect(Self.cases.contains(String(file.dropLast(suffix.count))), "\(file) has no input")
            }
        }
        #expect(!Self.cases.isEmpty)
    }
}
