package import Base

/// Smooth weighted round robin over the endpoints of a backend, for one loop.
///
/// Every pick adds each weight to its endpoint's credit, takes the endpoint with the most credit, and takes the sum of the
/// weights off it (as nginx does). Endpoints that are passed over keep their credit, and the others share what was theirs.
/// The credits begin at random, so that many loops and gateways neither begin with the same endpoint nor go on in step.
package final class RoundRobin {
    private struct Account {
        let weight: Int
        /// In thousandths of a weight, the unit of `SlowStart`. The sum over all is always 0.
        var credit: Int
    }

    private var accounts: [Account]

    /// - Parameter weights: 1...1,000,000 each.
    package init(weights: [Int], random: inout RandomSource) {
        let total = weights.reduce(0, +) * SlowStart.whole
        // An endpoint's credit runs through a range as wide as the total; any place in it is one the cycle might be at.
        accounts = weights.map { Account(weight: $0, credit: random.point(below: total)) }
        if accounts.isEmpty { return }
        let (mean, rest) = accounts.reduce(0) { $0 + $1.credit }.quotientAndRemainder(dividingBy: accounts.count)
        for index in accounts.indices { accounts[index].credit -= mean }
        accounts[0].credit -= rest
    }

    /// - Parameters:
    ///   - isAllowed: whether the endpoint may be chosen at all.
    ///   - hasRoom: whether it may get one more.
    ///   - factor: the part of its weight that counts, in thousandths (`SlowStart`).
    /// - Returns: an endpoint for which both hold, or `nil`. Costs a look at each endpoint.
    package func pick(
        isAllowed: (Int) -> Bool = { _ in true }, hasRoom: (Int) -> Bool = { _ in true },
        factor: (Int) -> Int = { _ in SlowStart.whole }
    ) -> Int? {
        accounts.withUnsafeMutableBufferPointer { accounts in
            var best: Int?
            var total = 0
            var most = Int.min
            for index in accounts.indices where isAllowed(index) && hasRoom(index) {
                let weight = accounts[index].weight * factor(index)
                total += weight
                accounts[index].credit += weight
                guard accounts[index].credit > most else { continue }
                most = accounts[index].credit
                best = index
            }
            if let best { accounts[best].credit -= total }
            return best
        }
    }
}
