import Glibc

/// Paths as text. Symbolic links are left alone: what a link points to may change while the configuration stands.
enum FilePath {
    /// A path written in a file is relative to the directory of that file.
    static func resolve(_ path: String, relativeTo file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(file[...slash]) + path
    }

    /// From the root on, without empty elements and `.`; `..` stays, because what it means depends on links.
    static func absolute(_ path: String) -> String {
        let whole = path.hasPrefix("/") ? path : currentDirectory() + "/" + path
        return "/" + whole.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    private static func currentDirectory() -> String {
        guard let buffer = getcwd(nil, 0) else { return "/" }
        defer { free(buffer) }
        return String(cString: buffer)
    }
}
