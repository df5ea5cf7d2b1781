package import Base
package import Configuration
package import EventLoop
package import Synchronization
package import TLS
package import Telemetry

/// A listener's settings under one configuration, and its count of connections, which outlives it.
package final class ListenerState: Sendable {
    package let name: String
    package let connections: ListenerLoad
    package let headerBytes: Int
    package let headerTimeout: Nanoseconds
    package let idleTimeout: Nanoseconds
    let tls: TLSServerContext?
    let handshakeTimeout: Nanoseconds
    private let trustedProxies: [CIDR]
    /// Open connections at the most.
    package let limit: Int

    /// - Parameter descriptors: the process's limit, of which a listener without a limit of its own gets three quarters.
    package init(_ listener: Listener, load: ListenerLoad, descriptors: Int, tls: TLSServerContext?) {
        name = listener.name
        connections = load
        headerBytes = listener.limits.headerBytes
        headerTimeout = Nanoseconds(listener.limits.headerTimeout)
        idleTimeout = Nanoseconds(listener.limits.idleTimeout)
        self.tls = tls
        handshakeTimeout = Nanoseconds(listener.tls?.handshakeTimeout ?? .zero)
        trustedProxies = listener.trustedProxies
        limit = listener.limits.connections ?? max(1, descriptors * 3 / 4)
    }

    package var speaksTLS: Bool { tls != nil }

    package func trusts(_ address: SocketAddress) -> Bool {
        let (high, low) = address.mapped
        return trusts(IPAddress(high: high, low: low))
    }

    package func trusts(_ address: IPAddress) -> Bool { trustedProxies.contains { $0.contains(address) } }
}

/// Client connections of one listener over all loops.
package final class ListenerLoad: Sendable {
    package let open = Atomic<Int>(0)
    package let accepted = Atomic<UInt64>(0)
    /// One for each `HandshakeOutcome`. Together in one place: a handshake costs a thousand times more than the count.
    private let handshakeCounts = Mutex(OutcomeCounts<HandshakeOutcome>())

    package init() {}

    func count(_ outcome: HandshakeOutcome) { handshakeCounts.withLock { $0.count(outcome) } }
    package func handshakes(_ outcome: HandshakeOutcome) -> UInt64 { handshakeCounts.withLock { $0[outcome] } }
}
