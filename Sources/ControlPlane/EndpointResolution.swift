import Configuration
import EventLoop

/// What the endpoints of a configuration stand for, given what is known of their names.
enum EndpointResolution {
    /// The names to look up: literal addresses are none.
    static func names(of gateway: Gateway) -> Set<String> {
        var names: Set<String> = []
        for place in gateway.backends.flatMap(\.endpoints).compactMap(\.address.hostPort) {
            let target = Pins.place(of: place.host, in: gateway.resolve) ?? place
            if SocketAddress(literal: target.host, port: target.port) == nil { names.insert(target.host) }
        }
        return names
    }

    /// - Parameter lookUp: what a name stands for; the ports do not matter.
    /// - Returns: addresses by backend and endpoint.
    static func addresses(of gateway: Gateway, _ lookUp: (String) -> [SocketAddress]) -> [[[SocketAddress]]] {
        gateway.backends.map { backend in
            backend.endpoints.map { endpoint -> [SocketAddress] in
                let place: HostPort
                switch endpoint.address {
                case .tcp(let address): place = address
                case .unix(let path): return SocketAddress(path: path).map { [$0] } ?? []
                case .systemd: return []
                }
                let target = Pins.place(of: place.host, in: gateway.resolve) ?? place
                if let literal = SocketAddress(literal: target.host, port: target.port) { return [literal] }
                return lookUp(target.host).map { $0.with(port: target.port) }
            }
        }
    }
}
