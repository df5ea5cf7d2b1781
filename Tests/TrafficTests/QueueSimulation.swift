import Base
import Synchronization
import Traffic

/// Gateways in front of endpoints with several models each, in virtual time and from one seed. Each model has a queue of its
/// own at each endpoint, and some instances that take one request after the other. Each gateway reads the queues now and
/// then, and what it reads is as old as it is.
final class QueueSimulation {
    enum Policy { case roundRobin, leastRequest, leastQueue }

    struct Model {
        var name: String
        /// Of one request, in milliseconds, by endpoint.
        var time: [Double]
        /// At once, by endpoint.
        var instances: [Int]
        /// Requests a second, of all gateways together.
        var rate: Double
    }

    struct Setup {
        var models: [Model]
        var weights: [Int]
        var gateways = 1
        var seconds: UInt64 = 20
        /// From one reading to the next.
        var interval = Nanoseconds.milliseconds(500)
        /// A reading arrives so much later than it was true.
        var delay = Nanoseconds.milliseconds(5)
    }

    enum Event {
        case arrival(model: Int)
        case end(place: Int, request: Request)
        case reading(gateway: Int)
        case learned(gateway: Int, [EndpointModels])
    }

    final class Request {
        let model: Int
        let gateway: Int
        let came: Instant
        var load: ModelLoad?
        init(model: Int, gateway: Int, came: Instant) {
            self.model = model
            self.gateway = gateway
            self.came = came
        }
    }

    /// A model's queue at an endpoint.
    struct Place {
        var waiting: [Request] = []
        var first = 0
        var executing = 0
        /// Within the window, as a server counts.
        var served: [(at: Instant, milliseconds: Double)] = []
        /// Nanoseconds in which any was executing, and the sum of those of each.
        var busy = 0.0
        var executed = 0.0
        var changedAt = Instant(nanoseconds: 0)

        var pending: Int { waiting.count - first }

        mutating func pass(to now: Instant) {
            let elapsed = Double(now.since(changedAt).count)
            if executing > 0 { busy += elapsed }
            executed += elapsed * Double(executing)
            changedAt = now
        }
    }

    struct Gateway {
        var loads: [EndpointLoad]
        var board: ModelBoard
        var random: RandomSource
    }

    struct Result {
        var latencies: [[Double]]
        /// Requests of each model to each endpoint.
        var shares: [[Int]]
        /// The most that waited at once in any queue, after the first seconds.
        var longestQueue = 0

        func percentile(_ part: Double, of model: Int? = nil) -> Double {
            let all = (model.map { latencies[$0] } ?? latencies.flatMap { $0 }).sorted()
            return all.isEmpty ? 0 : all[min(all.count - 1, Int(Double(all.count) * part))]
        }
    }

    private let setup: Setup
    private var random: RandomSource
    private var events = SimulationEvents<Event>()
    private var now = Instant(nanoseconds: 1_000_000_000)
    private var places: [Place]
    private var gateways: [Gateway] = []
    private let balancer: Balancer
    private var result: Result
    private let end: Instant
    private var endpoints: Int { setup.weights.count }
    /// Shorter than the gateway's own, to keep runs short.
    private static let window = Nanoseconds.seconds(5)
    private static let warmUp = Instant(nanoseconds: 4_000_000_000)

    init(_ setup: Setup, _ policy: Policy, seed: UInt64) {
        self.setup = setup
        random = RandomSource(seed: seed)
        places = setup.models.flatMap { _ in setup.weights.map { _ in Place() } }
        let chosen: Balancer.Policy =
            switch policy {
            case .roundRobin: .roundRobin(RoundRobin(weights: setup.weights, random: &random))
            case .leastRequest: .leastRequest(LeastRequest(weights: setup.weights))
            case .leastQueue: .leastQueue(LeastQueue(weights: setup.weights))
            }
        balancer = Balancer(chosen, endpoints: setup.weights.count)
        result = Result(
            latencies: setup.models.map { _ in [] }, shares: setup.models.map { _ in setup.weights.map { _ in 0 } })
        end = now + .seconds(setup.seconds)
        for _ in 0..<setup.gateways {
            let loads = setup.weights.map { _ in EndpointLoad() }
            gateways.append(
                Gateway(
                    loads: loads, board: ModelBoard(weights: setup.weights, loads: loads),
                    random: RandomSource(seed: random.next())))
        }
    }

