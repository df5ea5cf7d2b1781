import Base
import CLinux
import EventLoop
import Glibc
import TLS
import Telemetry

/// What every connection to an endpoint has, whichever version of HTTP is spoken on it: how it comes about, and the place it
/// takes in the backend's limit.
///
///     connecting --established--> (handshaking -->) busy <--> idle (no request uses it) --> closed
class UpstreamConnection: Stream {
    enum State { case connecting, handshaking, idle, busy }

    let worker: Worker
    let port: UpstreamPort
    var state = State.connecting
    /// Since when requests can go out; `nil` before.
    private(set) var establishedAt: Instant?
    /// It counts against the backend's limit of connections.
    private var holdsPlace = true
    private var connectError: Int32 = 0
    /// There was no descriptor left for it: until when it waits for one, and how long it may then take to connect.
    private var descriptorWait: (until: Instant, timeout: Nanoseconds)?
    /// Idle connections of other loops make room within a turn of theirs, so a moment's patience saves most requests.
    private static let descriptorPatience = Nanoseconds.milliseconds(250)
    private static let descriptorInterval = Nanoseconds.milliseconds(5)

    init(worker: Worker, port: UpstreamPort) {
        self.worker = worker
        self.port = port
        super.init(loop: worker.loop)
    }

    // MARK: For subclasses

    /// Requests can go out.
    func established() {}
    /// It cannot be used, or not any more. Closes it.
    func fail(_ failure: UpstreamFailure) {}

    // MARK: Establishing

    /// Starts to connect. Failures come as events, never from inside this call.
    final func connect(timeout: Nanoseconds) {
        state = .connecting
        guard worker.mayOpenUpstream() else {
            descriptorWait = (loop.now + Self.descriptorPatience, timeout)
            loop.setDeadline(self, loop.now + Self.descriptorInterval)
            return
        }
        let socket = sluice_socket(port.address.family)
        guard socket >= 0 else {
            connectError = Int32(-socket)
            loop.later { [self] in connectFailed() }
            return
        }
        _ = sluice_set_nodelay(Int32(socket))
        if port.address.isLoopback { _ = sluice_set_unpaced(Int32(socket)) }
        let result = port.address.withKernelForm { sluice_connect(Int32(socket), $0, $1) }
        guard result >= 0 || result == -Int(EINPROGRESS) else {
            Glibc.close(Int32(socket))
            connectError = Int32(-result)
            loop.later { [self] in connectFailed() }
            return
        }
        guard openConnecting(Int32(socket)) else {
            connectError = ENOMEM
            loop.later { [self] in connectFailed() }
            return
        }
        loop.setDeadline(self, loop.now + timeout)
    }

    private func tryForDescriptor(_ now: Instant) {
        guard let wait = descriptorWait else { return }
        if worker.mayOpenUpstream() {
            descriptorWait = nil
            connect(timeout: wait.timeout)
        } else if now < wait.until {
            loop.setDeadline(self, now + Self.descriptorInterval)
        } else {
            connectError = EMFILE
            connectFailed()
        }
    }

    override func becameWritable() {
        if state == .connecting {
            let error = sluice_socket_error(descriptor)
            guard error == 0 else {
                connectError = error
                connectFailed()
                return
            }
            if let tls = port.tls { beginHandshake(tls) } else { becomeUsable() }
        }
        guard isOpen else { return }
        super.becameWritable()
    }

    /// The time for connecting goes on: an endpoint that does not finish is as good as unreachable.
    private func beginHandshake(_ tls: UpstreamTLS) {
        state = .handshaking
        secure(
            with: TLSSession(
                client: tls.context, serverName: tls.serverName, endpoint: port.addressText,
                protocols: [port.speaksHTTP2 ? "h2" : "http/1.1"]))
        startHandshake()
    }

    override func handshakeFinished() {
        // Who does not know ALPN may still speak what is configured.
        if port.speaksHTTP2, let agreed = tls?.alpn, agreed != "h2" {
            fail(UpstreamFailure(cause: .tlsHandshake, nothingWritten: true))
            return
        }
        becomeUsable()
    }

    private func becomeUsable() {
        state = .busy
        establishedAt = loop.now
        loop.setDeadline(self, .never)
        established()
    }

    private func connectFailed() {
        // Out of descriptors or ports is our trouble, not the endpoint's.
        let isOurs = [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL].contains(connectError)
        fail(UpstreamFailure(cause: isOurs ? .overloaded : .connectFailed, nothingWritten: true))
    }

    override func expired(now: Instant) {
        switch state {
        case .connecting where descriptorWait != nil: tryForDescriptor(now)
        case .connecting: fail(UpstreamFailure(cause: .connectTimeout, nothingWritten: true))
        case .handshaking: fail(UpstreamFailure(cause: .tlsHandshake, nothingWritten: true))
        case .idle: close()
        case .busy: break
        }
    }

    // MARK: The end

    /// Closes a connection that nobody uses.
    func close() { closeConnection(reset: false) }

    /// Closes it and leaves its place to the connection that is opened instead.
    final func closeKeepingPlace() {
        holdsPlace = false
        close()
        port.connectionReplaced()
    }

    final func closeConnection(reset: Bool) {
        if state == .idle { port.unpark(self) }
        discard(reset: reset)
        loop.removeDeadline(self)
        guard holdsPlace else { return }
        holdsPlace = false
        port.connectionClosed()
    }
}
