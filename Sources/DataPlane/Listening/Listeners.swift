package import Base
package import Configuration
package import EventLoop
import Glibc
import TLS

/// The sockets clients connect to. Each is accepted from on one loop, which deals the connections out evenly: the loop with
/// the fewest open gets the next one.
///
/// Confined to the control queue, except for what is marked otherwise.
package final class Listeners {
    private struct Bound {
        var socket: ListeningSocket
        var load: ListenerLoad
        var acceptor: AcceptorHandle
        var state: ListenerBox
        var tls: SecureListening?
    }

    /// TLS settings and what was made of them: kept as long as the settings stay the same.
    fileprivate struct SecureListening {
        var settings: ListenerTLS
        var context: TLSServerContext
    }

    private var bound: [Address: Bound] = [:]
    private let workers: [Worker]
    private let descriptors: Int
    private let source: SocketSource
    private var nextLoop = 0
    /// One set for all listeners, so that a client may resume wherever it comes back.
    private let tickets = TicketKeys(now: .now())

    package init(workers: [Worker], descriptors: Int, source: SocketSource) {
        self.workers = workers
        self.descriptors = descriptors
        self.source = source
    }

    /// A set of sockets bound and not yet in use: taken into use, or given up, as a whole.
    package struct Prepared {
        fileprivate var sockets: [Address: ListeningSocket] = [:]
        fileprivate var tls: [Address: SecureListening] = [:]

        package func abandon() { for socket in sockets.values { socket.abandon() } }
    }

    /// Binds what is new. Nothing has changed for clients when this fails.
    package func prepare(_ listeners: [Listener]) throws(ListenFailure) -> Prepared {
        var prepared = Prepared()
        for listener in listeners {
            guard let settings = listener.tls else { continue }
            if let present = bound[listener.address]?.tls, present.settings == settings {
                prepared.tls[listener.address] = present
                continue
            }
            do throws(TLSConfigurationError) {
                let context = try TLSServerContext(TLSServerSettings(settings), tickets: tickets)
                prepared.tls[listener.address] = SecureListening(settings: settings, context: context)
            } catch {
                throw ListenFailure(address: listener.address, reason: .certificate(error.message))
            }
        }
        for listener in listeners where bound[listener.address] == nil {
            do throws(ListenFailure) {
                let own = bound.values.map(\.socket)
                prepared.sockets[listener.address] = try source.socket(for: listener.address, beside: own)
            } catch {
                prepared.abandon()
                throw error
            }
        }
        return prepared
    }

    /// Accepts on what was prepared, applies new settings to what stays, and closes what is no longer named.
    package func apply(_ listeners: [Listener], _ prepared: Prepared) {
        for (address, old) in bound where !listeners.contains(where: { $0.address == address }) {
            stop(old)
            bound[address] = nil
        }
        for listener in listeners {
            let load = bound[listener.address]?.load ?? ListenerLoad()
            let tls = prepared.tls[listener.address]
            let state = ListenerState(listener, load: load, descriptors: descriptors, tls: tls?.context)
            if let present = bound[listener.address] {
                present.state.replace(state)
            } else if let socket = prepared.sockets[listener.address] {
                bound[listener.address] = start(socket, state, load)
            }
            bound[listener.address]?.tls = tls
        }
    }

    /// Changes the keys of session tickets when that is due.
    ///
    /// - Returns: when to call again.
    package func rotateTickets() -> Instant { tickets.rotate(now: .now()) }

    /// Stops accepting; open connections stay. `done` is called when every socket is closed.
    ///
    /// - Parameter keepsFiles: another process goes on with the sockets, so the files of Unix sockets stay.
    package func stopAccepting(keepsFiles: Bool, done: @escaping @Sendable () -> Void = {}) {
        let all = Array(bound.values)
        bound.removeAll()
        if !keepsFiles { for one in all { one.socket.removeFile() } }
        let counter = Countdown(all.count, done)
        for one in all { one.acceptor.stop { counter.countDown() } }
    }

    private func stop(_ old: Bound) {
        let load = old.load
        old.socket.removeFile()
        old.acceptor.stop {}
        for worker in workers { worker.loop.post { worker.retireConnections(of: load) } }
    }

    private func start(_ socket: ListeningSocket, _ state: ListenerState, _ load: ListenerLoad) -> Bound {
        let home = workers[nextLoop % workers.count]
        nextLoop += 1
        let box = ListenerBox(state)
        let handle = AcceptorHandle(home: home)
        handle.start(socket, box: box, workers: workers)
        return Bound(socket: socket, load: load, acceptor: handle, state: box)
    }

    /// What is listened on now.
    package var current: [(listener: ListenerState, address: SocketAddress)] {
        bound.values.map { ($0.state.current, $0.socket.address) }
    }

    /// The sockets by their addresses in the configuration.
    package var sockets: [Address: ListeningSocket] { bound.mapValues(\.socket) }
}

/// A listener's address could not be had.
package struct ListenFailure: Error, CustomStringConvertible {
    package var address: Address
    package enum Reason: Sendable {
        case socket(SocketFailure)
        case certificate(String)
    }
    package var reason: Reason

    package init(address: Address, reason: Reason) {
        self.address = address
        self.reason = reason
    }

    package var description: String {
        switch reason {
        case .certificate(let message): "cannot speak TLS on \(address): \(message)"
        case .socket(let failure): "cannot listen on \(address): \(failure)\(Self.hint(failure))"
        }
    }

    /// What the operator can do about it.
    private static func hint(_ failure: SocketFailure) -> String {
        switch failure.code {
        case EADDRINUSE: "; another program listens there: stop it or choose another port"
        case EACCES: "; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        case EADDRNOTAVAIL: "; the address is none of this machine's"
        case ENOENT: "; make its directory first"
        default: ""
        }
    }
}
