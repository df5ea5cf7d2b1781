import Foundation

@testable import ConfigFiles

/// A directory of its own for one test, gone with it.
final class ScratchDirectory {
    let path: String

    init(_ files: [String: String] = [:]) throws {
        path = NSTemporaryDirectory() + "/sluice-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files { try write(Array(text.utf8), to: name) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], to name: String) throws {
        let file = path + "/" + name
        let directory = (file as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: file))
    }

    func load(_ name: String = "sluice.yaml") -> ConfigurationLoader.Outcome {
        ConfigurationLoader.load(path: name.isEmpty ? path : path + "/" + name)
    }

    /// The diagnostics as lines, with file names relative to this directory.
    func lines(_ outcome: ConfigurationLoader.Outcome) -> [String] {
        outcome.diagnostics.map { $0.description.replacingOccurrences(of: path + "/", with: "") }
    }
}
