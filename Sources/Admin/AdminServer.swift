import Base
import Configuration
package import ControlPlane
import DataPlane
import Dispatch
import EventLoop
import Glibc
import Synchronization
import TLS

/// The listeners for operators, scrapers and autoscalers, on a loop of their own: a scrape takes nothing from the data path but the copying of
/// its counters, and a busy data path does not delay a scrape.
///
/// Unchecked: listeners are changed on the control queue, connections on the loop.
package final class AdminServer: @unchecked Sendable {
    let plane: ControlPlane
    let loop: Loop
    private let logins: LoginRecord
    private let tickets = TicketKeys(now: .now())
    private var bound: [Role: Bound] = [:]
    /// On the loop.
    let connections = AdminConnections()

    enum Role: Hashable { case admin, metrics, customMetrics }

    /// What a listener is to be.
    private struct Wanted {
        var role: Role
        var address: Address
        /// `nil` for the other listeners.
        var surface: AdminSurface?
        var customMetrics: CustomMetrics?
        var context: TLSServerContext?

        var tls: ListenerTLS? { surface?.tls ?? customMetrics?.secureSettings }
    }

    private struct Bound {
        var wanted: Wanted
        var login: LoginGate?
        var socket: ListeningSocket
        var acceptor: LoopBound<Acceptor>
        var listening: AdminListening
    }

    /// - Returns: `nil` where the kernel gives no descriptors.
    package init?(plane: ControlPlane) {
        guard let loop = Loop(label: "sluice.admin") else { return nil }
        self.plane = plane
        self.loop = loop
        logins = LoginRecord(plane.verifier.key, logger: plane.logger, seed: .random(in: 0...UInt64.max))
        loop.start()
        plane.prepareAdmin = { [unowned self] in prepare($0) }
        plane.stopAdmin = { [unowned self] in stopAll(keepsFiles: $0, done: $1) }
        plane.adminSockets = { [unowned self] in
            Dictionary(bound.values.map { ($0.wanted.address, $0.socket) }, uniquingKeysWith: { first, _ in first })
        }
        rotateTickets()
    }

    /// Session tickets are sealed with keys that do not live long.
    private func rotateTickets() {
        let wait = tickets.rotate(now: .now()).since(.now())
        plane.queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: wait.count))) { [weak self] in
            self?.rotateTickets()
        }
    }

    // MARK: Changes

    /// Binds what is new; the result takes it into use or gives it up.
    private func prepare(_ gateway: Gateway) -> Result<(Bool) -> Void, ListenFailure> {
        var wanted: [Wanted] = []
        var sockets: [Role: ListeningSocket] = [:]
        do throws(ListenFailure) {
            if let admin = gateway.admin {
                wanted.append(Wanted(role: .admin, address: admin.address, surface: admin))
            }
            if let metrics = gateway.metrics { wanted.append(Wanted(role: .metrics, address: metrics)) }
            if let metrics = gateway.customMetrics {
                wanted.append(Wanted(role: .customMetrics, address: metrics.address, customMetrics: metrics))
            }
            for index in wanted.indices { wanted[index].context = try context(for: wanted[index]) }
            for one in wanted where bound[one.role]?.wanted.address != one.address {
                let own = bound.values.map(\.socket)
                let mode = one.role == .admin ? SocketSource.privateMode : SocketSource.openMode
                let socket = try plane.source.socket(for: one.address, beside: own, mode: mode)
                sockets[one.role] = socket
            }
            for one in wanted {
                guard let surface = one.surface, let socket = sockets[one.role] ?? bound[one.role]?.socket else {
                    continue
                }
                try check(surface, socket.address)
            }
        } catch {
            for socket in sockets.values { socket.abandon() }
            return .failure(error)
        }
        return .success { [self, wanted, sockets] commit in
            guard commit else {
                for socket in sockets.values { socket.abandon() }
                return
            }
            change(to: wanted, sockets)
        }
    }

    /// The same rule as the configuration's, for sockets whose address is seen only here.
    private func check(_ surface: AdminSurface, _ address: SocketAddress) throws(ListenFailure) {
        guard !address.isLoopback, !address.isUnix, surface.tls == nil || surface.login == nil else { return }
        throw ListenFailure(
            address: surface.address,
            reason: .socket(
                SocketFailure("other machines reach 'admin' there, which needs 'admin.tls' and 'admin.basicAuth'")))
    }

    private func context(for wanted: Wanted) throws(ListenFailure) -> TLSServerContext? {
        guard let tls = wanted.tls else { return nil }
        if let present = bound[wanted.role]?.wanted, present.tls == tls, let context = present.context {
            return context
        }
        var settings = TLSServerSettings(tls)
        settings.alpn = ["http/1.1"]
        do throws(TLSConfigurationError) {
            return try TLSServerContext(settings, tickets: tickets)
        } catch {
            throw ListenFailure(address: wanted.address, reason: .certificate(error.message))
        }
    }

    private func change(to wanted: [Wanted], _ sockets: [Role: ListeningSocket]) {
        for (role, old) in bound {
            let next = wanted.first { $0.role == role }
            if let next, next.address == old.wanted.address {
                if next.surface == old.wanted.surface, next.customMetrics == old.wanted.customMetrics { continue }
                let login = gate(for: next, old.login)
                bound[role]?.wanted = next
                bound[role]?.login = login
                let listening = old.listening
                listening.replace(rules(next, login))
                // Whoever reads events may not be let in any more.
                loop.post { [self] in connections.endStreams(of: listening) }
            } else {
                bound[role] = nil
                old.socket.removeFile()
                retire(old)
            }
        }
        for one in wanted {
            guard let socket = sockets[one.role] else { continue }
            let login = gate(for: one, nil)
            let listening = AdminListening(rules(one, login))
            let acceptor = makeAcceptor(listening, one.role)
            bound[one.role] = Bound(
                wanted: one, login: login, socket: socket, acceptor: acceptor, listening: listening)
            loop.post { _ = acceptor.value.start(socket) }
        }
    }

    private func gate(for wanted: Wanted, _ present: LoginGate?) -> LoginGate? {
        guard let login = wanted.surface?.login else { return nil }
        if let present, present.login == login { return present }
        return LoginGate(login, verifier: plane.verifier, record: logins)
    }

    private func rules(_ wanted: Wanted, _ login: LoginGate?) -> AdminListening.Rules {
        let secure = wanted.context.map {
            AdminListening.Secure(
                context: $0, handshakeTimeout: Nanoseconds(wanted.tls?.handshakeTimeout ?? .zero),
                clientCA: wanted.tls?.clientCA)
        }
        let door: AdminListening.Door =
            if let settings = wanted.customMetrics {
                .autoscalers(ScaleAPI(plane: plane, gate: ScaleGate(settings)))
            } else {
                .operators(AdminAPI(plane: plane, surface: wanted.surface, login: login))
            }
        return AdminListening.Rules(door: door, secure: secure)
    }

    private func retire(_ old: Bound) {
        let (acceptor, listening) = (old.acceptor, old.listening)
        listening.close()
        loop.post { [self] in
            acceptor.value.stop()
            connections.endStreams(of: listening)
        }
    }

    private func makeAcceptor(_ listening: AdminListening, _ role: Role) -> LoopBound<Acceptor> {
        let acceptor = Acceptor(loop: loop) { [unowned self] in
            connections.hasRoom(role)
        } accepted: { [unowned self] descriptor, address in
            let connection = AdminConnection(
                loop: loop, listening: listening, address: address, home: connections, role: role)
            if connection.start(descriptor) { connections.add(connection) }
        }
        return LoopBound(acceptor)
    }

    private func stopAll(keepsFiles: Bool, done: @escaping @Sendable () -> Void) {
        let all = Array(bound.values)
        if !keepsFiles { for one in all { one.socket.removeFile() } }
        bound.removeAll()
        for one in all { one.listening.close() }
        loop.post { [self] in
            for one in all { one.acceptor.value.stop() }
            connections.endStreams(of: nil)
            done()
        }
    }
}

extension CustomMetrics {
    /// Whoever has a certificate of the API server's shows it; others may come without.
    fileprivate var secureSettings: ListenerTLS {
        var settings = tls
        settings.clientCA = requestHeaderCA
        settings.clientAuthentication = requestHeaderCA == nil ? .none : .request
        return settings
    }
}
