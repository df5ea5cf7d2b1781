import Base
import EventLoop
package import Traffic

/// What a loop gives up when memory, or descriptors, run short.
extension Worker {
    /// Of those that are idle, an eighth goes at a time, so that all have gone in seconds and not in one stall; and at least
    /// so many.
    private static let fewestClosed = 32
    /// Clients get so long to use a connection they have just made, if only to hear that they should come later.
    private static let youngest = Nanoseconds.seconds(1)

    /// Whether a new request may come in.
    func admitsRequest() -> Bool { overload._withUnsafeGuaranteedRef { $0.admitsRequest(&unmeasured) } }

    /// Whether a mirror may have what it holds, and `bytes` more.
    func sparesForMirror(_ bytes: Int) -> Bool {
        overload._withUnsafeGuaranteedRef { $0.sparesForMirror(bytes, &unmeasured) }
    }

    /// Gives memory back, called again and again while a level lasts.
    package func relieve(_ level: MemoryLevel) {
        guard level >= .tight else { return }
        dropMirrorCopies()
        log.giveMemoryBack()
        guard level >= .shedding else { return }
        closeSomeIdle()
    }

    /// Idle connections on both sides go, some at a time.
    func closeSomeIdle() {
        closeIdleClients()
        closeIdleUpstream()
    }

    func dropMirrorCopies() {
        for route in configuration?.routes ?? [] {
            for mirror in route.mirrors {
                for copy in Array(mirror.copies.list) where copy.heldBytes > 0 { copy.drop() }
            }
        }
    }

    /// The process ends, and nobody waits for the mirrors.
    package func cancelMirrorCopies() {
        for route in configuration?.routes ?? [] {
            for mirror in route.mirrors {
                for copy in Array(mirror.copies.list) { copy.cancel() }
            }
        }
    }

    /// Closes client connections that wait for a request, those first that have waited longest.
    private func closeIdleClients() {
        var idle: [(since: Instant, connection: ClientConnection)] = []
        for connection in clientConnections {
            guard let since = connection.idleSince, loop.now.since(since) >= Self.youngest else { continue }
            idle.append((since, connection))
        }
        idle.sort { $0.since < $1.since }
        for (_, connection) in idle.prefix(max(Self.fewestClosed, idle.count / 8)) { connection.drain() }
    }

    private func closeIdleUpstream() {
        for pool in configuration?.endpoints.values.map(\.self) ?? [] {
            var left = Self.fewestClosed
            while left > 0, pool.closeOldestIdle() { left -= 1 }
        }
    }
}
