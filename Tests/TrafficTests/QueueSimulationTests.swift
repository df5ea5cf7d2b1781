import Base
import Testing
import Traffic

/// Balancing by queues beside what knows nothing of them: cheap and dear models that share endpoints of unequal speed.
struct QueueSimulationTests {
    /// The third endpoint takes three times as long, and the second has half of the instances.
    static let unequal = QueueSimulation.Setup(
        models: [
            QueueSimulation.Model(name: "cheap", time: [2, 2, 6], instances: [2, 1, 2], rate: 1100),
            QueueSimulation.Model(name: "dear", time: [40, 40, 120], instances: [2, 1, 2], rate: 60),
        ], weights: [1, 1, 1], seconds: 9)

    static func gateways(_ count: Int, interval: UInt64 = 500, delay: UInt64 = 5) -> QueueSimulation.Setup {
        var setup = unequal
        setup.gateways = count
        setup.interval = .milliseconds(interval)
        setup.delay = .milliseconds(delay)
        return setup
    }

    /// With one gateway as with several, which see each other's requests only in what endpoints say, and that late: the last
    /// two hear of queues as they were when many times as many requests were served as can wait.
    @Test(arguments: [gateways(1), gateways(2), gateways(2, delay: 500), gateways(4, interval: 1500)])
    func waitsLessThanByRequests(_ setup: QueueSimulation.Setup) {
        let seed: UInt64 = 1
        let turns = QueueSimulation(setup, .roundRobin, seed: seed).run()
        let requests = QueueSimulation(setup, .leastRequest, seed: seed).run()
        let queues = QueueSimulation(setup, .leastQueue, seed: seed).run()
        let cheap = (requests.percentile(0.99, of: 0), queues.percentile(0.99, of: 0))
        let dear = (requests.percentile(0.99, of: 1), queues.percentile(0.99, of: 1))
        #expect(cheap.1 < cheap.0 * 0.8, "\(cheap)")
        #expect(dear.1 < dear.0 * 0.8, "\(dear)")
        #expect(queues.percentile(0.99) < requests.percentile(0.99) * 0.8)
        #expect(queues.percentile(0.5) <= requests.percentile(0.5) * 1.1)
        #expect(queues.percentile(0.99) < turns.percentile(0.99) / 4)
        // Nobody runs to one endpoint together: then queues would be longer, not shorter.
        #expect(queues.longestQueue <= requests.longestQueue + 2, "\(queues.longestQueue) \(requests.longestQueue)")
        // What is slow helps out, and is not forgotten.
        #expect(queues.shares[0][2] > 0 && queues.shares[1][2] > 0, "\(queues.shares)")
    }

    /// Two slices of a processor, one of three times the size: nobody has measured anything at first, and the weights say it.
    @Test(arguments: 0..<2 as Range<UInt64>) func slicesOfAProcessor(_ seed: UInt64) {
        let setup = QueueSimulation.Setup(
            models: [QueueSimulation.Model(name: "a", time: [10, 30], instances: [1, 1], rate: 100)], weights: [3, 1],
            seconds: 30)
        let requests = QueueSimulation(setup, .leastRequest, seed: seed).run()
        let queues = QueueSimulation(setup, .leastQueue, seed: seed).run()
        // That is what weights are for: with the right ones requests are as good a measure as time.
        #expect(queues.percentile(0.99) < requests.percentile(0.99) * 1.2, "\(queues.percentile(0.99))")
        #expect(queues.shares[0][0] > queues.shares[0][1] * 3, "\(queues.shares)")
    }

    /// With equal weights, which are wrong, the queues tell.
    @Test(arguments: 0..<2 as Range<UInt64>) func slicesThatNobodyWeighed(_ seed: UInt64) {
        let setup = QueueSimulation.Setup(
            models: [QueueSimulation.Model(name: "a", time: [10, 30], instances: [1, 1], rate: 100)], weights: [1, 1],
            seconds: 30)
        let requests = QueueSimulation(setup, .leastRequest, seed: seed).run()
        let queues = QueueSimulation(setup, .leastQueue, seed: seed).run()
        #expect(queues.percentile(0.99) < requests.percentile(0.99) * 0.8, "\(queues.percentile(0.99))")
    }

    /// Endpoints that are alike get the same.
    @Test(arguments: [1, 3], 0..<2 as Range<UInt64>) func equalEndpointsStayEqual(_ gateways: Int, _ seed: UInt64) {
        let setup = QueueSimulation.Setup(
            models: [QueueSimulation.Model(name: "a", time: [5, 5, 5], instances: [1, 1, 1], rate: 420)],
            weights: [1, 1, 1], gateways: gateways, seconds: 20)
        let requests = QueueSimulation(setup, .leastRequest, seed: seed).run()
        let queues = QueueSimulation(setup, .leastQueue, seed: seed).run()
        #expect(queues.percentile(0.99) <= requests.percentile(0.99) * 1.25, "\(queues.percentile(0.99))")
        let counts = queues.shares[0]
        #expect((counts.max() ?? 0) * 10 < (counts.min() ?? 0) * 11, "\(counts)")
    }
}
