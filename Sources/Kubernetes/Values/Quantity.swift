/// A number of 0 or more as Kubernetes writes it (`resource.Quantity`): `400`, `399300m`, `433u`.
///
/// What is whole is written plain. What is not is written in thousandths, rounded up, as long as that leaves three digits;
/// smaller numbers in millionths, and the smallest in billionths, beyond which Kubernetes keeps nothing. Rounding up is
/// Kubernetes' own rule: a number that is not nothing never becomes 0.
package struct Quantity: Sendable, Equatable, CustomStringConvertible {
    private let nanos: UInt128

    /// Kubernetes does sums in thousandths, in 64 bits: ten times as much would not fit.
    private static let most = 900_000_000_000_000 as UInt128
    private static let nanosInOne = 1_000_000_000 as UInt128

    private init(nanos: UInt128) { self.nanos = min(nanos, Self.most * Self.nanosInOne) }

    /// A measured number; what is negative or no number counts as 0.
    package init(_ number: Double) {
        guard number > 0 else {
            self.init(nanos: 0)
            return
        }
        guard number < Double(Self.most) else {
            self.init(nanos: Self.most * Self.nanosInOne)
            return
        }
        // Where 0.07 becomes 70.00000000000001 thousandths, these are 70 and not 71.
        let slack = 1 - 1e-12
        let scale = number < Self.leastInThousandths ? 1e9 : 1e3
        let count = UInt128((number * scale * slack).rounded(.up))
        self.init(nanos: number < Self.leastInThousandths ? count : count * 1_000_000)
    }

    private static let leastInThousandths = 0.1

    package var description: String {
        if nanos.isMultiple(of: Self.nanosInOne) { return "\(nanos / Self.nanosInOne)" }
        for (suffix, unit) in [("m", 1_000_000), ("u", 1000)] as [(String, UInt128)] {
            let count = (nanos + unit - 1) / unit
            if nanos.isMultiple(of: unit) || nanos >= 100 * unit {
                // Rounded up to a whole number, it is written as one.
                return (count * unit).isMultiple(of: Self.nanosInOne)
                    ? "\(count * unit / Self.nanosInOne)" : "\(count)\(suffix)"
            }
        }
        return "\(nanos)n"
    }
}

extension Quantity: Codable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// For tests and tools: reads what `description` writes.
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        let units: [Character: UInt128] = ["m": 1_000_000, "u": 1000, "n": 1]
        let unit = text.last.flatMap { units[$0] }
        guard let count = UInt64(unit == nil ? text[...] : text.dropLast()) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a quantity"))
        }
        self.init(nanos: UInt128(count) * (unit ?? Self.nanosInOne))
    }
}
