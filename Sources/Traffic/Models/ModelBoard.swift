package import Base

/// What one loop knows of the models at the endpoints of one backend: which have which, and how long one more request would
/// take where.
///
/// Made anew from what the control plane reads, a few times a second; a request only looks things up. Endpoints are known
/// by their index in the backend.
///
/// The unit is the queue of one model at one endpoint, because that is what a Triton has: each model, and each version, has
/// a queue and instances of its own. Models that share a processor wait for each other inside their runs and not in their
/// queues, so what one of them does to another shows in the measured time of a run, which rises, and not in the number that
/// wait. Adding up what all models have waiting would make a cheap model wait for a dear one that it never stands behind.
package final class ModelBoard {
    /// Numbers that are older say nothing: a Triton is asked about twice a second, so ten readings have failed by then.
    package static var maxAge: Nanoseconds { .seconds(5) }
    /// How long what others had at an endpoint counts, less and less: a queue of some requests has been worked off by then.
    package static var fading: Nanoseconds { .seconds(2) }
    /// The part of it that counts at first: what was there at one moment is half chance, and gateways that all believed it would
    /// all go where it was shortest. With two and four of them in simulations, half gives shorter tails than all, and than none.
    package static var othersPart: Float { 0.5 }
    /// Measured requests that weigh as much as what is expected before any: few enough to learn within a second, and
    /// enough that one slow request, which loaded a library or met a full cache, says little.
    package static var priorSamples: Float { 10 }
    /// Lists that are older say nothing. They are read every few seconds, and an endpoint that cannot be asked so long is
    /// most likely one that has no requests either; when it is back it may have started anew with other models.
    package static var maxListAge: Nanoseconds { .seconds(30) }
    /// Entries times endpoints. More are not looked at: 250,000 are 8 MiB in each loop, as for 1,000 models with a
    /// version each at 125 endpoints.
    package static var maxCells: Int { 250_000 }

    /// One entry at one endpoint.
    struct Cell {
        /// `nil` where the endpoint does not list it.
        var load: Unmanaged<ModelLoad>?
        /// Mean time of one request in the model, in microseconds; 0 where nothing is known of any endpoint.
        var service: Float = 0
        /// Requests it works on at once, at least 1.
        var concurrency: Float = 1
        /// Of other gateways and clients, when that was measured.
        var others: Float = 0
        /// Requests that `service` is the mean of.
        var samples: Float = 0
        var state: EndpointModels.State?
    }

    let endpoints: Int
    /// An endpoint's weight beside the mean.
    private let shares: [Float]
    private let endpointLoads: ContiguousArray<EndpointLoad>

    var index = ModelIndex([])
    private var names: [[EndpointModels.Model]] = []
    /// There were not too many.
    private var isWhole = true
    /// Keeps the loads of the cells alive.
    private var modelLoads: [[ModelLoad]] = []
    var cells: ContiguousArray<Cell> = []
    /// Whether anything was measured, by entry.
    private var isMeasured: ContiguousArray<Bool> = []
    /// The best state at any endpoint, by entry; `nil` for none.
    var best: ContiguousArray<EndpointModels.State?> = []
    /// Whether it is ready at every endpoint, by entry.
    var isEverywhere: ContiguousArray<Bool> = []
    /// Until when an endpoint's list counts, and since when; the start of the clock where there is none.
    var listedUntil: ContiguousArray<Instant>
    var listedAt: ContiguousArray<Instant>
    /// The first of these.
    var allListedUntil = Instant(nanoseconds: 0)
    /// Whether any endpoint has a list.
    package private(set) var isListed = false
    private var measuredAt: ContiguousArray<Instant>
    /// Until when the newest numbers say something.
    private var measuredUntil = Instant(nanoseconds: 0)

    /// - Parameters:
    ///   - weights: of the endpoints, 1...1,000,000 each.
    ///   - loads: of the same endpoints.
    package init(weights: [Int], loads: [EndpointLoad]) {
        endpoints = weights.count
        let mean = Float(weights.reduce(0, +)) / Float(max(weights.count, 1))
        shares = weights.map { Float($0) / mean }
        endpointLoads = ContiguousArray(loads)
        measuredAt = ContiguousArray(repeating: Instant(nanoseconds: 0), count: endpoints)
        listedUntil = measuredAt
        listedAt = measuredAt
    }

    // MARK: Learning

    /// - Parameter lists: what is known of each endpoint, in their order; `nil` for nothing yet.
    /// - Returns: whether requests may find other endpoints eligible than before.
    @discardableResult
    package func learn(_ lists: [EndpointModels?], now: Instant) -> Bool {
        guard lists.count == endpoints else { return false }
        let models = lists.map { $0?.models ?? [] }
        let isRebuilt = !isSame(models)
        if isRebuilt { rebuild(models) }
        let before = cells.map(\.state)
        let wereListed = listedAt.map { $0.nanoseconds > 0 }
        for cell in cells.indices { cells[cell] = Cell() }
        for (endpoint, list) in lists.enumerated() {
            guard let list else { continue }
            note(list, at: endpoint, now: now)
        }
        for entry in isMeasured.indices {
            estimate(entry)
            noteStates(entry)
        }
        noteLists(lists)
        return isRebuilt || wereListed != listedAt.map { $0.nanoseconds > 0 }
            || !before.elementsEqual(cells.lazy.map(\.state))
    }

    private func noteStates(_ entry: Int) {
        let states = cells[(entry * endpoints)..<((entry + 1) * endpoints)].lazy.map(\.state)
        best[entry] = states.compactMap(\.self).max { $0.rank < $1.rank }
        isEverywhere[entry] = states.allSatisfy { $0 == .ready }
    }

    private func noteLists(_ lists: [EndpointModels?]) {
        for (endpoint, list) in lists.enumerated() {
            // A table that holds not all says nothing of what is absent.
            let read = isWhole ? list?.listedAt : nil
            listedAt[endpoint] = read ?? Instant(nanoseconds: 0)
            listedUntil[endpoint] = read.map { $0 + Self.maxListAge } ?? Instant(nanoseconds: 0)
        }
        isListed = listedAt.contains { $0.nanoseconds > 0 }
        allListedUntil = listedUntil.min() ?? Instant(nanoseconds: 0)
    }

    private func isSame(_ models: [[EndpointModels.Model]]) -> Bool {
        names.elementsEqual(models) { old, new in
            old.elementsEqual(new) { $0.name == $1.name && $0.version == $1.version }
        }
    }

    private func rebuild(_ models: [[EndpointModels.Model]]) {
        names = models
        index = ModelIndex(models)
        var listed = models
        isWhole = index.count * endpoints <= Self.maxCells
        if !isWhole {
            listed = models.map { _ in [] }
            index = ModelIndex(listed)
        }
        modelLoads = zip(endpointLoads, listed).map { $0.models.loads(of: $1) }
        cells = ContiguousArray(repeating: Cell(), count: index.count * endpoints)
        isMeasured = ContiguousArray(repeating: false, count: index.count)
        best = ContiguousArray(repeating: nil, count: index.count)
        isEverywhere = ContiguousArray(repeating: false, count: index.count)
    }

    private func note(_ list: EndpointModels, at endpoint: Int, now: Instant) {
        let isFresh = list.measuredAt.map { now < $0 + Self.maxAge } ?? false
        if let read = list.measuredAt, isFresh {
            measuredAt[endpoint] = read
            measuredUntil = max(measuredUntil, read + Self.maxAge)
        }
        var newest: [Int: String] = [:]
        for ((place, model), load) in zip(
            zip(index.places[endpoint], list.models), modelLoads[endpoint])
        {
            var cell = Cell(load: .passUnretained(load), state: model.state)
            if isFresh, let service = model.service { cell.measure(service, own: load.inFlight.current) }
            cells[place.exact * endpoints + endpoint] = cell
            // Without a version the newest one that is ready serves, as in Triton's `latest`.
            let named = place.named * endpoints + endpoint
            let known = cells[named].state
            let isNewer = newest[place.named].map { Self.isNewer(model.version, than: $0) } ?? true
            if known.map({ (model.state.rank, isNewer ? 1 : 0) > ($0.rank, 0) }) ?? true {
                cells[named] = cell
                newest[place.named] = model.version
            }
        }
    }

    /// Versions are numbers, of any length.
    private static func isNewer(_ version: String, than other: String) -> Bool {
        (version.utf8.count, version) > (other.utf8.count, other)
    }

    /// What was measured at few requests, or not at all, is expected to be as elsewhere, for its weight: that says how fast
    /// an endpoint is, such as a slice of a processor, until it is known.
    private func estimate(_ entry: Int) {
        var time: Float = 0
        var concurrency: Float = 0
        var samples: Float = 0
        let range = (entry * endpoints)..<((entry + 1) * endpoints)
        for (cell, share) in zip(range, shares) where cells[cell].samples > 0 {
            let counted = min(cells[cell].samples, Self.priorSamples)
            time += counted * cells[cell].service * share
            concurrency += counted * cells[cell].concurrency
            samples += counted
        }
        isMeasured[entry] = samples > 0
        guard samples > 0 else { return }
        for (cell, share) in zip(range, shares) {
            cells[cell].blend(service: time / samples / share, concurrency: concurrency / samples)
        }
    }

    // MARK: Looking up

    /// Nothing is known of any model.
    package var isEmpty: Bool { index.count == 0 }

    /// The entry of a model, or of one of its versions; `nil` where no endpoint lists it.
    ///
    /// - Parameter version: empty if the request names none.
    package func entry(_ name: UnsafeRawBufferPointer, version: UnsafeRawBufferPointer) -> Int? {
        index.entry(name, version)
    }

    /// Whether `expectedTime` says more than the number of requests under way does.
    package func isEstimated(_ entry: Int, now: Instant) -> Bool {
        entry < isMeasured.count && isMeasured[entry] && now < measuredUntil
    }

    /// How long one more request for the entry would take at the endpoint, in microseconds: its turn comes when all but
    /// `concurrency` of those before it are done.
    package func expectedTime(_ entry: Int, at endpoint: Int, now: Instant) -> Double {
        let cell = cells[entry &* endpoints &+ endpoint]
        // Where it is not listed all requests count: too many rather than none, which would draw everything there.
        let own =
            cell.load?._withUnsafeGuaranteedRef { $0.inFlight.current } ?? endpointLoads[endpoint].inFlight.current
        var count = Float(own)
        if cell.others > 0 {
            let age = now.since(measuredAt[endpoint]).count
            if age < Self.fading.count { count += cell.others * (1 - Float(age) / Float(Self.fading.count)) }
        }
        let behind = max(0, count + 1 - cell.concurrency) / cell.concurrency
        return Double(cell.service * (behind + 1))
    }

    /// What counts the requests under way; `nil` where the endpoint does not list the model.
    package func load(_ entry: Int, at endpoint: Int) -> ModelLoad? {
        cells[entry &* endpoints &+ endpoint].load?.takeUnretainedValue()
    }
}

