import Testing

@testable import Kubernetes

@Suite struct QuantityTests {
    /// As the API server of Kubernetes writes them (peers: `399300m`, `433m`, `3033m`, `66m`).
    @Test(
        arguments: [
            (0, "0"), (1, "1"), (400, "400"), (399.3, "399300m"), (0.433, "433m"), (3.033, "3033m"), (0.1, "100m"),
            (0.066, "66m"), (0.5, "500m"), (1000, "1000"), (2.5, "2500m"), (0.07, "70m"), (4.35, "4350m"),
            (1_000_000.125, "1000000125m"),
        ] as [(Double, String)])
    func measuredNumbers(number: Double, text: String) {
        #expect(Quantity(number).description == text)
    }

    @Test func whatIsNotExactIsRoundedUp() {
        #expect(Quantity(10.0 / 3).description == "3334m")
        #expect(Quantity(1.0 / 3).description == "334m")
        #expect(Quantity(2999.0 / 1).description == "2999")
        #expect(Quantity(29_999_999.0 / 10_000_000).description == "3")
        #expect(Quantity(1.00001).description == "1001m")
        #expect(Quantity(0.99999).description == "1")
    }

    @Test func smallNumbersKeepThreeDigits() {
        #expect(Quantity(1.0 / 30).description == "33334u")
        #expect(Quantity(1.0 / 3000).description == "334u")
        #expect(Quantity(1.0 / 30_000).description == "33334n")
        #expect(Quantity(1 / 1e19).description == "1n")
        #expect(Quantity(0.012).description == "12m")
        #expect(Quantity(0.0000004).description == "400n")
        #expect(Quantity(Double.leastNonzeroMagnitude).description == "1n")
    }

    @Test func numbersThatAreNoneAreNothing() {
        for number in [-1, -0.0, .nan, -.infinity] { #expect(Quantity(number).description == "0") }
    }

    @Test func whatIsTooLargeForKubernetesIsCut() {
        let most = "900000000000000"
        #expect(Quantity(Double.infinity).description == most)
        #expect(Quantity(1e300).description == most)
        #expect(Quantity(Double(UInt64.max)).description == most)
    }

    /// Never less than the number itself, and never more than the last digit above it.
    @Test(arguments: 0..<300)
    func closeFromAbove(seed: UInt64) throws {
        var random = SplitMix(seed)
        let dividend = random.next() >> (random.next() % 63)
        let divisor = max(1, random.next() >> (random.next() % 63))
        let text = Quantity(Double(dividend) / Double(divisor)).description
        let written = try number(text)
        let exact = min(Double(dividend) / Double(divisor), 9e14)
        #expect(written >= exact * (1 - 1e-11), "\(dividend)/\(divisor) = \(text)")
        #expect(written <= exact * 1.0101 + 1e-9, "\(dividend)/\(divisor) = \(text)")
    }

    private func number(_ text: String) throws -> Double {
        let scale: Double = ["m": 1e-3, "u": 1e-6, "n": 1e-9][text.suffix(1)] ?? 1
        return try #require(Double(scale == 1 ? text : String(text.dropLast()))) * scale
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SplitMix {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
