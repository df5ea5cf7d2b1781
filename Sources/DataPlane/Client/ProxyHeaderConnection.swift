import Base
import EventLoop
import HTTP
import Telemetry

/// A client's connection while the proxy in front of it still says whose it is (`proxyProtocol`). Nothing behind the header
/// is read: TLS may begin there.
final class ProxyHeaderConnection: ClientConnection {
    private var header = ByteBuffer()
    private var wanted = ProxyHeader.fixedBytes

    func start(_ descriptor: Int32) -> Bool {
        guard openEstablished(descriptor) else { return false }
        loop.setDeadline(self, loop.now + listener.headerTimeout)
        return true
    }

    override func readable() {
        switch receive(atMost: wanted - header.count) {
        case .bytes(let bytes):
            header.append(bytes)
            guard header.count == wanted else { return }
            do throws(MessageError) {
                try advance()
            } catch {
                refuse()
            }
        case .nothing: break
        case .end, .failed: close()
        }
    }

    private func advance() throws(MessageError) {
        if wanted == ProxyHeader.fixedBytes {
            wanted += try ProxyHeader.rest(header.bytes)
            guard header.count == wanted else { return }
        }
        let client: SocketAddress?
        switch try ProxyHeader(header.bytes).source {
        case .address(let high, let low, let port): client = SocketAddress(mapped: high, low, port: port)
        case .proxy: client = address
        }
        let successor = HTTP1ClientConnection(takingOver: self, address: client)
        worker.connectionReplaced(self, by: successor)
        successor.adopt(self)
        guard worker.admit(successor) else { return }
        successor.begin()
    }

    private func refuse() {
        listener.connections.refusals.count(.proxyHeader)
        discard(reset: true)
        loop.removeDeadline(self)
        worker.connectionEnded(self)
    }

    private func close() {
        guard isOpen else { return }
        discard(reset: false)
        loop.removeDeadline(self)
        worker.connectionEnded(self)
    }

    override func expired(now: Instant) { refuse() }
    override func drain() { close() }
    override func cutNow() { close() }
}