    func run() -> Result {
        for model in setup.models.indices { events.add(.arrival(model: model), at: now) }
        for gateway in 0..<setup.gateways {
            events.add(.reading(gateway: gateway), at: now + Nanoseconds(random.next() % setup.interval.count))
        }
        while let (at, event) = events.next() {
            now = max(now, at)
            switch event {
            case .arrival(let model): arrive(model)
            case .end(let place, let request): finish(request, at: place)
            case .reading(let gateway): read(gateway)
            case .learned(let gateway, let lists): gateways[gateway].board.learn(lists, now: now)
            }
        }
        return result
    }

    private func arrive(_ model: Int) {
        guard now < end else { return }
        let gateway = Int(random.below(UInt32(setup.gateways)))
        send(Request(model: model, gateway: gateway, came: now))
        // Uniform gaps of the same mean as an exponential's, with bursts of up to three.
        let gap = 2 * Double(random.next() >> 11) * 0x1p-53 / setup.models[model].rate
        events.add(.arrival(model: model), at: now + Nanoseconds(UInt64(gap * 1e9)))
    }

    private func send(_ request: Request) {
        let gateway = gateways[request.gateway]
        let entry = entry(of: setup.models[request.model].name, gateway.board)
        let isEstimated = entry.map { gateway.board.isEstimated($0, now: now) } ?? false
        let choice = balancer.pick(
            now: now, random: &gateways[request.gateway].random, load: { gateway.loads[$0].inFlight.current },
            isEstimated: isEstimated, expectedTime: { gateway.board.expectedTime(entry ?? 0, at: $0, now: now) },
            isUsable: { _ in true }, hasRoom: { _ in true })
        guard let choice else { return }
        _ = gateway.loads[choice].inFlight.take(limit: nil)
        request.load = entry.flatMap { gateway.board.load($0, at: choice) }
        _ = request.load?.inFlight.take(limit: nil)
        let place = request.model * endpoints + choice
        result.shares[request.model][choice] += 1
        places[place].waiting.append(request)
        if now > Self.warmUp { result.longestQueue = max(result.longestQueue, places[place].pending) }
        serve(place)
    }

    private func entry(of name: String, _ board: ModelBoard) -> Int? {
        Array(name.utf8).withUnsafeBytes { board.entry($0, version: UnsafeRawBufferPointer(start: nil, count: 0)) }
    }

    private func serve(_ place: Int) {
        let (model, endpoint) = place.quotientAndRemainder(dividingBy: endpoints)
        while places[place].pending > 0, places[place].executing < setup.models[model].instances[endpoint] {
            let request = places[place].waiting[places[place].first]
            places[place].first += 1
            places[place].pass(to: now)
            places[place].executing += 1
            // A tenth more or less.
            let part = 0.9 + 0.2 * Double(random.next() >> 11) * 0x1p-53
            let time = setup.models[model].time[endpoint] * part
            places[place].served.append((now, time))
            events.add(.end(place: place, request: request), at: now + Nanoseconds(UInt64(time * 1e6)))
        }
    }

    private func finish(_ request: Request, at place: Int) {
        places[place].pass(to: now)
        places[place].executing -= 1
        let endpoint = place % endpoints
        gateways[request.gateway].loads[endpoint].inFlight.give()
        request.load?.inFlight.give()
        if request.came > Self.warmUp {
            result.latencies[request.model].append(Double(now.since(request.came).count) / 1e6)
        }
        serve(place)
    }

    private func read(_ gateway: Int) {
        guard now < end else { return }
        let lists = gateways[gateway].loads.indices.map { endpoint in
            EndpointModels(
                endpoint: endpoint, listedAt: now, measuredAt: now,
                models: setup.models.indices.map { model(at: $0 * endpoints + endpoint, setup.models[$0].name) })
        }
        let jitter = Nanoseconds(setup.interval.count / 10 * 9 + random.next() % (setup.interval.count / 5))
        events.add(.learned(gateway: gateway, lists), at: now + setup.delay)
        events.add(.reading(gateway: gateway), at: now + jitter)
    }

    private func model(at place: Int, _ name: String) -> EndpointModels.Model {
        places[place].pass(to: now)
        let begin = Instant(nanoseconds: now.nanoseconds - min(now.nanoseconds, Self.window.count))
        places[place].served.removeAll { $0.at < begin }
        let recent = places[place].served
        let busy = places[place].busy
        let concurrency = busy > 0 ? places[place].executed / busy : 1
        let mean = recent.isEmpty ? 0 : recent.reduce(0) { $0 + $1.milliseconds } / Double(recent.count)
        return EndpointModels.Model(
            name: name, version: "1", state: .ready,
            service: EndpointModels.Service(
                pending: places[place].pending, concurrency: concurrency, computeMicroseconds: mean * 1000,
                samples: UInt64(recent.count)))
    }
}
