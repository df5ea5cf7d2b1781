package import Base

/// Spares an endpoint that has just come, or come back: caches are cold, and Triton compiles and allocates at a model's
/// first requests. Its weight grows with time from a tenth to the whole.
///
/// The curve is Envoy's with its default aggression of 1: `weight * max(0.1, time / window)`.
package struct SlowStart: Sendable {
    /// Factors are in thousandths, so that weights multiplied by them stay exact.
    package static let whole = 1000
    /// What an endpoint gets at once: without any request it would never warm up. Envoy's `min_weight_percent`.
    package static let least = 100

    private let window: Nanoseconds

    /// - Parameter window: how long it takes; `nil` or zero turns it off.
    package init(_ window: Nanoseconds? = nil) { self.window = window ?? Nanoseconds(0) }

    /// Whether factors can differ at all; where they cannot, nobody has to ask when an endpoint joined.
    package var isOn: Bool { window.count > 0 }

    /// - Parameter joined: when the endpoint became usable; `nil` for long ago.
    /// - Returns: `least`...`whole`, the part of its weight that counts now, in thousandths.
    package func factor(joined: Instant?, now: Instant) -> Int {
        guard let joined, isOn else { return Self.whole }
        let elapsed = now.since(joined)
        if elapsed >= window { return Self.whole }
        // Below the whole, because the elapsed time is below the window; in full width, so that nothing overflows.
        let thousandths = elapsed.count.multipliedFullWidth(by: UInt64(Self.whole))
        return max(Self.least, Int(window.count.dividingFullWidth(thousandths).quotient))
    }
}
