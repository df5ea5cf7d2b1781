package import Base
import CLinux
import Glibc

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
        // Out of the set first: where another process has the socket too, it would go on to wake this loop.
        if isOpen { loop.withdraw(self) }
        mayHaveMore = true
        for _ in 0...(Int(ListeningSocket.backlog) / Self.perTurn) where mayHaveMore { acceptSome() }
        closeDescriptor()
    }
}
