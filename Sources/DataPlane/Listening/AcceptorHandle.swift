import EventLoop
import Glibc
import Synchronization
import Traffic

/// The settings new connections of a listener get; replaced on a reload, read by the accepting loop.
final class ListenerBox: Sendable {
    private let state: Mutex<ListenerState>

    init(_ state: ListenerState) { self.state = Mutex(state) }

    var current: ListenerState { state.withLock { $0 } }
    func replace(_ next: ListenerState) { state.withLock { $0 = next } }
}

/// Calls once when it has been counted down to zero.
package final class Countdown: Sendable {
    private let left: Atomic<Int>
    private let done: @Sendable () -> Void

    /// Calls at once where there is nothing to wait for.
    package init(_ count: Int, _ done: @escaping @Sendable () -> Void) {
        left = Atomic(count)
        self.done = done
        if count == 0 { done() }
    }

    package func countDown() { if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { done() } }
}

/// An acceptor as the control queue sees it: the acceptor itself lives on its loop.
///
/// Unchecked: `acceptor` is touched on the home loop only.
final class AcceptorHandle: @unchecked Sendable {
    private let home: Worker
    private var acceptor: Acceptor?

    init(home: Worker) { self.home = home }

    func start(_ socket: ListeningSocket, box: ListenerBox, workers: [Worker]) {
        home.loop.post { [self] in
            let acceptor = Acceptor(loop: home.loop) {
                let listener = box.current
                guard listener.connections.open.load(ordering: .relaxed) < listener.limit else { return false }
                return self.home.overload._withUnsafeGuaranteedRef(\.level) < .closed && self.home.mayAcceptClient()
            } accepted: { descriptor, address in
                Self.deal(descriptor, address, box.current, home: self.home, workers: workers)
            }
            self.acceptor = acceptor
            home.acceptors.append(acceptor)
            if !acceptor.start(socket) { home.acceptors.removeAll { $0 === acceptor } }
        }
    }

    func stop(_ done: @escaping @Sendable () -> Void) {
        home.loop.post { [self] in
            if let acceptor {
                acceptor.stop()
                home.acceptors.removeAll { $0 === acceptor }
            }
            acceptor = nil
            done()
        }
    }

    /// Gives the connection to the loop that has the fewest; on a tie to the next one after the last.
    private static func deal(
        _ descriptor: Int32, _ address: SocketAddress?, _ listener: ListenerState, home: Worker, workers: [Worker]
    ) {
        listener.connections.open.add(1, ordering: .relaxed)
        listener.connections.accepted.add(1, ordering: .relaxed)
        var chosen = home
        if workers.count > 1 {
            home.lastDealt = (home.lastDealt + 1) % workers.count
            chosen = workers[home.lastDealt]
            var fewest = chosen.connectionCount.load(ordering: .relaxed)
            for worker in workers {
                let count = worker.connectionCount.load(ordering: .relaxed)
                if count < fewest {
                    chosen = worker
                    fewest = count
                }
            }
        }
        // Counted here, so that a burst is dealt evenly before the loops have seen it.
        chosen.connectionCount.add(1, ordering: .relaxed)
        if chosen === home {
            home.serve(descriptor, address, listener)
        } else {
            let worker = chosen
            worker.loop.post { worker.serve(descriptor, address, listener) }
        }
    }
}
