import Base
import Testing
import Traffic

struct LeastRequestTests {
    /// Endpoints as the balancer sees them.
    struct World {
        var weights: [Int]
        var loads: [Int]
        var limits: [Int]

        init(_ weights: [Int], loads: [Int]? = nil, limit: Int = .max) {
            self.weights = weights
            self.loads = loads ?? weights.map { _ in 0 }
            limits = weights.map { _ in limit }
        }

        func pick(_ random: inout RandomSource) -> Int? {
            LeastRequest(weights: weights).pick(
                random: &random, load: { loads[$0] }, hasRoom: { loads[$0] < limits[$0] })
        }
    }

    @Test func oneOrNone() {
        var random = RandomSource(seed: 1)
        #expect(World([]).pick(&random) == nil)
        #expect(World([1]).pick(&random) == 0)
        #expect(World([1], limit: 0).pick(&random) == nil)
        #expect(World([1, 1, 1], limit: 0).pick(&random) == nil)
    }

    @Test func ofTwoTheLessBusy() {
        var random = RandomSource(seed: 2)
        for _ in 0..<200 {
            #expect(World([1, 1], loads: [3, 2]).pick(&random) == 1)
            #expect(World([1, 1], loads: [0, 9]).pick(&random) == 0)
            // Requests for each unit of weight are compared.
            #expect(World([3, 1], loads: [5, 2]).pick(&random) == 0)
            #expect(World([3, 1], loads: [7, 2]).pick(&random) == 1)
            #expect(World([1_000_000, 1], loads: [999_999, 1]).pick(&random) == 0)
            #expect(World([1_000_000, 1], loads: [1_000_001, 1]).pick(&random) == 1)
        }
    }

    @Test func equalOnesShareEvenly() {
        for count in [2, 3, 8] {
            var random = RandomSource(seed: UInt64(count))
            let world = World([Int](repeating: 1, count: count))
            var picks = [Int](repeating: 0, count: count)
            for _ in 0..<(3000 * count) { picks[world.pick(&random) ?? 0] += 1 }
            #expect(picks.allSatisfy { abs($0 - 3000) < 300 }, "\(picks)")
        }
    }

    /// Requests that come one after another find everything idle; the weights hold all the same.
    @Test(arguments: [[3, 1], [1, 9], [5, 3, 2], [1, 2, 3, 4]]) func idleOnesShareByWeight(_ weights: [Int]) {
        var random = RandomSource(seed: 11)
        let world = World(weights)
        var picks = weights.map { _ in 0 }
        for _ in 0..<20_000 { picks[world.pick(&random) ?? 0] += 1 }
        for (weight, picked) in zip(weights, picks) {
            let expected = 20_000 * weight / weights.reduce(0, +)
            #expect(abs(picked - expected) < 400, "\(picks)")
        }
    }

    @Test func heavyWeightsDoNotOverflow() {
        var random = RandomSource(seed: 12)
        let world = World([Int](repeating: 1_000_000, count: 5000))
        for _ in 0..<1000 { #expect((0..<5000).contains(world.pick(&random) ?? -1)) }
    }

    @Test(arguments: 0..<32) func neverPicksAFullOneWhileAnotherHasRoom(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        for _ in 0..<300 {
            let count = 1 + Int(random.below(8))
            var world = World((0..<count).map { _ in 1 + Int(random.below(4)) })
            world.loads = world.weights.map { _ in Int(random.below(4)) }
            world.limits = world.weights.map { _ in Int(random.below(4)) }
            let withRoom = world.loads.indices.filter { world.loads[$0] < world.limits[$0] }
            let pick = world.pick(&random)
            #expect((pick == nil) == withRoom.isEmpty, "seed \(seed)")
            if let pick { #expect(withRoom.contains(pick), "seed \(seed)") }
        }
    }

    @Test func looksAtAllWhenThePickedAreFull() {
        var random = RandomSource(seed: 3)
        var world = World([1, 1, 1, 1, 2], loads: [0, 0, 5, 7, 9])
        world.limits = [0, 0, 8, 8, 10]
        // 9 / 2 is the least of those with room; whenever the better of the two that are drawn is full it is found.
        var found: Set<Int?> = []
        for _ in 0..<500 { found.insert(world.pick(&random)) }
        #expect(found.isSubset(of: [2, 3, 4]) && found.contains(4))
    }

    /// With all places taken in turn and given back at random, no endpoint gets far ahead of its weight.
    @Test(arguments: 0..<8) func keepsLoadsInProportion(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        var world = World([1, 1, 2, 4])
        var underWay: [Int] = []
        for _ in 0..<20_000 {
            if underWay.count == 160 {
                let place = Int(random.below(160))
                world.loads[underWay[place]] -= 1
                underWay.swapAt(place, 159)
                underWay.removeLast()
            }
            guard let pick = world.pick(&random) else {
                Issue.record("no endpoint")
                return
            }
            world.loads[pick] += 1
            underWay.append(pick)
        }
        for (weight, load) in zip(world.weights, world.loads) {
            #expect(abs(load - 20 * weight) <= 12, "seed \(seed): \(world.loads)")
        }
    }
}
