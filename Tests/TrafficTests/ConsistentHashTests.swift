import Base
import Testing
import Traffic

struct ConsistentHashTests {
    static func hash(_ names: Range<Int>, weight: (Int) -> Int = { _ in 1 }) -> ConsistentHash {
        ConsistentHash(identities: names.map { keyHash("endpoint \($0)") }, weights: names.map(weight))
    }

    static func owners(_ hash: ConsistentHash, keys: Int, isAllowed: (Int) -> Bool = { _ in true }) -> [Int?] {
        (0..<keys).map { hash.pick(key: keyHash("user-\($0)"), isAllowed: isAllowed) }
    }

    static let weights: [[Int]] = [
        [1, 1], [1, 1, 1, 1, 1, 1, 1], [3, 1], [5, 3, 2], [1, 10, 100], [999_999, 1_000_000],
        [Int](repeating: 7, count: 50),
    ]

    @Test(arguments: weights) func keysFallByWeight(_ weights: [Int]) {
        let hash = Self.hash(0..<weights.count) { weights[$0] }
        var counts = weights.map { _ in 0 }
        for owner in Self.owners(hash, keys: 30_000) { counts[owner ?? 0] += 1 }
        #expect(chiSquare(counts, weights.map(Double.init)) < chiSquareBound(weights.count - 1), "\(counts)")
    }

    /// Keys that are near each other fall as evenly as others.
    @Test func countedKeysFallEvenly() {
        let hash = ConsistentHash(identities: Array(0..<10), weights: [Int](repeating: 1, count: 10))
        var counts = [Int](repeating: 0, count: 10)
        for key in 0..<30_000 as Range<UInt64> { counts[hash.pick(key: key, isAllowed: { _ in true }) ?? 0] += 1 }
        #expect(chiSquare(counts, [Double](repeating: 1, count: 10)) < chiSquareBound(9), "\(counts)")
    }

    /// When one goes, its keys move and no other; to the others by their weights. Whether it is out of use or out of the
    /// configuration makes no difference.
    @Test(arguments: [{ _ in 1 }, { 1 + $0 % 4 }] as [@Sendable (Int) -> Int])
    func onlyTheKeysOfWhatGoesMove(_ weight: @Sendable (Int) -> Int) {
        let all = Self.hash(0..<12, weight: weight)
        let before = Self.owners(all, keys: 20_000)
        let gone = 11
        let after = Self.owners(all, keys: 20_000) { $0 != gone }
        let without = Self.owners(Self.hash(0..<11, weight: weight), keys: 20_000)
        #expect(after == without)
        var heirs = [Int](repeating: 0, count: 11)
        for (old, new) in zip(before, after) {
            if old == gone { heirs[new ?? 0] += 1 } else { #expect(old == new) }
        }
        #expect(chiSquare(heirs, (0..<11).map { Double(weight($0)) }) < chiSquareBound(10), "\(heirs)")
    }

    /// When one comes, its share of the keys comes from all others, and no key moves between those.
    @Test func onlyItsShareMovesToWhatComes() {
        let before = Self.owners(Self.hash(0..<9), keys: 20_000)
        let after = Self.owners(Self.hash(0..<10), keys: 20_000)
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(moved.allSatisfy { $0.1 == 9 })
        #expect(chiSquare([moved.count, 20_000 - moved.count], [1, 9]) < chiSquareBound(1), "\(moved.count)")
    }

    @Test func aWeightThatGrowsOnlyTakes() {
        let before = Self.owners(Self.hash(0..<5) { $0 + 1 }, keys: 20_000)
        let after = Self.owners(Self.hash(0..<5) { $0 == 2 ? 6 : $0 + 1 }, keys: 20_000)
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(!moved.isEmpty && moved.allSatisfy { $0.1 == 2 })
    }

    /// The order of endpoints in the file does not matter, only what they are.
    @Test func theOrderDoesNotMatter() {
        let names = (0..<8).map { keyHash("endpoint \($0)") }
        let forwards = ConsistentHash(identities: names, weights: [1, 2, 3, 4, 5, 6, 7, 8])
        let backwards = ConsistentHash(identities: names.reversed(), weights: [8, 7, 6, 5, 4, 3, 2, 1])
        for key in 0..<2000 as Range<UInt64> {
            let owner = forwards.pick(key: KeyHash.mix(key)) { _ in true }
            #expect(backwards.pick(key: KeyHash.mix(key)) { _ in true } == owner.map { 7 - $0 })
        }
    }

    /// The order in which a key tries endpoints is its own, and all orders occur.
    @Test func laterChoicesAreEvenToo() {
        let hash = Self.hash(0..<4)
        var orders: [[Int]: Int] = [:]
        for key in 0..<12_000 {
            var order: [Int] = []
            while let next = hash.pick(key: keyHash("key \(key)"), isAllowed: { !order.contains($0) }) {
                order.append(next)
            }
            orders[order, default: 0] += 1
        }
        #expect(orders.count == 24)
        #expect(chiSquare(Array(orders.values), [Double](repeating: 1, count: 24)) < chiSquareBound(23), "\(orders)")
    }

    @Test func noneOrNoneAllowed() {
        #expect(ConsistentHash(identities: [], weights: []).pick(key: 1) { _ in true } == nil)
        #expect(Self.hash(0..<3).pick(key: 1) { _ in false } == nil)
        #expect(Self.hash(0..<3) { $0 + 1 }.pick(key: 1) { _ in false } == nil)
    }
}
