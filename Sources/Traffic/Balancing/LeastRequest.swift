package import Base

/// Chooses among endpoints by the power of two choices: of two drawn at random the one with fewer requests for its weight.
///
/// Nearly as even as looking at all of them, and immune to every loop choosing the same emptiest one at the same moment.
package enum LeastRequest {
    /// - Parameters:
    ///   - count: number of endpoints.
    ///   - load: requests in flight at an endpoint.
    ///   - hasRoom: whether the endpoint may get one more.
    /// - Returns: an endpoint with room, or `nil` when none has any.
    package static func pick(
        count: Int, random: inout RandomSource, weight: (Int) -> Int, load: (Int) -> Int, hasRoom: (Int) -> Bool
    ) -> Int? {
        guard count > 1 else { return count == 1 && hasRoom(0) ? 0 : nil }
        let first = Int(random.below(UInt32(count)))
        var second = Int(random.below(UInt32(count - 1)))
        if second >= first { second += 1 }
        let better = isBusier(first, second, weight, load) ? second : first
        if hasRoom(better) { return better }
        // Rare: look at all of them, so that a request never waits while any endpoint has room.
        var best: Int?
        for index in 0..<count where hasRoom(index) {
            if let leader = best, !isBusier(leader, index, weight, load) { continue }
            best = index
        }
        return best
    }

    /// Compares (load + 1) / weight without dividing.
    private static func isBusier(_ left: Int, _ right: Int, _ weight: (Int) -> Int, _ load: (Int) -> Int) -> Bool {
        (load(left) + 1) * weight(right) > (load(right) + 1) * weight(left)
    }
}
