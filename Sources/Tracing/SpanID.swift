/// The id of a span: eight bytes that are not all zero (W3C Trace Context, section 3.2.2.4).
package struct SpanID: Sendable, Hashable {
    package let value: UInt64

    /// - Parameter random: any 64 bits.
    package init(random: UInt64) { value = random == 0 ? 1 : random }

    /// - Returns: `nil` for 0, which is no id.
    package init?(_ value: UInt64) {
        guard value != 0 else { return nil }
        self.value = value
    }
}
