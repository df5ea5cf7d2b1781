import Base
import EventLoop
import Synchronization
import Traffic

/// Descriptors are the process's, so sockets are counted over all loops: a few loads for each connection, none for a
/// request.
extension Worker {
    /// How often idle connections are looked for while there are too many.
    private static let roomInterval = Nanoseconds.milliseconds(100)

    /// Whether one more client may be taken. If not, some that are idle make room.
    func mayAcceptClient() -> Bool {
        let (clients, endpoints) = openSockets
        if budget.admitsClient(clients: clients, endpoints: endpoints) { return true }
        makeRoom()
        return false
    }

    /// Whether the connection that was counted just now may be opened.
    func mayOpenUpstream() -> Bool {
        let (clients, endpoints) = openSockets
        if budget.admitsEndpoint(clients: clients, endpoints: endpoints - 1) { return true }
        makeRoom()
        return false
    }

    private var openSockets: (clients: Int, endpoints: Int) {
        var sum = (clients: 0, endpoints: 0)
        for sibling in siblings {
            sum.clients += sibling.connectionCount.load(ordering: .relaxed)
            sum.endpoints += sibling.upstreamCount.load(ordering: .relaxed)
        }
        return sum
    }

    private func makeRoom() {
        guard loop.now.since(roomMadeAt) >= Self.roomInterval else { return }
        roomMadeAt = loop.now
        for sibling in siblings { sibling.loop.post { sibling.closeSomeIdle() } }
    }
}
