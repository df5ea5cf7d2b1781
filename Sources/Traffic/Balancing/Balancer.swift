package import Base

/// Chooses the endpoint of a backend for one request, for one loop: the policy, and what holds whatever the policy.
///
/// Endpoints are known by their index. Each call gives the best there is now; for a retry, call again with the endpoints
/// that have been tried, and the answer is the next best.
///
/// A class, so that no request copies it.
package final class Balancer {
    /// How to choose among those that may be chosen. Another one is a case here and in `choose`.
    package enum Policy {
        case roundRobin(RoundRobin)
        case leastRequest(LeastRequest)
        case leastQueue(LeastQueue)
        /// Keeps equal keys together, whatever else: neither load nor slow start moves one.
        ///
        /// - Parameter keyless: for requests that carry no key.
        case hash(ConsistentHash, keyless: LeastRequest)
    }

    private let policy: Policy
    private let endpoints: Int
    private let panicThreshold: PanicThreshold
    private let slowStart: SlowStart

    /// - Parameter endpoints: how many the backend has; the policy was made for as many.
    package init(
        _ policy: Policy, endpoints: Int, panicThreshold: PanicThreshold = PanicThreshold(percent: 0),
        slowStart: SlowStart = SlowStart()
    ) {
        self.policy = policy
        self.endpoints = endpoints
        self.panicThreshold = panicThreshold
        self.slowStart = slowStart
    }

    /// - Parameters:
    ///   - key: of the request, for `hash`; `nil` if it has none.
    ///   - tried: endpoints that are not to be chosen again.
    ///   - load: requests in flight at an endpoint.
    ///   - isEstimated: whether something is known of the request's model, for `leastQueue`.
    ///   - expectedTime: then, until one more such request would be done at an endpoint.
    ///   - isUsable: whether an endpoint is healthy and not ejected, as far as is known. Asked as seldom as can be.
    ///   - isEligible: whether it could serve this request if it were, such as by speaking its protocol, and whether the
    ///     operator lets it. No panic overrides that.
    ///   - hasRoom: whether it may get one more request.
    ///   - joined: since when it is usable; `nil` or long ago for the whole weight. Not asked where there is no slow start.
    /// - Returns: `nil` if there is nothing to choose now. With a key that is also so while its own endpoint is full: the
    ///   request waits for it, for a sequence that goes elsewhere has lost its state.
    package func pick(
        now: Instant, random: inout RandomSource, key: UInt64? = nil, tried: TriedEndpoints = TriedEndpoints(),
        load: (Int) -> Int, isEstimated: Bool = false, expectedTime: (Int) -> Double = { _ in 0 },
        isUsable: (Int) -> Bool, isEligible: (Int) -> Bool = { _ in true }, hasRoom: (Int) -> Bool,
        joined: (Int) -> Instant? = { _ in nil }
    ) -> Int? {
        // Only an endpoint that is not usable raises the question, so nothing is counted while all are.
        var isPanicking: Bool?
        return choose(
            &random, key, load, isEstimated, expectedTime,
            isAllowed: { index in
                if tried.contains(index) || !isEligible(index) { return false }
                if isUsable(index) { return true }
                if let isPanicking { return isPanicking }
                let answer = self.isPanicking(isUsable: isUsable, isEligible: isEligible)
                isPanicking = answer
                return answer
            },
            hasRoom,
            factor: { slowStart.isOn ? slowStart.factor(joined: joined($0), now: now) : SlowStart.whole })
    }

    /// Whether any endpoint could be chosen if it had room: otherwise there is nothing to wait for.
    ///
    /// - Parameter tried: endpoints that are not to be chosen. They count where it is asked how many are usable, as in `pick`.
    package func canServe(
        tried: TriedEndpoints = TriedEndpoints(), isUsable: (Int) -> Bool, isEligible: (Int) -> Bool = { _ in true }
    ) -> Bool {
        var isAnyEligible = false
        for index in 0..<endpoints where !tried.contains(index) && isEligible(index) {
            if isUsable(index) { return true }
            isAnyEligible = true
        }
        return isAnyEligible && isPanicking(isUsable: isUsable, isEligible: isEligible)
    }

    private func choose(
        _ random: inout RandomSource, _ key: UInt64?, _ load: (Int) -> Int, _ isEstimated: Bool,
        _ expectedTime: (Int) -> Double, isAllowed: (Int) -> Bool, _ hasRoom: (Int) -> Bool, factor: (Int) -> Int
    ) -> Int? {
        // No policy chooses another, and looking at the policy counts references.
        if endpoints == 1 { return isAllowed(0) && hasRoom(0) ? 0 : nil }
        switch policy {
        case .roundRobin(let policy): return policy.pick(isAllowed: isAllowed, hasRoom: hasRoom, factor: factor)
        case .leastRequest(let policy):
            return policy.pick(
                random: &random, load: load, isAllowed: isAllowed, hasRoom: hasRoom, factor: factor)
        case .leastQueue(let policy):
            return policy.pick(
                random: &random, isEstimated: isEstimated, expectedTime: expectedTime, load: load,
                isAllowed: isAllowed, hasRoom: hasRoom, factor: factor)
        case .hash(let policy, let keyless):
            guard let key else {
                return keyless.pick(
                    random: &random, load: load, isAllowed: isAllowed, hasRoom: hasRoom, factor: factor)
            }
            guard let owner = policy.pick(key: key, isAllowed: isAllowed), hasRoom(owner) else { return nil }
            return owner
        }
    }

    /// Whether so few endpoints are usable that all are used, counted among those that could serve the request.
    package func isPanicking(isUsable: (Int) -> Bool, isEligible: (Int) -> Bool = { _ in true }) -> Bool {
        var usable = 0
        var count = 0
        for index in 0..<endpoints where isEligible(index) {
            count += 1
            if isUsable(index) { usable += 1 }
        }
        return panicThreshold.isReached(usable: usable, of: count)
    }
}
