/// When so few endpoints are usable that the check is likelier to be wrong than the endpoints, or the rest would drown in
/// what was everybody's: then all are used (as in Envoy, "panic threshold").
package struct PanicThreshold: Sendable {
    private let percent: Double

    /// - Parameter percent: 0...100; 0 turns it off. What lies outside counts as the nearest of these.
    package init(percent: Double) { self.percent = min(max(percent, 0), 100) }

    /// - Parameters:
    ///   - usable: how many endpoints may be used.
    ///   - count: how many there are. Weights do not matter.
    /// - Returns: whether all of them are to be used; exactly the threshold is still enough.
    package func isReached(usable: Int, of count: Int) -> Bool { Double(usable * 100) < percent * Double(count) }
}
