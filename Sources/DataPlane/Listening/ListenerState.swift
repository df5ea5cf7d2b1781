package import Base
package import Configuration
package import EventLoop
import HTTP
package import Synchronization
package import TLS
package import Telemetry

/// A listener's settings under one configuration, and its count of connections, which outlives it.
package final class ListenerState: Sendable {
    package let name: String
    /// As configured; 0 for a Unix socket, and for one that was passed to the process.
    let port: UInt16
    package let connections: ListenerLoad
    package let headerBytes: Int
    package let headerTimeout: Nanoseconds
    package let idleTimeout: Nanoseconds
    let maxConnectionAge: Nanoseconds?
    let http2: HTTP2Limits
    /// Connections of one client address.
    let perClient: Int?
    let proxyProtocol: Bool
    let tls: TLSServerContext?
    let handshakeTimeout: Nanoseconds
    private let trustedProxies: [CIDR]
    /// Open connections at the most.
    package let limit: Int

    /// - Parameter descriptors: the process's limit, of which a listener without a limit of its own gets three quarters.
    package init(_ listener: Listener, load: ListenerLoad, descriptors: Int, tls: TLSServerContext?) {
        name = listener.name
        port = listener.address.hostPort?.port ?? 0
        connections = load
        headerBytes = listener.limits.headerBytes
        headerTimeout = Nanoseconds(listener.limits.headerTimeout)
        idleTimeout = Nanoseconds(listener.limits.idleTimeout)
        maxConnectionAge = listener.limits.maxConnectionAge.map { Nanoseconds($0) }
        http2 = HTTP2Limits(
            concurrentStreams: UInt32(clamping: listener.limits.http2Streams), headerBytes: listener.limits.headerBytes)
        perClient = listener.limits.perClient
        proxyProtocol = listener.proxyProtocol
        self.tls = tls
        handshakeTimeout = Nanoseconds(listener.tls?.handshakeTimeout ?? .zero)
        trustedProxies = listener.trustedProxies
        limit = listener.limits.connections ?? max(1, descriptors * 3 / 4)
    }

    package var speaksTLS: Bool { tls != nil }
    /// What is presented to clients.
    package var certificates: [TLSCertificateSummary] { tls?.certificates ?? [] }

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

    /// Those that were closed before a request was read.
    package let refusals = RefusalLoad()
    let clients = ClientLoad()
    /// Those of them on which HTTP/2 is spoken.
    package let http2 = HTTP2Load()

    package init() {}

    func count(_ outcome: HandshakeOutcome) { handshakeCounts.withLock { $0.count(outcome) } }
    package func handshakes(_ outcome: HandshakeOutcome) -> UInt64 { handshakeCounts.withLock { $0[outcome] } }
}

/// HTTP/2 connections of one listener over all loops.
package final class HTTP2Load: Sendable {
    package let open = Atomic<Int>(0)
    package let accepted = Atomic<UInt64>(0)
    private let abortCounts = Mutex([HTTP2Abuse: UInt64]())

    func began() {
        open.add(1, ordering: .relaxed)
        accepted.add(1, ordering: .relaxed)
    }

    func ended() { open.subtract(1, ordering: .relaxed) }

    func count(_ abuse: HTTP2Abuse) { abortCounts.withLock { $0[abuse, default: 0] += 1 } }

    /// Connections ended because of what their clients did, by what it was.
    package var aborts: [(reason: String, count: UInt64)] {
        let counts = abortCounts.withLock { $0 }
        return HTTP2Abuse.allCases.map { ($0.label, counts[$0] ?? 0) }
    }
}

/// Connections of a listener that were turned away.
package final class RefusalLoad: Sendable {
    private let counts = Mutex(OutcomeCounts<ConnectionRefusal>())

    func count(_ reason: ConnectionRefusal) { counts.withLock { $0.count(reason) } }
    package func total(_ reason: ConnectionRefusal) -> UInt64 { counts.withLock { $0[reason] } }
}

/// Open connections by client address, where `perClient` limits them. As large as there are clients connected.
final class ClientLoad: Sendable {
    private struct Key: Hashable {
        var high: UInt64
        var low: UInt64

        init(_ address: SocketAddress) { (high, low) = address.mapped }
    }

    private let counts = Mutex([Key: Int]())

    func take(_ address: SocketAddress, limit: Int) -> Bool {
        let key = Key(address)
        return counts.withLock { counts in
            let present = counts[key] ?? 0
            guard present < limit else { return false }
            counts[key] = present + 1
            return true
        }
    }

    func give(_ address: SocketAddress) {
        let key = Key(address)
        counts.withLock { counts in
            let left = (counts[key] ?? 1) - 1
            counts[key] = left > 0 ? left : nil
        }
    }
}
