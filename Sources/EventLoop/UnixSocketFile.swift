import CLinux
import Glibc

/// Which file a path named: another one may have taken its place since.
struct FileIdentity: Sendable, Equatable {
    private var device: dev_t
    private var inode: ino_t

    /// - Returns: `nil` unless the path itself, not what a link leads to, is a socket.
    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        (device, inode) = (status.st_dev, status.st_ino)
    }
}

/// The file that stands for a Unix socket in its directory (unix(7)).
enum UnixSocketFile {
    /// Binds the path, replacing a socket file that nobody listens on.
    static func bind(
        _ descriptor: Int32, _ address: SocketAddress, _ path: String, _ mode: UInt32
    ) throws(SocketFailure) {
        // The new file gets the socket's own permissions without those that umask takes: never more than wanted.
        fchmod(descriptor, mode)
        var result = address.withKernelForm { sluice_bind(descriptor, $0, $1) }
        if result == -Int(EADDRINUSE) {
            try removeStale(address, path)
            result = address.withKernelForm { sluice_bind(descriptor, $0, $1) }
        }
        _ = try check(result, "bind")
        // What umask took. Nobody can connect before the socket listens.
        chmod(path, mode)
    }

    /// Takes away what a process has left that did not end in order.
    private static func removeStale(_ address: SocketAddress, _ path: String) throws(SocketFailure) {
        guard let file = FileIdentity(path) else {
            throw SocketFailure("the file exists and is no socket: remove it or choose another path")
        }
        guard !isAlive(address) else {
            throw SocketFailure("another program listens there: stop it or choose another path")
        }
        // Somebody else may have replaced it meanwhile.
        guard FileIdentity(path) == file else { return }
        unlink(path)
    }

    private static func isAlive(_ address: SocketAddress) -> Bool {
        let probe = sluice_socket(AF_UNIX)
        guard probe >= 0 else { return true }
        defer { close(Int32(probe)) }
        // Whatever else it answers, somebody is there: a full backlog, another kind of socket, no permission.
        return address.withKernelForm { sluice_connect(Int32(probe), $0, $1) } != -Int(ECONNREFUSED)
    }

    /// The path a socket is bound to; `nil` for one in the abstract namespace or without a name.
    static func address(_ storage: sockaddr_storage, _ length: UInt32) -> SocketAddress? {
        let prefix = MemoryLayout<sa_family_t>.size
        guard Int(length) > prefix, Int(length) <= MemoryLayout<sockaddr_un>.size else { return nil }
        var storage = storage
        return withUnsafeBytes(of: &storage) { bytes in
            let path = bytes[prefix..<Int(length)].prefix { $0 != 0 }
            return SocketAddress(path: String(decoding: path, as: UTF8.self))
        }
    }
}
