import Configuration
import Explanation
import Foundation
import Testing

/// Manifests are explained as what `convert` makes of them is.
struct ManifestTests {
    /// The golden files of `convert`: what is converted, and what comes out.
    private static let pairs: [(manifest: String, native: String)] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("ConfigFilesTests/convert").path
        let files = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
        return files.filter { $0.hasSuffix(".in.yaml") }.sorted().map { name in
            ("\(root)/\(name)", "\(root)/\(name.dropLast(".in.yaml".count)).out.yaml")
        }
    }()

    @Test func manifestsAndWhatTheyBecome() throws {
        try #require(Self.pairs.count > 20)
        var compared = 0
        for (path, converted) in Self.pairs {
            guard let manifest = try Asking(ifValid: Self.withListener(path)) else { continue }
            let native =
                try FileManager.default.fileExists(atPath: converted) ? Asking(Self.withListener(converted)) : nil
            for route in manifest.gateway.routes.prefix(20) {
                for request in requests(to: route) {
                    let explanation = try manifest.explain(request, "x-canary: always", "Origin: https://a.example.com")
                    #expect(explanation.text().hasPrefix(request))
                    guard let native else { continue }
                    let same = try native.explain(request, "x-canary: always", "Origin: https://a.example.com")
                    #expect(same.text(isWhole: true) == explanation.text(isWhole: true), "\(path): \(request)")
                    compared += 1
                }
            }
        }
        #expect(compared > 50)
    }

    /// What a gateway needs beside routes.
    private static func withListener(_ path: String) throws -> String {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return text.contains("\nlisteners:") ? text : text + "\n---\nlisteners: [{ address: 127.0.0.1:8080 }]\n"
    }

    /// What comes near the route.
    private func requests(to route: Route) -> [String] {
        let host = route.hosts.first.map { $0.replacing("*", with: "any") } ?? "localhost"
        let matches = route.match.isEmpty ? [Match()] : route.match
        return matches.prefix(3).flatMap { match in
            let path =
                switch match.path {
                case .exact(let text), .prefix(let text), .startsWith(let text): text
                case .regex, nil: "/"
                }
            return ["\(match.method ?? "GET") http://\(host)\(path)", "PUT http://\(host)\(path)/more?x=1"]
        }
    }
}
