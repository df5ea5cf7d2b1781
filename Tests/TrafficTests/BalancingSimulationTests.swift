import Base
import Testing
import Traffic

/// One backend with one slow endpoint, in virtual time: requests come at random, endpoints work on one at a time.
struct BalancingSimulationTests {
    struct Result {
        var longestQueue = 0
        var p50 = 0.0
        var p99 = 0.0
        var toSlow = 0
    }

    /// - Parameters:
    ///   - slowdown: how much longer endpoint 0 takes for a request than the others, which take 1.
    ///   - load: part of the capacity of all endpoints that is asked for.
    static func run(
        _ kind: BalancedEndpoints.Kind, seed: UInt64, count: Int = 8, slowdown: Double = 10, load: Double = 0.7
    ) -> Result {
        var random = RandomSource(seed: seed)
        var endpoints = BalancedEndpoints.equal(count)
        let balancer = endpoints.balancer(kind, random: &random)
        let service = (0..<count).map { $0 == 0 ? slowdown : 1 }
        let rate = load * service.reduce(0) { $0 + 1 / $1 }
        var freeAt = [Double](repeating: 0, count: count)
        // For each endpoint the times at which its requests end, which is in their order.
        var endings = [[Double]](repeating: [], count: count)
        var ended = [Int](repeating: 0, count: count)
        var latencies: [Double] = []
        var result = Result()
        var now = 0.0
        for _ in 0..<8000 {
            // Uniform gaps of the same mean as an exponential's are enough, and need no logarithm.
            now += 2 * Double(random.next() >> 11) * 0x1p-53 / rate
            for index in 0..<count {
                while ended[index] < endings[index].count && endings[index][ended[index]] <= now {
                    ended[index] += 1
                    endpoints.loads[index] -= 1
                }
            }
            guard let pick = endpoints.pick(balancer, &random) else { continue }
            endpoints.loads[pick] += 1
            freeAt[pick] = max(freeAt[pick], now) + service[pick]
            endings[pick].append(freeAt[pick])
            latencies.append(freeAt[pick] - now)
            result.longestQueue = max(result.longestQueue, endpoints.loads[pick])
            if pick == 0 { result.toSlow += 1 }
        }
        latencies.sort()
        result.p50 = latencies[latencies.count / 2]
        result.p99 = latencies[latencies.count * 99 / 100]
        return result
    }

    /// Round robin sends the slow endpoint an eighth of everything, and its queue grows without end. Two choices keep it
    /// at what it can do.
    @Test(arguments: 0..<10 as Range<UInt64>) func twoChoicesSpareASlowEndpoint(_ seed: UInt64) {
        let turns = Self.run(.roundRobin, seed: seed)
        let choices = Self.run(.leastRequest, seed: seed)
        #expect(turns.longestQueue > 400, "\(turns)")
        #expect(choices.longestQueue <= 12, "\(choices)")
        // A tenth of a share of one in 7.1 would be 113 requests of 8000.
        #expect(choices.toSlow < 400 && turns.toSlow >= 999, "\(choices), \(turns)")
        #expect(choices.p99 * 20 < turns.p99, "\(choices), \(turns)")
    }

    /// Among equal endpoints nothing is lost by it.
    @Test(arguments: 0..<10 as Range<UInt64>) func equalEndpointsStayEqual(_ seed: UInt64) {
        let choices = Self.run(.leastRequest, seed: seed, slowdown: 1)
        #expect(choices.longestQueue <= 6 && choices.p99 < 5, "\(choices)")
        #expect(abs(choices.toSlow - 1000) < 150, "\(choices)")
    }
}
