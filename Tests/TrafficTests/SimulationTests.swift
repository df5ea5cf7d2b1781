import Base
import Glibc
import Testing
import Traffic

/// Hundreds of gateways with endpoints that refuse, reset, hang, flap, are slow, busy or broken.
///
/// A seed that fails is in the message. `SLUICE_SIMULATION_SEED=17 swift test --filter Simulation` runs that one alone
/// and prints what happens.
@Suite struct SimulationTests {
    private static let replayed = getenv("SLUICE_SIMULATION_SEED").flatMap { UInt64(String(cString: $0)) }
    static let seeds: [UInt64] = replayed.map { [$0] } ?? Array(0..<200)

    /// Everything that a seed decides, within bounds in which an endpoint can come back.
    static func setup(_ random: inout RandomSource) -> Simulation.Setup {
        let endpoints = 1 + Int(random.below(6))
        var setup = Simulation.Setup(
            loops: 1 + Int(random.below(4)), endpoints: endpoints, perEndpoint: 1 + Int(random.below(5)),
            queueTimeout: .milliseconds(UInt64(100 + random.below(900))),
            policy: RetryPolicy(
                attempts: Int(random.below(4)), on: [.connectFailure, .reset, .timeout], statuses: [502, 503],
                inference: true, perTryTimeout: .milliseconds(UInt64(150 + random.below(250)))),
            budgetPercent: Double(random.below(60)), minimumRetries: Int(random.below(11)),
            gap: .milliseconds(UInt64(5 + random.below(30))), faultsEnd: Instant(nanoseconds: 8_000_000_000), faults: []
        )
        setup.outlier.consecutiveErrors = 1 + Int(random.below(6))
        setup.outlier.baseEjectionTime = .milliseconds(UInt64(500 + random.below(1500)))
        setup.outlier.maxEjectionPercent = Double(1 + random.below(100))
        setup.urgentPercent = Double(random.below(3)) * 15
        if random.below(2) == 0 {
            var check = ActiveHealth.Settings()
            check.interval = .milliseconds(UInt64(200 + random.below(1000)))
            check.timeout = .milliseconds(UInt64(100 + random.below(300)))
            check.unhealthyThreshold = 1 + Int(random.below(3))
            check.healthyThreshold = 1 + Int(random.below(3))
            setup.check = check
        }
        for _ in 0..<endpoints {
            var faults: [(from: Instant, behaviour: SimulatedBehaviour)] = []
            // Some flap every few hundred milliseconds, some change once or twice, some stay as they are.
            let span = [300, 3000, 30_000][Int(random.below(3))] as UInt64
            var from = Instant(nanoseconds: 0)
            while from < setup.faultsEnd {
                let all = SimulatedBehaviour.allCases
                faults.append((from, random.below(2) == 0 ? .healthy : all[Int(random.below(UInt32(all.count)))]))
                from = from + .milliseconds(span / 2 + random.next() % span)
            }
            setup.faults.append(faults)
        }
        return setup
    }

    @Test(arguments: seeds) func whateverFailsNothingIsLost(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let setup = Self.setup(&random)
        let simulation = Simulation(setup, seed: random.next(), isTraced: Self.replayed != nil)
        simulation.run()
        #expect(simulation.complaints.isEmpty, "SLUICE_SIMULATION_SEED=\(seed): \(simulation.complaints)")
        #expect(simulation.requests.count > 100, "seed \(seed)")
    }

    /// Three endpoints and plenty of requests, of which `fault` takes one away after a second.
    private static func oneOfThree(_ fault: SimulatedBehaviour, loops: Int = 2) -> Simulation.Setup {
        var setup = Simulation.Setup(
            loops: loops, endpoints: 3, perEndpoint: 32, queueTimeout: .seconds(5),
            policy: RetryPolicy(
                attempts: 2, on: [.connectFailure, .refusedStream, .reset, .timeout], statuses: [502, 503],
                inference: true,
                perTryTimeout: .milliseconds(200)),
            budgetPercent: 20, minimumRetries: RetryBudget.defaultMinimum, gap: .milliseconds(3),
            faultsEnd: Instant(nanoseconds: 3_000_000_000), faults: [[], [], []], cancelPercent: 0)
        setup.faults[1] = [(Instant(nanoseconds: 1_000_000_000), fault)]
        return setup
    }

    /// No request that may be repeated fails because one of three endpoints is away, and it is left alone soon.
    @Test(arguments: [SimulatedBehaviour.refusing, .resetting, .hanging, .badGateway], 0..<5 as Range<UInt64>)
    func oneOfThreeDies(_ fault: SimulatedBehaviour, _ seed: UInt64) {
        let simulation = Simulation(Self.oneOfThree(fault), seed: seed)
        simulation.run()
        #expect(simulation.complaints.isEmpty, "seed \(seed)")
        #expect(
            simulation.failed[.get] == nil && simulation.failed[.inference] == nil, "seed \(seed): \(simulation.failed)"
        )
        #expect(
            simulation.ejections >= 1 && simulation.retries + simulation.failed.values.reduce(0, +) >= 5, "seed \(seed)"
        )
    }

    /// Triton's own refusals never eject: the others' requests go on going there.
    @Test(arguments: [SimulatedBehaviour.busy, .failing]) func busyAndBrokenModelsEjectNobody(
        _ fault: SimulatedBehaviour
    ) {
        let simulation = Simulation(Self.oneOfThree(fault), seed: 1)
        simulation.run()
        #expect(simulation.complaints.isEmpty && simulation.ejections == 0)
    }

    /// Under half as much again as can be served, most of it on one loop: while a request is the first of its loop's
    /// queue, younger ones of other loops are served only as far as their places were on their way already.
    @Test(arguments: fairnessSeeds) func noLoopIsPassedOver(_ seed: UInt64) {
        var setup = Self.oneOfThree(.healthy, loops: 2 + Int(seed % 7))
        setup.perEndpoint = 2
        setup.firstLoopPercent = 80
        setup.gap = .milliseconds(2)
        setup.queueTimeout = .milliseconds(200)
        let simulation = Simulation(setup, seed: seed)
        simulation.run()
        #expect(simulation.complaints.isEmpty, "seed \(seed): \(simulation.complaints)")
        #expect(simulation.mostPassedOver <= 2 * setup.loops + 2, "seed \(seed), \(setup.loops) loops")
        #expect(simulation.mostPassedOver > 0, "seed \(seed)")
    }

    /// Where more comes than can be served, what has priority is served whole as long as it alone would fit.
    @Test(arguments: 0..<10 as Range<UInt64>) func priorityGoesFirst(_ seed: UInt64) {
        var setup = Self.oneOfThree(.healthy, loops: 1 + Int(seed % 4))
        setup.perEndpoint = 2
        setup.urgentPercent = 20
        setup.gap = .milliseconds(1)
        setup.queueTimeout = .milliseconds(300)
        let simulation = Simulation(setup, seed: seed)
        simulation.run()
        #expect(simulation.complaints.isEmpty, "seed \(seed): \(simulation.complaints)")
        #expect(simulation.timedOut[true] == nil, "seed \(seed)")
        #expect(simulation.timedOut[false, default: 0] > 100, "seed \(seed): \(simulation.timedOut)")
    }

    static let fairnessSeeds: [UInt64] = Array(0..<21)
}
