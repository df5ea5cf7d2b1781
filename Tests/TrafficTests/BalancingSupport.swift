import Base
import Traffic

/// The endpoints of a backend as a balancer is told of them.
struct BalancedEndpoints {
    enum Kind: CaseIterable { case roundRobin, leastRequest, leastQueue, hash }

    var weights: [Int]
    var loads: [Int]
    var limits: [Int]
    var unusable: Set<Int> = []
    var ineligible: Set<Int> = []
    var joined: [Int: Instant] = [:]
    /// What `leastQueue` goes by; `nil` for nothing known.
    var times: [Double]?

    init(_ weights: [Int], limit: Int = .max) {
        self.weights = weights
        loads = weights.map { _ in 0 }
        limits = weights.map { _ in limit }
    }

    static func equal(_ count: Int) -> BalancedEndpoints { BalancedEndpoints([Int](repeating: 1, count: count)) }

    var identities: [UInt64] { weights.indices.map { keyHash("10.0.0.\($0):8000") } }

    func balancer(
        _ kind: Kind, random: inout RandomSource, panic: Int = 0, slowStart: Nanoseconds? = nil
    ) -> Balancer {
        let policy: Balancer.Policy =
            switch kind {
            case .roundRobin: .roundRobin(RoundRobin(weights: weights, random: &random))
            case .leastRequest: .leastRequest(LeastRequest(weights: weights))
            case .leastQueue: .leastQueue(LeastQueue(weights: weights))
            case .hash:
                .hash(
                    ConsistentHash(identities: identities, weights: weights), keyless: LeastRequest(weights: weights))
            }
        return Balancer(
            policy, endpoints: weights.count, panicThreshold: PanicThreshold(percent: Double(panic)),
            slowStart: SlowStart(slowStart))
    }

    func pick(
        _ balancer: Balancer, _ random: inout RandomSource, now: Instant = Instant(nanoseconds: 0), key: UInt64? = nil,
        tried: TriedEndpoints = TriedEndpoints()
    ) -> Int? {
        balancer.pick(
            now: now, random: &random, key: key, tried: tried, load: { loads[$0] },
            isEstimated: times != nil, expectedTime: { times?[$0] ?? 0 }, isUsable: { !unusable.contains($0) },
            isEligible: { !ineligible.contains($0) },
            hasRoom: { loads[$0] < limits[$0] }, joined: { joined[$0] })
    }
}

func keyHash(_ text: String) -> UInt64 { Array(text.utf8).withUnsafeBytes { KeyHash.hash($0) } }

/// Pearson's chi-square of counts against weights: about as many as there are counts less one, if the weights are right.
func chiSquare(_ counts: [Int], _ weights: [Double]) -> Double {
    let total = Double(counts.reduce(0, +))
    let sum = weights.reduce(0, +)
    return zip(counts, weights).reduce(0) { result, pair in
        let expected = total * pair.1 / sum
        return result + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
    }
}

/// Above what chance gives with this many degrees of freedom in one of some hundred million runs (Wilson and Hilferty's
/// approximation, 5.6 standard deviations).
func chiSquareBound(_ degrees: Int) -> Double {
    let k = Double(degrees)
    let cubeRoot = 1 - 2 / (9 * k) + 5.6 * (2 / (9 * k)).squareRoot()
    return k * cubeRoot * cubeRoot * cubeRoot
}
