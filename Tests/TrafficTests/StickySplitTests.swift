import Base
import Testing
import Traffic

struct StickySplitTests {
    private static let keys = (0..<100_000).map { KeyHash.mix(UInt64($0) &* 0x9E37_79B9_7F4A_7C15) }

    private func chosen(_ entries: [(name: String, weight: Int)]) -> [String?] {
        let split = StickySplit(entries)
        return Self.keys.map { key in split.choose(keyHash: key) { _ in true }.map { entries[$0].name } }
    }

    private func share(_ name: String, _ chosen: [String?]) -> Double {
        Double(chosen.count { $0 == name }) / Double(chosen.count) * 100
    }

    @Test(arguments: [[80, 20], [50, 50], [1, 99], [70, 20, 10], [1, 1, 1, 1], [1_000_000, 1], [0, 5, 5]])
    func shares(_ weights: [Int]) {
        let entries = weights.enumerated().map { (name: "entry \($0)", weight: $1) }
        let found = chosen(entries)
        for entry in entries {
            let wanted = Double(entry.weight) / Double(weights.reduce(0, +)) * 100
            // Four standard deviations of 100,000 draws are 0.63 points at the most.
            #expect(abs(share(entry.name, found) - wanted) < 0.65)
            if entry.weight == 0 { #expect(!found.contains(entry.name)) }
        }
    }

    /// Who moves goes to an entry that has gained, and as many move as the shares have.
    @Test(arguments: [
        ([80, 20], [50, 50]), ([50, 50], [80, 20]), ([100, 0], [99, 1]), ([70, 20, 10], [40, 40, 20]),
        ([1, 1], [2, 2]), ([80, 20], [0, 100]),
    ])
    func onlyThoseMoveThatMust(_ before: [Int], _ after: [Int]) {
        let names = before.indices.map { "entry \($0)" }
        let old = chosen(Array(zip(names, before)).map { (name: $0, weight: $1) })
        let new = chosen(Array(zip(names, after)).map { (name: $0, weight: $1) })
        let (oldTotal, newTotal) = (Double(before.reduce(0, +)), Double(after.reduce(0, +)))
        let gains = before.indices.map { Double(after[$0]) / newTotal - Double(before[$0]) / oldTotal }
        let moved = zip(old, new).filter { $0 != $1 }
        for (_, to) in moved { #expect(gains[names.firstIndex(of: to ?? "") ?? 0] > 0) }
        let must = gains.filter { $0 > 0 }.reduce(0, +) * 100
        #expect(abs(Double(moved.count) / Double(old.count) * 100 - must) < 0.65)
    }

    @Test func orderDoesNotMatter() {
        let one = chosen([(name: "a", weight: 80), (name: "b", weight: 20)])
        let other = chosen([(name: "b", weight: 20), (name: "a", weight: 80)])
        #expect(one == other)
    }

    /// While an entry is down its keys go elsewhere, and nobody else's move.
    @Test func entriesThatAreDown() {
        let split = StickySplit([(name: "a", weight: 50), (name: "b", weight: 30), (name: "c", weight: 20)])
        for key in Self.keys.prefix(2000) {
            let usual = split.choose(keyHash: key) { _ in true }
            let meanwhile = split.choose(keyHash: key) { $0 != 1 }
            #expect(usual == 1 ? meanwhile != 1 : meanwhile == usual)
        }
        #expect(split.choose(keyHash: 1) { _ in false } == nil)
        #expect(StickySplit([(name: "a", weight: 0)]).choose(keyHash: 1) { _ in true } == nil)
        #expect(StickySplit([]).choose(keyHash: 1) { _ in true } == nil)
    }
}
