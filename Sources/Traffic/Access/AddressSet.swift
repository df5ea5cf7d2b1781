import Base
package import Configuration

/// Networks, compiled: looked up in as many steps as their number has binary digits.
package struct AddressSet: Sendable {
    /// The first and last address of each run, in order and apart from each other. Both families in IPv6 form.
    private var runs: [(first: Address, last: Address)] = []

    private struct Address: Sendable, Comparable {
        var high: UInt64
        var low: UInt64

        static func < (left: Address, right: Address) -> Bool { (left.high, left.low) < (right.high, right.low) }
    }

    package init(_ networks: [CIDR]) {
        let sorted = networks.map { network in
            let hostBits = 128 - network.prefixLength
            let high = network.high | (hostBits > 64 ? Self.ones(hostBits - 64) : 0)
            let low = network.low | Self.ones(min(hostBits, 64))
            return (first: Address(high: network.high, low: network.low), last: Address(high: high, low: low))
        }.sorted { ($0.first, $1.last) < ($1.first, $0.last) }
        // One network inside another adds nothing, and they cannot overlap otherwise.
        for run in sorted {
            if let last = runs.last, run.last <= last.last { continue }
            runs.append(run)
        }
    }

    private static func ones(_ count: Int) -> UInt64 { count >= 64 ? .max : (1 << UInt64(count)) - 1 }

    package var isEmpty: Bool { runs.isEmpty }

    package func contains(_ address: IPAddress) -> Bool {
        let address = Address(high: address.high, low: address.low)
        let run = partitionPoint(in: runs.indices) { runs[$0].last < address }
        return run < runs.count && runs[run].first <= address
    }
}

/// Which addresses may use a route.
package struct AccessRules: Sendable {
    private let denied: AddressSet
    private let allowed: AddressSet

    /// - Returns: `nil` where everybody may.
    package init?(deny: [CIDR], allow: [CIDR]) {
        if deny.isEmpty && allow.isEmpty { return nil }
        denied = AddressSet(deny)
        allowed = AddressSet(allow)
    }

    /// - Parameter address: `nil` for a client that has none, which no list can name: it gets through unless only those
    ///   on a list do.
    package func admits(_ address: IPAddress?) -> Bool {
        guard let address else { return allowed.isEmpty }
        return !denied.contains(address) && (allowed.isEmpty || allowed.contains(address))
    }
}
