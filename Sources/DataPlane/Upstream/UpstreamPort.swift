import Base
import EventLoop
import Synchronization
import TLS
import Traffic

/// How to speak TLS to an endpoint.
struct UpstreamTLS {
    var context: TLSClientContext
    var serverName: TLSServerName
}

/// One loop's connections to one port of an endpoint.
final class UpstreamPort {
    let address: SocketAddress
    let addressText: String
    let speaksHTTP2: Bool
    let tls: UpstreamTLS?
    /// Streams that the endpoint took at a time on the last connection it told about. RFC 9113 section 6.5.2 recommends not
    /// to take fewer than a hundred.
    var streamLimit = 100
    private let load: EndpointLoad
    private let backendLoad: BackendLoad
    private let worker: Worker
    /// The configuration no longer has it: connections end when their requests do.
    private(set) var isRetired = false
    /// Used by no request, the one used last at the end. That one is used first: the others may time out.
    private var idle: ContiguousArray<UpstreamConnection> = []
    /// HTTP/2 connections that may take streams, idle or not.
    private var shared: ContiguousArray<HTTP2UpstreamConnection> = []

    init(
        worker: Worker, address: SocketAddress, load: EndpointLoad, backendLoad: BackendLoad, tls: UpstreamTLS?,
        speaksHTTP2: Bool
    ) {
        self.worker = worker
        self.address = address
        self.load = load
        self.backendLoad = backendLoad
        self.tls = tls
        self.speaksHTTP2 = speaksHTTP2
        addressText = address.description
    }

    /// A connection for one more request.
    func take() -> UpstreamSide.Connection? {
        if speaksHTTP2 { return takeShared().map { .http2($0) } }
        guard let connection = idle.popLast() else { return nil }
        backendLoad.idleConnections.give()
        return .http1(unsafeDowncast(connection, to: HTTP1UpstreamConnection.self))
    }

    /// The first connection with room: the later ones may then become idle.
    private func takeShared() -> HTTP2UpstreamConnection? {
        for connection in shared where connection.hasRoom {
            if connection.state == .idle { unpark(connection) }
            return connection
        }
        return nil
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

    /// Takes no streams any more.
    func unshare(_ connection: HTTP2UpstreamConnection) { shared.removeAll { $0 === connection } }

    /// A connection whose place in the backend's limit has been taken already; it is given back when the connection closes.
    func makeConnection() -> UpstreamSide.Connection {
        load.connections.add(1, ordering: .relaxed)
        worker.upstreamCount.add(1, ordering: .relaxed)
        guard speaksHTTP2 else { return .http1(HTTP1UpstreamConnection(worker: worker, port: self)) }
        let connection = HTTP2UpstreamConnection(worker: worker, port: self)
        shared.append(connection)
        return .http2(connection)
    }

    /// Called once for each connection made.
    func connectionClosed() {
        load.connections.give()
        worker.upstreamCount.subtract(1, ordering: .relaxed)
        backendLoad.connections.give()
        worker.connectionFreed(backendLoad)
    }

    /// More can be done on the connections there are.
    func roomChanged() { worker.connectionFreed(backendLoad) }

    func connectionReplaced() {
        load.connections.give()
        worker.upstreamCount.subtract(1, ordering: .relaxed)
    }

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
