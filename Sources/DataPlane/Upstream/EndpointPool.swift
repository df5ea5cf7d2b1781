import Base
package import EventLoop
import Synchronization
import Telemetry
package import Traffic

/// One endpoint as one loop uses it: its port, and the one for gRPC where that is another. Kept across reloads as long as
/// the configuration names the endpoint.
package final class EndpointPool {
    package let address: SocketAddress
    /// Its `endpoint` label.
    let name: StableBytes
    /// The same as the access log says it.
    var logged = KeptMembers()
    package let load: EndpointLoad
    package let health: EndpointHealth
    let backendLoad: BackendLoad
    var counters = FlowCounters()
    /// As many as the last sample was told of.
    var sampledRequests: UInt64 = 0
    private let main: UpstreamPort
    private let grpc: UpstreamPort?

    init(
        worker: Worker, address: SocketAddress, grpcAddress: SocketAddress?, load: EndpointLoad,
        health: EndpointHealth, backendLoad: BackendLoad, tls: UpstreamTLS?, speaksHTTP2: Bool
    ) {
        self.address = address
        self.load = load
        self.health = health
        self.backendLoad = backendLoad
        name = StableBytes(address.description)
        main = UpstreamPort(
            worker: worker, address: address, load: load, backendLoad: backendLoad, tls: tls, speaksHTTP2: speaksHTTP2)
        grpc = grpcAddress.map {
            UpstreamPort(
                worker: worker, address: $0, load: load, backendLoad: backendLoad, tls: tls, speaksHTTP2: true)
        }
    }

    /// The endpoint, whatever loop or configuration it is seen from.
    package var identity: ModelOutages.Endpoint { health.identity }

    /// Where a request goes; `nil` for gRPC to an endpoint that speaks HTTP/1.1 only.
    func port(isGRPC: Bool) -> UpstreamPort? {
        guard isGRPC else { return main }
        return grpc ?? (main.speaksHTTP2 ? main : nil)
    }

    /// Closes the connection that has been idle longest; its place in the backend's limit is the caller's.
    func takePlaceOfIdle() -> Bool { main.takePlaceOfIdle() || grpc?.takePlaceOfIdle() == true }

    /// Closes the connection that has been idle longest.
    func closeOldestIdle() -> Bool { main.closeOldestIdle() || grpc?.closeOldestIdle() == true }

    func retire() {
        main.retire()
        grpc?.retire()
    }
}
