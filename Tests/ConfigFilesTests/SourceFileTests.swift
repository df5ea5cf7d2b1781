import Configuration
import Foundation
import Testing

@testable import ConfigFiles

/// Which files are read, how they add up, and what is remembered of them.
@Suite struct SourceFileTests {
    private let listeners = "listeners: [{ address: 0.0.0.0:8080 }]\n"
    private let backends = "backends: { stable: { endpoints: [127.0.0.1:8000] } }\n"
    private let routes = "routes: [{ name: a, hosts: [a], backends: [{ name: stable }] }]\n"
    private let hash = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="

    private func routes(withUsersFile path: String) -> String {
        "routes: [{ name: a, backends: [{ name: stable }], basicAuth: { usersFile: '\(path)' } }]\n"
    }

    @Test func directoryIsReadInFileNameOrder() throws {
        let scratch = try ScratchDirectory([
            "10-listeners.yaml": listeners, "9-routes.yml": routes,
            "20-more.yaml": "backends: { canary: { endpoints: [127.0.0.1:8100] } }\n"
                + "routes: [{ name: b, hosts: [b], backends: [{ name: canary }] }]\n",
            "30-backends.yaml": backends, "ignored.txt": "loops: x\n", ".hidden.yaml": "loops: x\n",
            "users.htpasswd": "",
        ])
        let outcome = scratch.load("")
        #expect(scratch.lines(outcome) == [])
        #expect(outcome.gateway?.routes.map(\.name) == ["b", "a"])
        #expect(outcome.gateway?.backends.map(\.name) == ["canary", "stable"])
        #expect(
            outcome.watched
                == [
                    scratch.path, scratch.path + "/10-listeners.yaml", scratch.path + "/20-more.yaml",
                    scratch.path + "/30-backends.yaml", scratch.path + "/9-routes.yml",
                ].map(FilePath.absolute))
    }

    @Test func whatTwoFilesSetNamesBoth() throws {
        let scratch = try ScratchDirectory([
            "a.yaml": listeners + backends + routes + "loops: 1\nadmin: { address: 127.0.0.1:9901 }\n",
            "b.yaml": "loops: 1\n" + backends + routes + "admin: { address: 127.0.0.1:9902 }\n",
        ])
        #expect(
            scratch.lines(scratch.load(""))
                == [
                    "b.yaml:1:1: error: 'loops' is already in \(scratch.path)/a.yaml:4, keep one of them",
                    "b.yaml:2:13: error: 'stable' is already in \(scratch.path)/a.yaml:2, keep one of them",
                    "b.yaml:3:12: error: a route in \(scratch.path)/a.yaml:3 is called 'a' too, give one another name",
                    "b.yaml:4:10: error: 'address' is already in \(scratch.path)/a.yaml:5, keep one of them",
                ].map { $0.replacingOccurrences(of: scratch.path + "/", with: "") })
    }

    @Test func aBrokenFileHidesNothingInTheOthersAndBlamesNobody() throws {
        let scratch = try ScratchDirectory([
            "a.yaml": "backends: { stable: [\n", "b.yaml": routes + "loops: 0\n",
        ])
        #expect(
            scratch.lines(scratch.load("")) == [
                "a.yaml:2:1: error: not YAML: did not find expected node content while parsing a flow node",
                "b.yaml:2:8: error: 'loops' must be a whole number from 1 to 64, not '0'",
            ])
    }

    @Test func missingFileEmptyDirectoryAndBadBytes() throws {
        let scratch = try ScratchDirectory(["empty/readme.txt": "", "dir.yaml/x": ""])
        try scratch.write([0x61, 0x3a, 0x20, 0xc3, 0xa4, 0xff, 0x0a], to: "bytes.yaml")
        try scratch.write(Array(repeating: UInt8(ascii: "#"), count: FileContents.maximumBytes + 1), to: "big.yaml")
        #expect(
            scratch.lines(scratch.load("none.yaml")) == [
                "none.yaml:1:1: error: cannot read the configuration: there is no such file"
            ])
        #expect(scratch.lines(scratch.load("empty")) == ["empty:1:1: error: the directory holds no .yaml or .yml file"])
        #expect(
            scratch.lines(scratch.load("bytes.yaml")) == [
                "bytes.yaml:1:5: error: this is not UTF-8, save the file as UTF-8"
            ])
        #expect(
            scratch.lines(scratch.load("big.yaml")) == [
                "big.yaml:1:1: error: cannot read the configuration: it is bigger than 4 MiB"
            ])
        #expect(
            scratch.lines(scratch.load("")).contains(
                "dir.yaml:1:1: error: cannot read the configuration: it is no regular file"))
        #expect(scratch.load("none.yaml").watched == [FilePath.absolute(scratch.path + "/none.yaml")])
    }

    @Test func byteOrderMarkAndWindowsLinesAreFine() throws {
        let text = "\u{FEFF}" + (listeners + backends + routes).replacingOccurrences(of: "\n", with: "\r\n")
        #expect(try ScratchDirectory(["sluice.yaml": text]).load().diagnostics == [])
    }

    @Test func usersFilesAreRelativeToTheirFileAndWatched() throws {
        let scratch = try ScratchDirectory([
            "conf/sluice.yaml": listeners + backends + routes(withUsersFile: "../secret/users"),
            "secret/users": "# people\nann:\(hash)\n",
        ])
        let outcome = scratch.load("conf/sluice.yaml")
        #expect(outcome.gateway?.routes[0].basicAuth?.users == ["ann": hash])
        #expect(
            outcome.watched == [
                FilePath.absolute(scratch.path + "/conf/sluice.yaml"),
                FilePath.absolute(scratch.path + "/conf/../secret/users"),
            ])
    }

    @Test func aMissingUsersFileIsWatchedToo() throws {
        let scratch = try ScratchDirectory(["sluice.yaml": listeners + backends + routes(withUsersFile: "users")])
        let outcome = scratch.load()
        #expect(outcome.gateway == nil)
        #expect(outcome.watched.last == FilePath.absolute(scratch.path + "/users"))
    }

    @Test func badLinesAreReportedInTheUsersFile() throws {
        let scratch = try ScratchDirectory([
            "sluice.yaml": listeners + backends + routes(withUsersFile: "users"),
            "users": "ann:\(hash)\nbob:secret-in-plain-text\n\ncarl\n",
        ])
        let lines = scratch.lines(scratch.load())
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("users:2:1: error: ") && lines[1].hasPrefix("users:4:1: error: "))
        #expect(!lines.joined().contains("secret"))
    }

    @Test func oneUserInTwoPlaces() throws {
        let scratch = try ScratchDirectory([
            "sluice.yaml": listeners + backends
                + "routes: [{ name: a, backends: [{ name: stable }], basicAuth: { usersFile: users, users: { ann: '\(hash)' } } }]\n",
            "users": "ann:\(hash)\n",
        ])
        #expect(
            scratch.lines(scratch.load()) == [
                "sluice.yaml:3:91: error: the user 'ann' is in the users file too, keep one"
            ])
    }

    @Test func accessLogPathIsRelativeToItsFile() throws {
        let scratch = try ScratchDirectory([
            "sluice.yaml": listeners + backends + routes + "accessLog: { path: logs/a.log }\n"
        ])
        #expect(scratch.load().gateway?.accessLog?.sink == .file(FilePath.absolute(scratch.path + "/logs/a.log")))
    }

    @Test func hashCoversAllBytesAndNothingElse() throws {
        let text = listeners + backends + routes(withUsersFile: "users")
        func hash(_ files: [String: String]) throws -> String { try ScratchDirectory(files).load().hash }
        let first = try hash(["sluice.yaml": text, "users": "ann:\(self.hash)\n"])
        #expect(first.count == 16 && first.allSatisfy(\.isHexDigit))
        #expect(try hash(["sluice.yaml": text, "users": "ann:\(self.hash)\n"]) == first)
        #expect(try hash(["sluice.yaml": text + "# x\n", "users": "ann:\(self.hash)\n"]) != first)
        #expect(try hash(["sluice.yaml": text, "users": "bob:\(self.hash)\n"]) != first)
    }

    /// The value is part of the contract: a dashboard compares it across restarts and versions.
    @Test func hashIsStable() throws {
        #expect(try ScratchDirectory(["sluice.yaml": listeners + backends + routes]).load().hash == "656e83d0c3087975")
    }
}
