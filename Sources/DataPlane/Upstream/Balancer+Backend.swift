import Base
import Configuration
import EventLoop
import Traffic

extension Balancer {
    /// What a backend's configuration says, for the endpoints its names stand for now.
    convenience init(_ resolved: ResolvedBackend, random: inout RandomSource) {
        let weights = resolved.endpoints.map(\.weight)
        let policy: Policy =
            switch resolved.backend.balance {
            case .leastRequest: .leastRequest(LeastRequest(weights: weights))
            case .leastQueue: .leastQueue(LeastQueue(weights: weights))
            case .roundRobin: .roundRobin(RoundRobin(weights: weights, random: &random))
            case .hash:
                // By address: the same in every gateway, and in this one after its next start.
                .hash(
                    ConsistentHash(
                        identities: resolved.endpoints.map { endpoint in
                            Array(endpoint.address.description.utf8).withUnsafeBytes { KeyHash.hash($0) }
                        }, weights: weights),
                    keyless: LeastRequest(weights: weights))
            }
        self.init(
            policy, endpoints: weights.count,
            panicThreshold: PanicThreshold(percent: resolved.backend.panicThreshold),
            slowStart: SlowStart(resolved.backend.slowStart.map { Nanoseconds($0) }))
    }
}

/// What requests to a backend are balanced by, ready to be looked for.
enum KeySource: Equatable {
    case header([UInt8])
    case cookie([UInt8])
    case clientAddress
    case sequenceID

    init?(_ balance: Backend.Balance) {
        guard case .hash(let key) = balance else { return nil }
        self =
            switch key {
            case .header(let name): .header(Array(name.utf8))
            case .cookie(let name): .cookie(Array(name.utf8))
            case .clientAddress: .clientAddress
            case .sequenceID: .sequenceID
            }
    }
}
