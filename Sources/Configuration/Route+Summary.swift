extension Route {
    /// The keys of the policies it has beside the defaults, in the order in which they are applied.
    package var policyKeys: [String] {
        // Addresses are counted before anybody is asked for a password.
        let isByAddress = rateLimit?.key == .clientAddress
        let credentials = ("basicAuth", basicAuth != nil)
        let rate = ("rateLimit", rateLimit != nil)
        var keys = [("denyFrom", !denyFrom.isEmpty), ("allowFrom", !allowFrom.isEmpty), ("cors", cors != nil)]
        keys += isByAddress ? [rate, credentials] : [credentials, rate]
        keys += [
            ("maxBodySize", maxBodySize != nil), ("priority", priority != .normal), ("timeout", timeout != nil),
            ("idleTimeout", idleTimeout != Route(name: name, action: action).idleTimeout),
            ("fault", fault != nil), ("sticky", forward?.sticky != nil),
            ("whenDown", forward.map { $0.whenDown != .spill } ?? false), ("rewrite", rewrite != nil),
            ("requestHeaders", !requestHeaders.isEmpty), ("retries", retries != nil),
            ("responseHeaders", !responseHeaders.isEmpty),
        ]
        return keys.filter(\.1).map(\.0)
    }

    /// `nil` where the gateway answers itself.
    package var forward: Forward? { if case .forward(let forward) = action { forward } else { nil } }
}

extension Backend.Balance {
    /// Such as `leastRequest` or `hash by header x-user`.
    package var summary: String {
        switch self {
        case .roundRobin: "roundRobin"
        case .leastRequest: "leastRequest"
        case .leastQueue: "leastQueue"
        case .hash(.header(let name)): "hash by header \(name)"
        case .hash(.cookie(let name)): "hash by cookie \(name)"
        case .hash(.clientAddress): "hash by client address"
        case .hash(.sequenceID): "hash by sequence"
        }
    }
}
