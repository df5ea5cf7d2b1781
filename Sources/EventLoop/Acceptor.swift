package import Base
import CLinux
import Glibc

/// Why a socket could not be had.
package struct SocketFailure: Error, CustomStringConvertible {
    package var operation: String
    package var code: Int32

    package init(operation: String, code: Int32) {
        self.operation = operation
        self.code = code
    }

    package var description: String { "\(operation): \(String(cString: strerror(code)))" }
}

/// A bound, listening socket that may be handed from one acceptor to another.
package struct ListeningSocket: Sendable {
    package let descriptor: Int32
    /// With the port the kernel chose where 0 was asked for.
    package let address: SocketAddress

    /// Connections the kernel holds until they are accepted; it caps this by net.core.somaxconn.
    private static let backlog: Int32 = 4096

    /// - Parameter own: the process's own sockets, one of which may cover the address, as 0.0.0.0 covers 127.0.0.1 of the
    ///   same port; while a reload moves from one to the other both are bound.
    package init(_ address: SocketAddress, beside own: [ListeningSocket] = []) throws(SocketFailure) {
        func check(_ result: Int, _ operation: String) throws(SocketFailure) -> Int32 {
            guard result >= 0 else { throw SocketFailure(operation: operation, code: Int32(-result)) }
            return Int32(result)
        }
        let descriptor = try check(sluice_socket(address.family), "socket")
        do throws(SocketFailure) {
            _ = sluice_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
            // Connections inherit it: small pieces are sent at once, for they are gathered here.
            _ = sluice_set_nodelay(descriptor)
            // There is no queue on the way that pacing, as BBR does it, could spare; its timers took half the time of an 8 MiB
            // body.
            if address.isLoopback { _ = sluice_set_unpaced(descriptor) }
            if address.isIPv6 { _ = sluice_set_option(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
            // Allowed for the moment of binding only: another process must not be able to share the port unnoticed.
            let overlapping = own.filter { $0.address.port == address.port }.map(\.descriptor) + [descriptor]
            if overlapping.count > 1 {
                for one in overlapping { _ = sluice_set_option(one, SOL_SOCKET, SO_REUSEPORT, 1) }
            }
            defer {
                if overlapping.count > 1 {
                    for one in overlapping { _ = sluice_set_option(one, SOL_SOCKET, SO_REUSEPORT, 0) }
                }
            }
            _ = try check(address.withKernelForm { sluice_bind(descriptor, $0, $1) }, "bind")
            guard listen(descriptor, Self.backlog) == 0 else { throw SocketFailure(operation: "listen", code: errno) }
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        var storage = sockaddr_storage()
        var length = UInt32(MemoryLayout<sockaddr_storage>.size)
        _ = sluice_local_address(descriptor, &storage, &length)
        self.address = SocketAddress(storage) ?? address
    }
}

/// Takes connections from one listening socket, on one loop, and gives them to whoever is to serve them.
package final class Acceptor: Channel {
    /// Connections taken in one turn, so that a storm of new clients cannot starve the present ones.
    private static let perTurn = 64
    /// Pause after the process ran out of descriptors: accepting again at once would only fail again, and spin.
    private static let exhaustedPause = Nanoseconds.milliseconds(100)

    /// How soon a client that had to stay in the kernel's backlog is looked at again.
    private static let fullPause = Nanoseconds.milliseconds(20)

    private let accepted: (Int32, SocketAddress?) -> Void
    /// Asked before each accept; false leaves the client in the kernel's backlog for a while.
    private let mayAccept: () -> Bool
    private var mayHaveMore = false

    /// - Parameter accepted: gets the descriptor, which it then owns, and the client's address.
    package init(
        loop: Loop, mayAccept: @escaping () -> Bool, accepted: @escaping (Int32, SocketAddress?) -> Void
    ) {
        self.accepted = accepted
        self.mayAccept = mayAccept
        super.init(loop: loop)
    }

    package func start(_ socket: ListeningSocket) -> Bool { open(socket.descriptor, .readable) }

    public override func ready(_ events: Readiness) {
        mayHaveMore = true
        acceptSome()
    }

    public override func continued() { acceptSome() }
    public override func expired(now: Instant) { acceptSome() }

    private func acceptSome() {
        for _ in 0..<Self.perTurn {
            guard isOpen, mayHaveMore else { return }
            guard mayAccept() else {
                loop.setDeadline(self, loop.now + Self.fullPause)
                return
            }
            var storage = sockaddr_storage()
            var length = UInt32(MemoryLayout<sockaddr_storage>.size)
            let result = sluice_accept(descriptor, &storage, &length)
            if result >= 0 {
                accepted(Int32(result), SocketAddress(storage))
                continue
            }
            switch Int32(-result) {
            case EAGAIN:
                mayHaveMore = false
                return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                loop.setDeadline(self, loop.now + Self.exhaustedPause)
                return
            default:
                // The client has gone between the kernel's handshake and now (accept(2)); the next one may be fine.
                continue
            }
        }
        loop.continueLater(self)
    }

    /// Closes the socket, after taking those whose handshake is complete: closing would reset them.
    package func stop() {
        mayHaveMore = true
        acceptSome()
        closeDescriptor()
    }
}
