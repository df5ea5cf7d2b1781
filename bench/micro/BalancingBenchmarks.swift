import Base
import Synchronization
import Traffic

/// Choosing a backend of a split, and an endpoint of a backend.
let balancingBenchmarks = [
    Benchmark("split 80 to 20") { splitting([80, 20]) },
    Benchmark("split 70 to 20 to 10") { splitting([70, 20, 10]) },
    Benchmark("least request of 2 endpoints") { picking(from: 2) },
    Benchmark("least request of 16 endpoints") { picking(from: 16) },
    Benchmark("a model of 100 on a board") { finding(of: 100) },
    Benchmark("least queue of 2 endpoints") { pickingByQueue(from: 2) },
    Benchmark("least queue of 16 endpoints") { pickingByQueue(from: 16) },
    Benchmark("least queue of 32 endpoints") { pickingByQueue(from: 32) },
    Benchmark("least queue of 100 endpoints") { pickingByQueue(from: 100) },
    Benchmark("new numbers of 100 models at 32 endpoints") { learning(models: 100, endpoints: 32) },
    Benchmark("new lists of 100 models at 32 endpoints") { learning(models: 100, endpoints: 32, changing: true) },
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

private func listed(_ models: Int, at endpoints: Int, _ random: inout RandomSource) -> [EndpointModels] {
    (0..<endpoints).map { endpoint in
        EndpointModels(
            endpoint: endpoint, listedAt: .now(), measuredAt: .now(),
            models: (0..<models).map { model in
                EndpointModels.Model(
                    name: "text_encoder_\(model)", version: "1", state: .ready,
                    service: EndpointModels.Service(
                        pending: 3, concurrency: 2, computeMicroseconds: 1000 + Double(random.below(500)), samples: 500)
                )
            })
    }
}

private func board(_ models: Int, at endpoints: Int, _ random: inout RandomSource) -> ModelBoard {
    let loads = (0..<endpoints).map { _ in EndpointLoad() }
    let board = ModelBoard(weights: loads.map { _ in 1 }, loads: loads)
    board.learn(listed(models, at: endpoints, &random), now: .now())
    return board
}

private var noVersion: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

private func finding(of models: Int) -> (Int) -> Void {
    var random = RandomSource(seed: 1)
    let board = board(models, at: 3, &random)
    let names = (0..<models).map { Array("text_encoder_\($0)".utf8) }
    return { count in
        for number in 0..<count {
            keep(names[number % models].withUnsafeBytes { board.entry($0, version: noVersion) } ?? -1)
        }
    }
}

private func pickingByQueue(from endpoints: Int) -> (Int) -> Void {
    var random = RandomSource(seed: 1)
    let board = board(20, at: endpoints, &random)
    let policy = LeastQueue(weights: Array(repeating: 1, count: endpoints))
    let entry = Array("text_encoder_7".utf8).withUnsafeBytes { board.entry($0, version: noVersion) } ?? 0
    for endpoint in 0..<endpoints { board.load(entry, at: endpoint)?.inFlight.store(endpoint % 5, ordering: .relaxed) }
    let now = Instant.now()
    return { count in
        for _ in 0..<count {
            let picked = policy.pick(
                random: &random, isEstimated: board.isEstimated(entry, now: now),
                expectedTime: { board.expectedTime(entry, at: $0, now: now) }, load: { _ in 0 }, hasRoom: { _ in true })
            keep(picked ?? -1)
        }
    }
}

private func learning(models: Int, endpoints: Int, changing: Bool = false) -> (Int) -> Void {
    var random = RandomSource(seed: 1)
    let board = board(models, at: endpoints, &random)
    let lists = [listed(models, at: endpoints, &random), listed(models - (changing ? 1 : 0), at: endpoints, &random)]
    return { count in
        for number in 0..<count { keep(board.learn(lists[number % 2], now: .now()) ? 1 : 0) }
    }
}
