import Base
import Testing
import Traffic

struct KeyHashTests {
    static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { KeyHash.hash($0, seed: seed) }
    }

    /// Gateways of different versions stand side by side during an upgrade: the function must never
    /// change. The values are of a second implementation, in Python.
    @Test func staysAsItIs() {
        #expect(Self.hash([]) == 0xE220_A839_7B1D_CDAF)
        #expect(Self.hash(Array("42".utf8)) == 0xE3DA_EC89_1A45_0570)
        #expect(Self.hash(Array("a session's cookie, longer".utf8)) == 0x66C6_C5D4_BF8E_EF98)
        #expect(Self.hash(Array("42".utf8), seed: 1) == 0xAB0B_ED3B_E52E_4E33)
    }

    /// Each bit of the value turns each bit of the hash in half of all cases.
    @Test(arguments: [1, 7, 8, 9, 16, 31]) func everyBitMatters(_ count: Int) {
        var random = RandomSource(seed: UInt64(count))
        let rounds = 400
        for bit in 0..<(count * 8) {
            var turned = [Int](repeating: 0, count: 64)
            for _ in 0..<rounds {
                var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                // A seed each time: there are few values of one byte.
                let seed = random.next()
                let before = Self.hash(bytes, seed: seed)
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                let difference = before ^ Self.hash(bytes, seed: seed)
                for place in 0..<64 where difference >> UInt64(place) & 1 == 1 { turned[place] += 1 }
            }
            // Six standard deviations of 400 tosses are 60.
            #expect(turned.allSatisfy { abs($0 - rounds / 2) < 60 }, "bit \(bit): \(turned)")
        }
    }

    @Test func valuesThatLookAlikeDiffer() {
        var seen: Set<UInt64> = []
        var count = 0
        func add(_ bytes: [UInt8]) {
            seen.insert(Self.hash(bytes))
            count += 1
        }
        for length in 0..<64 { add([UInt8](repeating: 0, count: length)) }
        for number in 1..<30_000 { add(Array("\(number)".utf8)) }
        for number in 0..<10_000 { add(Array("user-\(number)@example.com".utf8)) }
        for place in 0..<40 {
            var bytes = [UInt8](repeating: 0x61, count: 40)
            bytes[place] = 0x62
            add(bytes)
        }
        #expect(seen.count == count)
    }

    @Test func lowAndHighBitsAreEven() {
        for shift in [0, 20, 56] as [UInt64] {
            var counts = [Int](repeating: 0, count: 256)
            for number in 0..<50_000 { counts[Int(Self.hash(Array("\(number)".utf8)) >> shift & 255)] += 1 }
            #expect(chiSquare(counts, [Double](repeating: 1, count: 256)) < chiSquareBound(255))
        }
    }

    /// Only the beginning of a long value is read, and its length.
    @Test func longValuesAreBounded() {
        var bytes = [UInt8](repeating: 1, count: KeyHash.maxBytes + 10)
        let hash = Self.hash(bytes)
        bytes[KeyHash.maxBytes] = 2
        #expect(Self.hash(bytes) == hash)
        #expect(Self.hash(bytes + [1]) != hash)
        bytes[KeyHash.maxBytes - 1] = 2
        #expect(Self.hash(bytes) != hash)
    }

    @Test func seedsSetValuesApart() {
        let bytes = Array("ann".utf8)
        #expect(Set((0..<1000 as Range<UInt64>).map { Self.hash(bytes, seed: $0) }).count == 1000)
    }
}
