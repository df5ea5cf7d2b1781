import Base
import Synchronization
import Traffic

/// Choosing a backend of a split, and an endpoint of a backend.
let balancingBenchmarks = [
    Benchmark("split 80 to 20") { splitting([80, 20]) },
    Benchmark("split 70 to 20 to 10") { splitting([70, 20, 10]) },
    Benchmark("least request of 2 endpoints") { picking(from: 2) },
    Benchmark("least request of 16 endpoints") { picking(from: 16) },
]

private func splitting(_ weights: [Int]) -> (Int) -> Void {
    var random = RandomSource(seed: 1)
    var split = Split(weights: weights, random: &random)
    return { count in
        for _ in 0..<count { keep(split.next { _ in true } ?? -1) }
    }
}

private func picking(from endpoints: Int) -> (Int) -> Void {
    var random = RandomSource(seed: 1)
    let leastRequest = LeastRequest(weights: Array(repeating: 1, count: endpoints))
    let loads = (0..<endpoints).map { _ in EndpointLoad() }
    for (index, load) in loads.enumerated() { load.inFlight.store(index % 5, ordering: .relaxed) }
    return { count in
        for _ in 0..<count {
            let picked = leastRequest.pick(
                random: &random, load: { loads[$0].inFlight.current }, hasRoom: { loads[$0].inFlight.current < 64 })
            keep(picked ?? -1)
        }
    }
}
