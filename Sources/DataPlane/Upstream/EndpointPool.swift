import Base
package import EventLoop
import Synchronization
import TLS
package import Traffic

/// How to speak TLS to an endpoint.
struct UpstreamTLS {
    var context: TLSClientContext
    var serverName: TLSServerName
}

/// One loop's connections to one endpoint. Kept across reloads as long as the configuration names the endpoint.
package final class EndpointPool {
    package let address: SocketAddress
    /// Its `endpoint` label.
    package let name: [UInt8]
    let addressText: String
    package let load: EndpointLoad
    let backendLoad: BackendLoad
    let tls: UpstreamTLS?
    /// The configuration no longer has it: connections end when their request does.
    private(set) var isRetired = false
    /// Most recently used last, which is used first: the others may time out.
    private var idle: ContiguousArray<UpstreamConnection> = []
    private let worker: Worker

    init(worker: Worker, address: SocketAddress, load: EndpointLoad, backendLoad: BackendLoad, tls: UpstreamTLS?) {
        self.worker = worker
        self.address = address
        self.load = load
        self.backendLoad = backendLoad
        self.tls = tls
        addressText = address.description
        name = Array(addressText.utf8)
    }

    func takeIdle() -> UpstreamConnection? {
        guard let connection = idle.popLast() else { return nil }
        backendLoad.idleConnections.give()
        return connection
    }

    func park(_ connection: UpstreamConnection) {
        idle.append(connection)
        backendLoad.idleConnections.add(1, ordering: .relaxed)
    }

    func unpark(_ connection: UpstreamConnection) {
        guard let index = idle.lastIndex(where: { $0 === connection }) else { return }
        idle.remove(at: index)
        backendLoad.idleConnections.give()
    }

    /// A connection whose place in the backend's limit has been taken already; it is given back when the connection closes.
    func makeConnection() -> UpstreamConnection {
        let connection = UpstreamConnection(worker: worker, endpoint: self)
        load.connections.add(1, ordering: .relaxed)
        return connection
    }

    /// Called once for each connection made.
    func connectionClosed() {
        load.connections.give()
        backendLoad.connections.give()
        worker.connectionFreed(backendLoad)
    }

    func connectionReplaced() { load.connections.give() }

    /// Closes the connection that has been idle longest; its place in the backend's limit is the caller's.
    func takePlaceOfIdle() -> Bool {
        guard let oldest = idle.first else { return false }
        oldest.closeKeepingPlace()
        return true
    }

    /// Closes the connection that has been idle longest.
    func closeOldestIdle() -> Bool {
        guard let oldest = idle.first else { return false }
        oldest.close()
        return true
    }

    func retire() {
        isRetired = true
        while let connection = idle.last { connection.close() }
    }
}
