package import CLinux
import Glibc

/// An IPv4 or IPv6 address and port, or the path of a Unix socket, ready for the kernel.
package struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// Network-order bytes; an IPv4 address takes the first four.
    private var bytes: (UInt64, UInt64)
    package let isIPv6: Bool
    /// 0 for a Unix socket.
    package private(set) var port: UInt16
    private let scope: UInt32
    /// Of a Unix socket; `nil` for an IP address.
    package let path: String?

    /// What `sockaddr_un` holds beside the final zero byte (unix(7)).
    package static let longestPath = 107

    /// The path of a Unix socket; `nil` where no socket can have it.
    package init?(path: String) {
        guard (1...Self.longestPath).contains(path.utf8.count), !path.utf8.contains(0) else { return nil }
        self.path = path
        bytes = (0, 0)
        isIPv6 = false
        port = 0
        scope = 0
    }

    /// A literal address; `nil` for a name.
    package init?(literal host: String, port: UInt16) {
        var four = in_addr()
        var six = in6_addr()
        bytes = (0, 0)
        scope = 0
        path = nil
        self.port = port
        if inet_pton(AF_INET, host, &four) == 1 {
            isIPv6 = false
            withUnsafeMutableBytes(of: &bytes) { $0.storeBytes(of: four.s_addr, as: UInt32.self) }
        } else if inet_pton(AF_INET6, host, &six) == 1 {
            isIPv6 = true
            bytes = withUnsafeBytes(of: &six) { $0.loadUnaligned(as: (UInt64, UInt64).self) }
        } else {
            return nil
        }
    }

    /// From a 128-bit number, IPv4 in its mapped form.
    package init(mapped high: UInt64, _ low: UInt64, port: UInt16) {
        self.port = port
        scope = 0
        path = nil
        isIPv6 = !(high == 0 && low >> 32 == 0xFFFF)
        bytes = isIPv6 ? (high.bigEndian, low.bigEndian) : (UInt64(UInt32(truncatingIfNeeded: low).bigEndian), 0)
    }

    /// - Returns: `nil` for a family other than IPv4 and IPv6: clients of a Unix socket have no address.
    package init?(_ storage: sockaddr_storage) {
        bytes = (0, 0)
        path = nil
        switch Int32(storage.ss_family) {
        case AF_INET:
            var storage = storage
            let four = withUnsafeBytes(of: &storage) { $0.loadUnaligned(as: sockaddr_in.self) }
            isIPv6 = false
            port = UInt16(bigEndian: four.sin_port)
            scope = 0
            withUnsafeMutableBytes(of: &bytes) { $0.storeBytes(of: four.sin_addr.s_addr, as: UInt32.self) }
        case AF_INET6:
            var storage = storage
            var six = withUnsafeBytes(of: &storage) { $0.loadUnaligned(as: sockaddr_in6.self) }
            port = UInt16(bigEndian: six.sin6_port)
            let whole = withUnsafeBytes(of: &six.sin6_addr) { $0.loadUnaligned(as: (UInt64, UInt64).self) }
            // An IPv4 client on a dual-stack socket is an IPv4 client (RFC 4291 section 2.5.5.2).
            if whole.0 == 0, UInt32(truncatingIfNeeded: whole.1) == UInt32(0xFFFF).bigEndian {
                isIPv6 = false
                scope = 0
                bytes = (whole.1 >> 32, 0)
            } else {
                isIPv6 = true
                scope = six.sin6_scope_id
                bytes = whole
            }
        default: return nil
        }
    }

    package static func == (left: SocketAddress, right: SocketAddress) -> Bool {
        left.bytes == right.bytes && left.isIPv6 == right.isIPv6 && left.port == right.port && left.scope == right.scope
            && left.path == right.path
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(bytes.0)
        hasher.combine(bytes.1)
        hasher.combine(port)
        if let path { hasher.combine(path) }
    }

    package var isUnix: Bool { path != nil }
    package var family: Int32 { path != nil ? AF_UNIX : isIPv6 ? AF_INET6 : AF_INET }

    /// As one 128-bit number, IPv4 in its mapped form: the form networks are compared in. All Unix sockets are 0.0.0.0.
    package var mapped: (high: UInt64, low: UInt64) {
        if isIPv6 { return (UInt64(bigEndian: bytes.0), UInt64(bigEndian: bytes.1)) }
        return (0, 0xFFFF_0000_0000 | UInt64(UInt32(truncatingIfNeeded: UInt64(bigEndian: bytes.0) >> 32)))
    }

    /// An IP address of this machine alone.
    package var isLoopback: Bool {
        if path != nil { return false }
        return isIPv6 ? mapped == (0, 1) : (UInt64(bigEndian: bytes.0) >> 56) == 127
    }

    package func withKernelForm<R>(_ body: (UnsafePointer<sockaddr_storage>, UInt32) -> R) -> R {
        var storage = sockaddr_storage()
        var copy = bytes
        if let path {
            var local = sockaddr_un()
            local.sun_family = sa_family_t(AF_UNIX)
            // The rest is zero, so that the path ends.
            withUnsafeMutableBytes(of: &local.sun_path) { $0.copyBytes(from: path.utf8.prefix(Self.longestPath)) }
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: local, as: sockaddr_un.self) }
            return body(&storage, UInt32(MemoryLayout<sockaddr_un>.size))
        }
        if isIPv6 {
            var six = sockaddr_in6()
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            six.sin6_scope_id = scope
            six.sin6_addr = withUnsafeBytes(of: &copy) { $0.loadUnaligned(as: in6_addr.self) }
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: six, as: sockaddr_in6.self) }
            return body(&storage, UInt32(MemoryLayout<sockaddr_in6>.size))
        }
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = port.bigEndian
        four.sin_addr = withUnsafeBytes(of: &copy) { $0.loadUnaligned(as: in_addr.self) }
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: four, as: sockaddr_in.self) }
        return body(&storage, UInt32(MemoryLayout<sockaddr_in>.size))
    }

    /// The same host, on the same interface, another port; a Unix socket stays as it is.
    package func with(port: UInt16) -> SocketAddress {
        guard path == nil else { return self }
        var other = self
        other.port = port
        return other
    }

    /// The address without the port; of a Unix socket its kind.
    package var host: String {
        if path != nil { return Self.unixHost }
        var copy = bytes
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = inet_ntop(family, &copy, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// What stands for the address of whoever comes through a Unix socket.
    package static let unixHost = "unix"

    package var description: String {
        if let path { return "unix:\(path)" }
        return isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
