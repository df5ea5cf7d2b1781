package import Base
import CLinux
import Glibc

/// One end of a takeover's conversation. Calls wait, within limits, so it is never used on a loop.
package final class HandoverChannel: Sendable {
    package enum Received: Sendable, Equatable {
        /// The descriptor is the receiver's from here on.
        case message(HandoverMessage, descriptor: Int32?)
        /// The other end is gone.
        case ended
        /// Nothing came in time.
        case silence
        case malformed
    }

    package enum Connection: Sendable {
        case connected(HandoverChannel)
        /// Nobody listens at the path.
        case nobody
        case failed(SocketFailure)
    }

    private let descriptor: Int32

    /// Takes over a connected socket.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// - Parameter patience: how long the other end's backlog may be full; counted anew where the process was interrupted.
    package static func connect(to path: String, patience: Nanoseconds) -> Connection {
        guard let address = SocketAddress(path: path) else { return .failed(SocketFailure("the path is too long")) }
        let result = sluice_message_socket()
        guard result >= 0 else { return .failed(SocketFailure(operation: "socket", code: Int32(-result))) }
        let channel = HandoverChannel(Int32(result))
        channel.setPatience(patience)
        switch address.withKernelForm({ sluice_connect(channel.descriptor, $0, $1) }) {
        case 0...: return .connected(channel)
        case -Int(ENOENT), -Int(ECONNREFUSED): return .nobody
        case let code: return .failed(SocketFailure(operation: "connect", code: Int32(-code)))
        }
    }

    package enum Accepted: Sendable {
        case channel(HandoverChannel)
        /// Nobody is there, or not any more.
        case nobody
        /// There is no descriptor for whoever is there: it waits.
        case exhausted
    }

    /// Takes a connection from the takeover's listening socket, if one is there.
    package static func accept(from socket: ListeningSocket) -> Accepted {
        var storage = sockaddr_storage()
        var length = UInt32(MemoryLayout<sockaddr_storage>.size)
        let result = sluice_accept_waiting(socket.descriptor, &storage, &length)
        switch result {
        case 0...: return .channel(HandoverChannel(Int32(result)))
        case -Int(EMFILE), -Int(ENFILE), -Int(ENOBUFS), -Int(ENOMEM): return .exhausted
        default: return .nobody
        }
    }

    /// Who is at the other end; `nil` where the kernel does not say.
    package var peer: (process: Int32, user: UInt32)? {
        var process: Int32 = 0
        var user: UInt32 = 0
        return sluice_peer_credentials(descriptor, &process, &user) >= 0 ? (process, user) : nil
    }

    /// Whether the other end may be trusted with sockets: it is root or has this process's own user.
    package var isTrusted: Bool { peer.map { $0.user == 0 || $0.user == geteuid() } ?? false }

    /// - Parameter descriptor: goes along as a copy.
    /// - Returns: false where the other end is gone or takes nothing.
    package func send(_ message: HandoverMessage, _ passed: Int32? = nil, patience: Nanoseconds) -> Bool {
        let bytes = Array(message.text.utf8)
        let count = waiting(patience) { sluice_send_message(descriptor, bytes, bytes.count, passed ?? -1) }
        return count == bytes.count
    }

    package func receive(patience: Nanoseconds) -> Received {
        var passed: Int32 = -1
        var bytes = [UInt8](repeating: 0, count: HandoverMessage.longest)
        let count = waiting(patience) { sluice_receive_message(descriptor, &bytes, bytes.count, &passed) }
        if count > 0, let message = HandoverMessage(bytes.prefix(count)) {
            return .message(message, descriptor: passed >= 0 ? passed : nil)
        }
        if passed >= 0 { close(passed) }
        switch count {
        case 0, -Int(ECONNRESET), -Int(EPIPE): return .ended
        case -Int(EAGAIN), -Int(EINTR): return .silence
        default: return .malformed
        }
    }

    /// Makes a call that waits for the other end. A process that is stopped and goes on is interrupted in it, and waits no
    /// longer in all for that.
    private func waiting(_ patience: Nanoseconds, _ call: () -> Int) -> Int {
        let deadline = Instant.now() + patience
        while true {
            let left = deadline.since(.now())
            setPatience(left)
            let result = call()
            if result != -Int(EINTR) || left.count == 0 { return result }
        }
    }

    private func setPatience(_ patience: Nanoseconds) {
        // 0 would be for ever.
        _ = sluice_set_patience(descriptor, max(1, Int64(clamping: patience.count / 1_000_000)))
    }
}
