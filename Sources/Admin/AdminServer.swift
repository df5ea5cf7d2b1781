import Configuration
package import ControlPlane
import DataPlane
import EventLoop
import Glibc
import Synchronization

/// The admin and metrics listeners, on a loop of their own: a scrape takes nothing from the data path but the copying of
/// its counters, and a busy data path does not delay a scrape.
///
/// Unchecked: listeners are changed on the control queue, connections on the loop.
package final class AdminServer: @unchecked Sendable {
    /// Open connections of both listeners: a handful of scrapers and operators, and no way to use up the descriptors.
    private static let connectionLimit = 256

    private let plane: ControlPlane
    private let loop: Loop
    private var bound: [Role: Bound] = [:]
    private var connections: Set<ObjectIdentifier> = []
    /// On the loop: who asks next should ask another process.
    private var isLeaving = false

    private enum Role: Hashable { case admin, metrics }

    private struct Bound {
        var address: Address
        var surface: AdminSurface?
        var socket: ListeningSocket
        var acceptor: LoopBound<Acceptor>
        var api: APIBox
    }

    /// - Returns: `nil` where the kernel gives no descriptors.
    package init?(plane: ControlPlane) {
        guard let loop = Loop(label: "sluice.admin") else { return nil }
        self.plane = plane
        self.loop = loop
        loop.start()
        plane.prepareAdmin = { [unowned self] in prepare($0) }
        plane.stopAdmin = { [unowned self] in stopAll(keepsFiles: $0, done: $1) }
        plane.adminSockets = { [unowned self] in
            Dictionary(bound.values.map { ($0.address, $0.socket) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Binds what is new; the result takes it into use or gives it up.
    private func prepare(_ gateway: Gateway) -> Result<(Bool) -> Void, ListenFailure> {
        var wanted: [(Role, Address, AdminSurface?)] = []
        if let admin = gateway.admin { wanted.append((.admin, admin.address, admin)) }
        if let metrics = gateway.metrics { wanted.append((.metrics, metrics, nil)) }
        var sockets: [Role: ListeningSocket] = [:]
        for (role, address, _) in wanted where bound[role]?.address != address {
            do throws(ListenFailure) {
                let own = bound.values.map(\.socket)
                let mode = role == .admin ? SocketSource.privateMode : SocketSource.openMode
                let socket = try plane.source.socket(for: address, beside: own, mode: mode)
                sockets[role] = socket
                guard role == .metrics || socket.address.isLoopback || socket.address.isUnix else {
                    throw ListenFailure(
                        address: address,
                        reason: .socket(SocketFailure("'admin' must not be reached from other machines")))
                }
            } catch {
                for socket in sockets.values { socket.abandon() }
                return .failure(error)
            }
        }
        return .success { [self, sockets] commit in
            guard commit else {
                for socket in sockets.values { socket.abandon() }
                return
            }
            change(to: wanted, sockets)
        }
    }

    private func change(to wanted: [(Role, Address, AdminSurface?)], _ sockets: [Role: ListeningSocket]) {
        for (role, old) in bound {
            let next = wanted.first { $0.0 == role }
            if next?.1 == old.address && next?.2 == old.surface { continue }
            if next?.1 == old.address, let surface = next?.2 {
                bound[role]?.surface = surface
                old.api.replace(AdminAPI(plane: plane, surface: surface))
                continue
            }
            bound[role] = nil
            old.socket.removeFile()
            let acceptor = old.acceptor
            loop.post { acceptor.value.stop() }
        }
        for (role, address, surface) in wanted {
            guard let socket = sockets[role] else { continue }
            let api = APIBox(AdminAPI(plane: plane, surface: surface))
            let acceptor = makeAcceptor(api)
            bound[role] = Bound(
                address: address, surface: surface, socket: socket, acceptor: acceptor, api: api)
            loop.post { _ = acceptor.value.start(socket) }
        }
    }

    private func makeAcceptor(_ api: APIBox) -> LoopBound<Acceptor> {
        let acceptor = Acceptor(loop: loop) { [unowned self] in
            connections.count < Self.connectionLimit
        } accepted: { [unowned self] descriptor, _ in
            let connection = AdminConnection(loop: loop, api: api.current) { [unowned self] in
                !isLeaving
            } ended: { [unowned self] in
                connections.remove(ObjectIdentifier($0))
            }
            if connection.start(descriptor) { connections.insert(ObjectIdentifier(connection)) }
        }
        return LoopBound(acceptor)
    }

    private func stopAll(keepsFiles: Bool, done: @escaping @Sendable () -> Void) {
        let acceptors = bound.values.map(\.acceptor)
        if !keepsFiles { for one in bound.values { one.socket.removeFile() } }
        bound.removeAll()
        loop.post { [self] in
            isLeaving = true
            for acceptor in acceptors { acceptor.value.stop() }
            done()
        }
    }
}

/// The settings that new connections of a listener get; replaced on a reload, read by the accepting loop.
private final class APIBox: Sendable {
    private let api: Mutex<AdminAPI>

    init(_ api: AdminAPI) { self.api = Mutex(api) }

    var current: AdminAPI { api.withLock { $0 } }
    func replace(_ next: AdminAPI) { api.withLock { $0 = next } }
}
