import Configuration
import Foundation
import Glibc
import Testing

@testable import ConfigFiles

/// Files are replaced whole, in place of what the path leads to, or left alone.
@Suite struct FileReplacementTests {
    private static let new = Array("new\n".utf8)

    private func write(_ path: String, unless conflict: String? = nil) -> String? {
        do throws(FileReplacement.Failure) {
            try FileReplacement.write(Self.new, to: path) { conflict }
            return nil
        } catch {
            return error.message
        }
    }

    private func contents(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func names(_ scratch: ScratchDirectory, _ directory: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/" + directory).sorted()
    }

    @Test func modeAndLinkStay() throws {
        let scratch = try ScratchDirectory(["real/sluice.yaml": "old\n"])
        let real = scratch.path + "/real/sluice.yaml"
        let link = scratch.path + "/link.yaml"
        #expect(chmod(real, 0o640) == 0 && symlink("real/sluice.yaml", link) == 0)
        // What a killed process has left.
        try scratch.write([], to: "real/.sluice.yaml.sluice-\(getpid())")
        #expect(write(link) == nil)
        #expect(try contents(real) == "new\n")
        var status = stat()
        #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(stat(real, &status) == 0 && status.st_mode & 0o7777 == 0o640)
        #expect(try names(scratch, "real") == ["sluice.yaml"])
    }

    @Test func conflict() throws {
        let scratch = try ScratchDirectory(["sluice.yaml": "old\n"])
        #expect(write(scratch.path + "/sluice.yaml", unless: "somebody was faster") == "somebody was faster")
        #expect(try contents(scratch.path + "/sluice.yaml") == "old\n")
        #expect(try names(scratch) == ["sluice.yaml"])
    }

    /// An editor that renames has come in at the last moment.
    @Test func whatWasNotExpectedIsPutBack() throws {
        let scratch = try ScratchDirectory(["sluice.yaml": "old\n"])
        let path = scratch.path + "/sluice.yaml"
        var seen: [UInt8] = []
        #expect(throws: FileReplacement.Failure.self) {
            try FileReplacement.write(Self.new, to: path) {
                seen = $0
                return false
            } unless: {
                nil
            }
        }
        #expect(seen == Array("old\n".utf8))
        #expect(try contents(path) == "old\n")
        #expect(try names(scratch) == ["sluice.yaml"])
    }

    /// The layout of a volume that Kubernetes writes.
    @Test func configMap() throws {
        let scratch = try ScratchDirectory(["..2026_11_22/sluice.yaml": "old\n"])
        #expect(symlink("..2026_11_22", scratch.path + "/..data") == 0)
        let path = scratch.path + "/sluice.yaml"
        #expect(symlink("..data/sluice.yaml", path) == 0)
        let message = try #require(write(path))
        #expect(message.hasPrefix("\(path) comes from a ConfigMap or Secret") && message.contains("kubectl edit"))
        #expect(FileReplacement.obstacle(to: path) == message)
        #expect(try contents(path) == "old\n")
    }

    @Test func otherNames() throws {
        let scratch = try ScratchDirectory(["sluice.yaml": "old\n"])
        let path = scratch.path + "/sluice.yaml"
        #expect(link(path, scratch.path + "/other") == 0)
        #expect(try #require(write(path)).contains("2 names (hard links)"))
        #expect(try contents(path) == "old\n")
        #expect(FileReplacement.obstacle(to: scratch.path + "/other")?.contains("hard links") == true)
    }

    @Test func nothingThere() throws {
        let scratch = try ScratchDirectory()
        let path = scratch.path + "/sluice.yaml"
        #expect(write(path) == "cannot find \(path): No such file or directory")
        #expect(write(scratch.path) == "\(scratch.path) is no regular file")
    }

    /// A file of the configuration that is not the one to be written counts as well.
    @Test func anyFileOfTheConfiguration() throws {
        let scratch = try ScratchDirectory([
            "conf/10.yaml": native("    backends: [{ name: stable }, { name: canary }]"), "conf/20.yaml": "loops: 1\n",
        ])
        func prepared() throws -> WeightEdit {
            try #require(try Edited(path: scratch.path + "/conf", "infer", ["stable": 5])).edit
        }
        for (name, text) in [("20.yaml", "loops: 2\n"), ("30.yaml", "memoryLimit: 1GiB\n")] {
            let edit = try prepared()
            try scratch.write(Array(text.utf8), to: "conf/" + name)
            #expect(throws: WeightEditor.Failure.self) { try edit.write() }
            #expect(scratch.load("conf").gateway?.routes.first.flatMap { $0.weights } == ["stable": 1, "canary": 1])
        }
        let edit = try prepared()
        try edit.write()
        #expect(scratch.load("conf").hash == edit.outcome.hash)
        try edit.revert()
        #expect(scratch.load("conf").gateway?.routes.first.flatMap { $0.weights } == ["stable": 1, "canary": 1])
        // Not twice: what stands there now is not what the edit wrote.
        #expect(throws: WeightEditor.Failure.self) { try edit.revert() }
    }

    /// Whether it is worth while to load again.
    @Test func fingerprints() throws {
        let scratch = try ScratchDirectory([
            "conf/10.yaml": native("    backends: [{ name: stable }, { name: canary }]")
        ])
        let before = scratch.load("conf").fingerprint
        #expect(before.isCurrent() && before == scratch.load("conf").fingerprint)
        let edit = try #require(try Edited(path: scratch.path + "/conf", "infer", ["stable": 5])).edit
        #expect(!edit.outcome.fingerprint.isCurrent())
        try edit.write()
        #expect(edit.outcome.fingerprint.isCurrent() && !before.isCurrent())
        try scratch.write(Array("loops: 1\n".utf8), to: "conf/20.yaml")
        #expect(!edit.outcome.fingerprint.isCurrent())
        try FileManager.default.removeItem(atPath: scratch.path + "/conf/20.yaml")
        #expect(edit.outcome.fingerprint.isCurrent())
        try FileManager.default.removeItem(atPath: scratch.path + "/conf/10.yaml")
        #expect(!edit.outcome.fingerprint.isCurrent())
    }
}

extension Route {
    fileprivate var weights: [String: Int]? { if case .forward(let forward) = action { forward.weights } else { nil } }
}
