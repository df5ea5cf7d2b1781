import Configuration
import Dispatch
import EventLoop
import Synchronization

/// Looks up what the endpoints' names stand for, all at once and off the loops.
enum EndpointResolution {
    /// How many names are looked up at the same time.
    private static let width = 8

    struct Result {
        /// By backend, endpoint and address.
        var addresses: [[[SocketAddress]]]
        /// What each name stood for, to be known at the next look-up.
        var known: [HostPort: [SocketAddress]]
        /// Names without an address, for the log.
        var problems: [String]
    }

    /// - Parameter known: the last answer for a name, kept where the name server does not answer now.
    static func resolve(_ gateway: Gateway, known: [HostPort: [SocketAddress]]) -> Result {
        let wanted = Array(Set(gateway.backends.flatMap { $0.endpoints.map(\.address) }))
        let pinned = wanted.map { pin($0, gateway.resolve) }
        let outcomes = Mutex([Resolver.Outcome?](repeating: nil, count: wanted.count))
        let slots = DispatchSemaphore(value: width)
        DispatchQueue.concurrentPerform(iterations: wanted.count) { index in
            slots.wait()
            let outcome = Resolver.resolve(host: pinned[index].host, port: pinned[index].port)
            outcomes.withLock { $0[index] = outcome }
            slots.signal()
        }
        var found: [HostPort: [SocketAddress]] = [:]
        var problems: [String] = []
        for (name, outcome) in zip(wanted, outcomes.withLock({ $0 })) {
            switch outcome {
            case .addresses(let addresses): found[name] = addresses
            case .none?, nil:
                found[name] = []
                problems.append("\(name): no such name")
            case .unavailable(let reason):
                found[name] = known[name] ?? []
                problems.append("\(name): \(reason)")
            }
        }
        let addresses = gateway.backends.map { $0.endpoints.map { found[$0.address] ?? [] } }
        return Result(addresses: addresses, known: found, problems: problems.sorted())
    }

    /// Pins come before DNS; a name may be pinned as written or fully qualified.
    private static func pin(_ address: HostPort, _ pins: [String: HostPort]) -> HostPort {
        let name = address.host.lowercased()
        let bare = name.hasSuffix(".") ? String(name.dropLast()) : name
        return pins[name] ?? pins[bare] ?? pins[bare + "."] ?? address
    }
}
