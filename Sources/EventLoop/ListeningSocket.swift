import CLinux
import Glibc

/// Why a socket could not be had.
package struct SocketFailure: Error, CustomStringConvertible {
    package var operation: String
    package var code: Int32
    /// What is wrong where no error number says it.
    package var reason: String?

    package init(operation: String, code: Int32) {
        self.operation = operation
        self.code = code
    }

    package init(_ reason: String) {
        operation = ""
        code = 0
        self.reason = reason
    }

    package var description: String { reason ?? "\(operation): \(String(cString: strerror(code)))" }
}

/// A bound, listening socket that may be handed from one acceptor to another, and from one process to the next.
package struct ListeningSocket: Sendable {
    /// Who has it besides this process.
    package enum Origin: Sendable {
        /// Nobody: it was bound here.
        case bound
        /// The process before this one, until that says that it has let go.
        case inherited
        /// The service manager, for good. Its file, if it has one, is the manager's as well.
        case passed
    }

    package let descriptor: Int32
    /// With the port the kernel chose where 0 was asked for.
    package let address: SocketAddress
    package let origin: Origin
    /// The file of a Unix socket as it was when the socket was bound or taken over.
    let file: FileIdentity?

    /// Connections the kernel holds until they are accepted; it caps this by net.core.somaxconn.
    static let backlog: Int32 = 4096

    /// Binds an IP address.
    ///
    /// - Parameter own: the process's own sockets, one of which may cover the address, as 0.0.0.0 covers 127.0.0.1 of the
    ///   same port; while a reload moves from one to the other both are bound.
    package init(_ address: SocketAddress, beside own: [ListeningSocket] = []) throws(SocketFailure) {
        let descriptor = try check(sluice_socket(address.family), "socket")
        do throws(SocketFailure) {
            _ = sluice_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
            Self.setOptions(descriptor, address)
            if address.isIPv6 { _ = sluice_set_option(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
            // Allowed for the moment of binding only: another process must not be able to share the port unnoticed.
            let overlapping = own.filter { $0.address.port == address.port && !$0.address.isUnix }.map(\.descriptor)
            let sharing = overlapping.isEmpty ? [] : overlapping + [descriptor]
            for one in sharing { _ = sluice_set_option(one, SOL_SOCKET, SO_REUSEPORT, 1) }
            defer { for one in sharing { _ = sluice_set_option(one, SOL_SOCKET, SO_REUSEPORT, 0) } }
            _ = try check(address.withKernelForm { sluice_bind(descriptor, $0, $1) }, "bind")
            guard listen(descriptor, Self.backlog) == 0 else { throw SocketFailure(operation: "listen", code: errno) }
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.address = Self.boundAddress(of: descriptor) ?? address
        origin = .bound
        file = nil
    }

    /// Binds the path of a Unix socket. A socket file that nobody listens on any more is replaced.
    ///
    /// - Parameter mode: the file's permissions; who may write it may connect.
    package init(path: String, mode: UInt32) throws(SocketFailure) {
        let descriptor = try check(sluice_socket(AF_UNIX), "socket")
        self = try Self(unix: descriptor, path, mode)
    }

    /// The same for whole messages instead of a stream of bytes.
    package init(messagesAt path: String, mode: UInt32) throws(SocketFailure) {
        let descriptor = try check(sluice_message_socket(), "socket")
        // Two processes may be told of the same client.
        _ = sluice_unblock(descriptor)
        self = try Self(unix: descriptor, path, mode)
    }

    private init(unix descriptor: Int32, _ path: String, _ mode: UInt32) throws(SocketFailure) {
        guard let address = SocketAddress(path: path) else {
            close(descriptor)
            throw SocketFailure("the path has more than \(SocketAddress.longestPath) bytes")
        }
        do throws(SocketFailure) {
            try UnixSocketFile.bind(descriptor, address, path, mode)
            // Clients are let in from here on, so the file's permissions are in force before.
            guard listen(descriptor, Self.backlog) == 0 else {
                let code = errno
                unlink(path)
                throw SocketFailure(operation: "listen", code: code)
            }
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.address = address
        origin = .bound
        file = FileIdentity(path)
    }

    /// Takes into use a socket that another process has bound.
    ///
    /// - Returns: `nil` where the descriptor is no listening socket for a stream of bytes, or for messages; it stays open.
    package init?(adopting descriptor: Int32, origin: Origin, messages: Bool = false) {
        let type = messages ? SOCK_SEQPACKET : SOCK_STREAM
        guard sluice_get_option(descriptor, SOL_SOCKET, SO_TYPE) == Int(type.rawValue),
            sluice_get_option(descriptor, SOL_SOCKET, SO_ACCEPTCONN) == 1,
            let address = Self.boundAddress(of: descriptor)
        else { return nil }
        _ = sluice_unblock(descriptor)
        Self.setOptions(descriptor, address)
        self.descriptor = descriptor
        self.address = address
        self.origin = origin
        file = origin == .passed ? nil : address.path.flatMap { FileIdentity($0) }
    }

    /// Connections inherit them.
    private static func setOptions(_ descriptor: Int32, _ address: SocketAddress) {
        guard !address.isUnix else { return }
        // Small pieces are sent at once, for they are gathered here.
        _ = sluice_set_nodelay(descriptor)
        // There is no queue on the way that pacing, as BBR does it, could spare; its timers took half the time of an 8 MiB
        // body.
        if address.isLoopback { _ = sluice_set_unpaced(descriptor) }
    }

    private static func boundAddress(of descriptor: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = UInt32(MemoryLayout<sockaddr_storage>.size)
        guard sluice_local_address(descriptor, &storage, &length) >= 0 else { return nil }
        if Int32(storage.ss_family) == AF_UNIX { return UnixSocketFile.address(storage, length) }
        return SocketAddress(storage)
    }

    /// Takes the file of a Unix socket away, so that nobody connects any more; not one that is somebody else's by now.
    package func removeFile() {
        guard let file, let path = address.path, FileIdentity(path) == file else { return }
        unlink(path)
    }

    /// Gives up a socket that was never accepted from. What belongs to another process stays as it is.
    package func abandon() {
        if origin == .bound { removeFile() }
        close(descriptor)
    }
}

/// The result of a call, or its failure.
func check(_ result: Int, _ operation: String) throws(SocketFailure) -> Int32 {
    guard result >= 0 else { throw SocketFailure(operation: operation, code: Int32(-result)) }
    return Int32(result)
}
