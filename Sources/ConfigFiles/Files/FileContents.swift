import Glibc

/// Reads whole files and directories, within limits.
enum FileContents {
    /// Of one file. A configuration of ten thousand routes is about 3 MiB.
    static let maximumBytes = 4 << 20
    /// In one directory.
    static let maximumFiles = 1000

    /// Why something could not be read, in words for a message.
    struct Failure: Error {
        var message: String
    }

    /// - Parameter onlyRegular: refuses pipes and devices, which could keep a reload waiting; the file named on the command line
    ///   may be a pipe.
    static func read(_ path: String, onlyRegular: Bool) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (onlyRegular ? O_NONBLOCK : 0))
        guard descriptor >= 0 else { throw Failure(message: reason(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Failure(message: reason(errno)) }
        guard !onlyRegular || status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(message: "it is no regular file")
        }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw Failure(message: "it is a directory") }
        return try readAll(descriptor)
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names of the `.yaml` and `.yml` files in a directory, in the order of their bytes, without hidden ones.
    static func configurationFiles(in directory: String) throws(Failure) -> [String] {
        guard let stream = opendir(directory) else { throw Failure(message: reason(errno)) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            guard !name.hasPrefix("."), name.hasSuffix(".yaml") || name.hasSuffix(".yml") else { continue }
            names.append(name)
            guard names.count <= maximumFiles else {
                throw Failure(message: "it holds more than \(maximumFiles) files")
            }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func readAll(_ descriptor: Int32) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let (count, code) = chunk.withUnsafeMutableBytes { buffer in
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                return (count, count < 0 ? errno : 0)
            }
            if code == EINTR { continue }
            guard count >= 0 else { throw Failure(message: reason(code)) }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= maximumBytes else {
                throw Failure(message: "it is bigger than \(maximumBytes >> 20) MiB")
            }
        }
    }

    private static func reason(_ code: Int32) -> String {
        code == ENOENT ? "there is no such file" : String(cString: strerror(code))
    }
}
