import Glibc

/// Finds the endpoint a key belongs to, so that equal keys go to the same one for as long as it can be used.
///
/// Rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998): every endpoint
/// has a score for the key, and the highest wins. It was preferred to a ring and to Maglev's table:
///
/// * When an endpoint goes, exactly its keys move, and to all others by their weights; when one comes, exactly its share
///   comes from all of them; when one's weight changes, nobody else's keys are exchanged. A Maglev table moves some more;
///   a ring of bounded size has to change everybody's points as endpoints come.
/// * Shares are exact. A ring needs thousands of points to come within a few percent.
/// * Two words for each endpoint, and nothing to build when DNS says something new.
/// * The second choice, and all after it, is just the next score.
///
/// The price is a look at each endpoint: some nanoseconds, beside a request's ten thousand.
package struct ConsistentHash: Sendable {
    private let seeds: [UInt64]
    private let weights: [Double]
    /// Equal weights compare by the hash alone, without logarithms.
    private let isUniform: Bool

    /// - Parameters:
    ///   - identities: of each endpoint a number that stays with it over reloads and is the same in every gateway, such as
    ///     the `KeyHash` of its address.
    ///   - weights: 1...1,000,000 each.
    package init(identities: [UInt64], weights: [Int]) {
        precondition(identities.count == weights.count)
        // Mixed, so that identities that are near each other, such as counted ones, do as well.
        seeds = identities.map(KeyHash.mix)
        self.weights = weights.map(Double.init)
        isUniform = weights.allSatisfy { $0 == weights.first }
    }

    package var count: Int { seeds.count }

    /// - Parameter isAllowed: asked for the best alone at first, and for all only if that may not be chosen.
    /// - Returns: the endpoint with the highest score among those allowed; `nil` if none is. What is not allowed changes
    ///   nothing for keys that belong elsewhere.
    package func pick(key: UInt64, isAllowed: (Int) -> Bool) -> Int? {
        guard let owner = best(key, { _ in true }) else { return nil }
        return isAllowed(owner) ? owner : best(key, isAllowed)
    }

    private func best(_ key: UInt64, _ isAllowed: (Int) -> Bool) -> Int? {
        isUniform ? bestOfEqual(key, isAllowed) : bestByWeight(key, isAllowed)
    }

    private func bestOfEqual(_ key: UInt64, _ isAllowed: (Int) -> Bool) -> Int? {
        var best: Int?
        var highest: UInt64 = 0
        for index in seeds.indices {
            let score = KeyHash.mix(key ^ seeds[index])
            guard best == nil || score > highest, isAllowed(index) else { continue }
            best = index
            highest = score
        }
        return best
    }

    /// With `u` even between 0 and 1, `-ln(u) / weight` is exponentially distributed with the weight as its rate; the least of
    /// such numbers is each one's with a probability of its weight's share.
    private func bestByWeight(_ key: UInt64, _ isAllowed: (Int) -> Bool) -> Int? {
        var best: Int?
        var least = Double.infinity
        for index in seeds.indices {
            // The middles of 2^53 intervals: neither 0 nor 1.
            let even = (Double(KeyHash.mix(key ^ seeds[index]) >> 11) + 0.5) * 0x1p-53
            let score = -log(even) / weights[index]
            guard score < least, isAllowed(index) else { continue }
            best = index
            least = score
        }
        return best
    }
}
