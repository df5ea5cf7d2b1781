import Configuration
import ControlClient
import DataPlane
import EventLoop
import TLS

// How the gateway itself calls the endpoints of its backends: the way requests go there.

extension ControlClient.Address {
    init(_ address: SocketAddress) {
        self = address.path.map { .unix(path: $0) } ?? .tcp(HostPort(host: address.host, port: address.port))
    }
}

extension Backend {
    /// Who an endpoint has to prove to be is the name that the configuration knows it by, where it names no other: its address
    /// is what became of that. `nil` means cleartext.
    func tls(at endpoint: ResolvedEndpoint) -> BackendTLS? {
        guard var tls else { return nil }
        if tls.serverName == nil { tls.serverName = endpoint.serverName?.text }
        return tls
    }

    /// Whether connections of calls may be kept: a server that is to be stopped waits for them.
    var keepsCallConnections: Bool { activation == nil }
}

extension ControlClient.Request {
    /// - Parameters:
    ///   - port: what is called there, if it is not the endpoint's own address.
    ///   - timeout: for everything, connecting included.
    init(
        to endpoint: ResolvedEndpoint, of backend: Backend, port: SocketAddress? = nil, path: String, timeout: Duration
    ) {
        self.init(ControlClient.Address(port ?? endpoint.address), path: path)
        tls = backend.tls(at: endpoint)
        `protocol` = backend.protocol
        connectTimeout = timeout
        self.timeout = timeout
        reusesConnection = backend.keepsCallConnections
    }
}
