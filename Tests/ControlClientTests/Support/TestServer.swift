import Configuration
import ControlClient
import Dispatch
import Glibc
import Synchronization
import TLS
import Testing

/// A small server on loopback: each connection runs one handler on a thread of its own, which blocks as it likes.
final class TestServer: Sendable {
    typealias Handler = @Sendable (TestConnection) -> Void

    let address: ControlClient.Address
    /// 0 for a Unix socket.
    let port: UInt16
    private let listener: Int32
    private let connections = Mutex<[TestConnection]>([])

    /// - Parameters:
    ///   - path: of a Unix socket; without, a free port of 127.0.0.1.
    ///   - tls: wraps every connection.
    init(path: String? = nil, tls: TLSServerContext? = nil, _ handler: @escaping Handler) throws {
        let (listener, port) = try path.map { (try Self.listen(path: $0), 0) } ?? Self.listen(backlog: 128)
        self.listener = listener
        self.port = port
        address = path.map { .unix(path: $0) } ?? .tcp(HostPort(host: "127.0.0.1", port: port))
        DispatchQueue(label: "accept").async { [weak self] in
            while case let descriptor = accept(listener, nil, nil), descriptor >= 0 {
                let connection = TestConnection(descriptor, tls.map { TLSSession(server: $0) })
                guard let self else { return connection.end() }
                self.connections.withLock { $0.append(connection) }
                DispatchQueue(label: "connection").async {
                    handler(connection)
                    connection.end()
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        for connection in connections.withLock({ $0 }) { connection.end() }
    }

    /// Connections so far.
    var accepted: Int { connections.withLock { $0.count } }

    /// A socket that listens on a free port.
    static func listen(backlog: Int32) throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(bind(descriptor, $0, size) == 0)
                try #require(Glibc.listen(descriptor, backlog) == 0)
                try #require(getsockname(descriptor, $0, &size) == 0)
            }
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func listen(path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        unlink(path)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0)
            }
        }
        try #require(Glibc.listen(descriptor, 128) == 0)
        return descriptor
    }
}

/// A port on which nobody listens.
func closedPort() throws -> UInt16 {
    let (descriptor, port) = try TestServer.listen(backlog: 1)
    close(descriptor)
    return port
}