extension ModelBoard.Cell {
    /// Of whatever an endpoint says: eleven days in microseconds, and more than any of them can hold. Products of such
    /// numbers are still finite.
    private static let most = 1e12

    /// - Parameter own: requests of this gateway under way, about when it was measured.
    fileprivate mutating func measure(_ service: EndpointModels.Service, own: Int) {
        // Also not for what is no number.
        guard service.computeMicroseconds > 0, service.samples > 0 else { return }
        self.service = Float(min(service.computeMicroseconds, Self.most))
        concurrency = service.concurrency > 1 ? Float(min(service.concurrency, Self.most)) : 1
        samples = Float(service.samples)
        // What executes is not told; while some wait, it is as many as can.
        let there = service.pending > 0 ? min(Float(service.pending), Float(Self.most)) + concurrency : 0
        others = max(0, there - Float(own)) * ModelBoard.othersPart
    }

    fileprivate mutating func blend(service prior: Float, concurrency priorConcurrency: Float) {
        let weight = ModelBoard.priorSamples
        service = (samples * service + weight * prior) / (samples + weight)
        concurrency = max(1, (samples * concurrency + weight * priorConcurrency) / (samples + weight))
    }
}

extension EndpointModels.State {
    /// More of it is better.
    fileprivate var rank: Int {
        switch self {
        case .unavailable: 0
        case .loading: 1
        case .ready: 2
        }
    }
}
