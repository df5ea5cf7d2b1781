import Credentials

/// Every file that one load reads: remembers what to watch, hashes all bytes, and reads no file twice, so that two uses of one
/// file cannot see two versions of it.
final class SourceFiles {
    private let report: Report
    /// What to take for the contents of configuration files, by their paths as they are read.
    private let overlay: [String: [UInt8]]
    private var usersFiles: [String: UsersFile] = [:]
    private var otherFiles: [String: [UInt8]] = [:]
    private var hash = ContentHash()
    /// What was read, and the names in directories that were listed, by path as it was used.
    private(set) var contents: [String: [UInt8]] = [:]
    private(set) var listings: [String: [String]] = [:]
    /// Absolute paths, each once, in the order of reading.
    private(set) var watched: [String] = []
    /// Whether a file could not be read or parsed, so that what it defines is missing without anybody's fault.
    var isIncomplete = false

    private enum UsersFile {
        case users([String: String])
        case unreadable(String)
    }

    init(report: Report, overlay: [String: [UInt8]] = [:]) {
        self.report = report
        self.overlay = overlay
    }

    var contentHash: String { hash.text }

    /// Absolute paths of the certificates, keys and authorities that were read, by what is in them.
    var paths: [[UInt8]: String] {
        Dictionary(otherFiles.map { ($0.value, $0.key) }, uniquingKeysWith: { first, second in min(first, second) })
    }

    /// The configuration file, or the files of the directory, as numbered in the report, with their bytes.
    func configuration(at path: String) -> [(file: Int, bytes: [UInt8])] {
        watch(path)
        guard FileContents.isDirectory(path) else {
            return read(path, onlyRegular: false).map { [$0] } ?? []
        }
        do throws(FileContents.Failure) {
            let names = try FileContents.configurationFiles(in: path)
            listings[path] = names
            if names.isEmpty {
                fail(path, "the directory holds no .yaml or .yml file")
            }
            let prefix = path.hasSuffix("/") ? path : path + "/"
            return names.compactMap { name in
                watch(prefix + name)
                return read(prefix + name, onlyRegular: true)
            }
        } catch {
            fail(path, "cannot read the directory: \(error.message)")
            return []
        }
    }

    /// The users of an htpasswd file, or `nil` after a report. What is wrong inside the file is reported there.
    ///
    /// - Parameter path: as written in the configuration at `position`.
    func users(at path: String, position: Position) -> [String: String]? {
        let resolved = FilePath.resolve(path, relativeTo: report.name(of: position.file))
        let key = FilePath.absolute(resolved)
        let file = usersFiles[key] ?? readUsers(resolved)
        usersFiles[key] = file
        switch file {
        case .users(let users): return users
        case .unreadable(let reason):
            report.error(
                position,
                "cannot read the users file \(Wording.quoted(resolved, upTo: Wording.longestPath)): \(reason), make it with 'sluice passwd'"
            )
            return nil
        }
    }

    /// The bytes of a file that the configuration names, or `nil` after a report.
    ///
    /// - Parameters:
    ///   - path: as written in the configuration at `position`.
    ///   - title: what the file is, such as `the certificate`.
    func contents(at path: String, _ title: String, position: Position) -> [UInt8]? {
        let resolved = FilePath.resolve(path, relativeTo: report.name(of: position.file))
        let key = FilePath.absolute(resolved)
        do throws(FileContents.Failure) {
            if let known = otherFiles[key] { return known }
            watch(resolved)
            let bytes = try FileContents.read(resolved, onlyRegular: true)
            hash.add(bytes)
            contents[resolved] = bytes
            otherFiles[key] = bytes
            return bytes
        } catch {
            report.error(
                position,
                "cannot read \(title) \(Wording.quoted(resolved, upTo: Wording.longestPath)): \(error.message)")
            return nil
        }
    }

    private func readUsers(_ path: String) -> UsersFile {
        watch(path)
        let bytes: [UInt8]
        do throws(FileContents.Failure) {
            bytes = try FileContents.read(path, onlyRegular: true)
        } catch {
            return .unreadable(error.message)
        }
        hash.add(bytes)
        contents[path] = bytes
        guard let text = String(validating: bytes, as: UTF8.self) else { return .unreadable("it is not UTF-8") }
        let (users, problems) = HtpasswdFile.parse(text)
        if !problems.isEmpty {
            let file = report.add(file: path)
            for problem in problems {
                report.error(Position(file: file, line: problem.line, column: 1), problem.message)
            }
        }
        return .users(users)
    }

    private func read(_ path: String, onlyRegular: Bool) -> (file: Int, bytes: [UInt8])? {
        do throws(FileContents.Failure) {
            let bytes =
                if let bytes = overlay[path] { bytes } else {
                    try FileContents.read(path, onlyRegular: onlyRegular)
                }
            hash.add(bytes)
            contents[path] = bytes
            return (report.add(file: path), bytes)
        } catch {
            fail(path, "cannot read the configuration: \(error.message)")
            return nil
        }
    }

    private func fail(_ path: String, _ message: String) {
        isIncomplete = true
        report.error(Position(file: report.add(file: path), line: 1, column: 1), message)
    }

    private func watch(_ path: String) {
        let absolute = FilePath.absolute(path)
        if !watched.contains(absolute) { watched.append(absolute) }
    }
}
