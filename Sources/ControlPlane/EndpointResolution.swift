import Configuration
import EventLoop

/// The addresses of one backend.
struct BackendAddresses: Equatable {
    /// Of each endpoint that the file names.
    var endpoints: [[SocketAddress]]
    /// Of each Service.
    var services: [[PodAddress]]
}

/// What the endpoints of a configuration stand for, given what is known of their names and Services.
enum EndpointResolution {
    /// The names to look up: literal addresses are none.
    static func names(of gateway: Gateway) -> Set<String> {
        var names: Set<String> = []
        let places = gateway.backends.flatMap(\.endpoints).compactMap(\.address.hostPort)
        for place in places + (gateway.customMetrics?.dcgmExporters ?? []) {
            let target = Pins.place(of: place.host, in: gateway.resolve) ?? place
            if SocketAddress(literal: target.host, port: target.port) == nil { names.insert(target.host) }
        }
        return names
    }

    /// The Services to watch.
    static func services(of gateway: Gateway) -> Set<ServicePort> {
        Set(gateway.backends.flatMap(\.services).map(ServicePort.init))
    }

    /// The addresses of DCGM exporters.
    static func exporters(of gateway: Gateway, _ lookUp: (String) -> [SocketAddress]) -> [SocketAddress] {
        (gateway.customMetrics?.dcgmExporters ?? []).flatMap { resolve($0, gateway, lookUp) }
    }

    private static func resolve(
        _ place: HostPort, _ gateway: Gateway, _ lookUp: (String) -> [SocketAddress]
    ) -> [SocketAddress] {
        let target = Pins.place(of: place.host, in: gateway.resolve) ?? place
        if let literal = SocketAddress(literal: target.host, port: target.port) { return [literal] }
        return lookUp(target.host).map { $0.with(port: target.port) }
    }

    /// - Parameters:
    ///   - lookUp: what a name stands for; the ports do not matter.
    ///   - pods: what is behind a Service.
    /// - Returns: addresses by backend.
    static func addresses(
        of gateway: Gateway, _ lookUp: (String) -> [SocketAddress], _ pods: (ServicePort) -> [PodAddress]
    ) -> [BackendAddresses] {
        gateway.backends.map { backend in
            let endpoints = backend.endpoints.map { endpoint -> [SocketAddress] in
                switch endpoint.address {
                case .tcp(let place): resolve(place, gateway, lookUp)
                case .unix(let path): SocketAddress(path: path).map { [$0] } ?? []
                case .systemd: []
                }
            }
            return BackendAddresses(
                endpoints: endpoints, services: backend.services.map { pods(ServicePort($0)) })
        }
    }
}
