import Base

extension RandomSource {
    /// A number in `0 ..< bound`; 0 for a bound of 0 or less. For sums of weights, which do not fit 32 bits. The bias is
    /// below `bound` / 2^64.
    mutating func point(below bound: Int) -> Int {
        guard bound > 0 else { return 0 }
        return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
