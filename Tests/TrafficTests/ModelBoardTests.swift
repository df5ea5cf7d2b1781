import Base
import Synchronization
import Testing
import Traffic

/// Where a model is found, and how long one more request for it is expected to take.
struct ModelBoardTests {
    static let start = Instant(nanoseconds: 100_000_000_000)

    typealias Model = EndpointModels.Model

    static func model(
        _ name: String, _ version: String = "1", _ state: EndpointModels.State = .ready,
        service: (pending: Int, concurrency: Double, microseconds: Double, samples: UInt64)? = nil
    ) -> Model {
        Model(
            name: name, version: version, state: state,
            service: service.map {
                EndpointModels.Service(
                    pending: $0.pending, concurrency: $0.concurrency, computeMicroseconds: $0.microseconds,
                    samples: $0.samples)
            })
    }

    static func list(_ models: [Model], listed: Instant? = start, measured: Instant? = start) -> EndpointModels {
        EndpointModels(endpoint: 0, listedAt: listed, measuredAt: measured, models: models)
    }

    static func board(_ weights: [Int]) -> (ModelBoard, [EndpointLoad]) {
        let loads = weights.map { _ in EndpointLoad() }
        return (ModelBoard(weights: weights, loads: loads), loads)
    }

    // MARK: Names

    @Test func findsWhatIsListed() {
        let (board, _) = Self.board([1, 1])
        let odd = "\u{1F984}/\"a b\"\\\u{0}é"
        let long = String(repeating: "n", count: 3000)
        board.learn(
            [
                Self.list([Self.model("a"), Self.model(odd), Self.model(long + "1"), Self.model("ab", "12")]),
                Self.list([Self.model("a", "2"), Self.model(long + "2", "3"), Self.model("never", "", .unavailable)]),
            ], now: Self.start)
        #expect(!board.isEmpty)
        for name in ["a", odd, long + "1", long + "2", "ab", "never"] { #expect(board.find(name) != nil, "\(name)") }
        #expect(Set([board.find("a"), board.find("a", "1"), board.find("a", "2")]).count == 3)
        #expect(board.find("ab", "12") != nil)
        for (name, version) in [
            ("b", ""), ("", ""), ("a", "3"), ("A", ""), ("ab", "1"), ("ab1", "2"), ("a", "12"), (long, ""),
            ("ab12", ""), ("ab\u{FF}12", ""),
        ] {
            #expect(board.find(name, version) == nil, "\(name) \(version)")
        }
    }

    /// Against a dictionary, through many changes of what is listed.
    @Test(arguments: 0..<20 as Range<UInt64>) func agreesWithADictionary(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        let (board, _) = Self.board([1, 1, 1])
        for _ in 0..<10 {
            var known: Set<[String]> = []
            let lists = (0..<3).map { _ in
                Self.list(
                    (0..<Int(random.below(60))).map { _ in
                        let name = "m\(random.below(50))"
                        let version = "\(random.below(3))"
                        known.formUnion([[name, ""], [name, version]])
                        return Self.model(name, version)
                    })
            }
            board.learn(lists, now: Self.start)
            for name in 0..<55 {
                for version in ["", "0", "1", "2", "3"] {
                    #expect((board.find("m\(name)", version) != nil) == known.contains(["m\(name)", version]))
                }
            }
        }
    }

    @Test func tooManyAreNotLookedAt() {
        let (board, loads) = Self.board([1])
        let many = (0..<(ModelBoard.maxCells / 2 + 1)).map { Self.model("m\($0)") }
        board.learn([Self.list(many)], now: Self.start)
        #expect(board.isEmpty && board.find("m1") == nil && loads[0].models.count == 0)
        board.learn([Self.list(Array(many.prefix(10)))], now: Self.start)
        #expect(board.find("m1") != nil && loads[0].models.count == 10)
    }

    // MARK: Times

    /// `service * (1 + requests that wait / concurrency)`.
    @Test(
        arguments: [
            (0, 1, 1000), (1, 1, 2000), (3, 1, 4000), (0, 4, 1000), (3, 4, 1000), (4, 4, 1250), (11, 4, 3000),
            (2, 1.5, 2000),
        ] as [(Int, Double, Double)])
    func timeByWhatIsUnderWay(_ own: Int, _ concurrency: Double, _ expected: Double) {
        let (board, _) = Self.board([1])
        board.learn([Self.list([Self.model("a", service: (0, concurrency, 1000, 1_000_000))])], now: Self.start)
        board.take("a", own, at: 0)
        #expect(abs(board.time("a", at: 0, now: Self.start) - expected) < 2)
        #expect(abs(board.time("a", "1", at: 0, now: Self.start) - expected) < 2)
    }

    /// What waits there and is not ours counts less and less, and what is ours is not counted twice.
    @Test func othersFade() {
        let (board, _) = Self.board([1])
        let one = Self.list([Self.model("a", service: (7, 1, 1000, 1_000_000))])
        board.learn([one], now: Self.start)
        // Seven wait behind one that executes, and half of that counts.
        for (milliseconds, expected) in [(0, 5000), (1000, 3000), (1500, 2000), (2000, 1000), (4999, 1000)] {
            let now = Self.start + .milliseconds(UInt64(milliseconds))
            #expect(abs(board.time("a", at: 0, now: now) - Double(expected)) < 20)
        }
        board.take("a", 6, at: 0)
        board.learn([one], now: Self.start)
        #expect(abs(board.time("a", at: 0, now: Self.start) - 8000) < 20)
        board.take("a", 6, at: 0)
        board.learn([one], now: Self.start)
        #expect(abs(board.time("a", at: 0, now: Self.start) - 13000) < 20)
    }

    @Test func oldNumbersAreNone() {
        let (board, _) = Self.board([1, 1])
        let old = Self.list([Self.model("a", service: (9, 1, 500, 1_000_000))])
        let new = Self.list(
            [Self.model("a", service: (0, 1, 1000, 1_000_000))], measured: Self.start + .seconds(4))
        board.learn([old, new], now: Self.start + .seconds(4))
        #expect(abs(board.time("a", at: 0, now: Self.start + .seconds(4)) - 500) < 2)
        // From here on the first is as the second, for all one knows.
        board.learn([old, new], now: Self.start + .seconds(5))
        #expect(abs(board.time("a", at: 0, now: Self.start + .seconds(5)) - 1000) < 2)
        #expect(board.isEstimated("a", now: Self.start + .milliseconds(8999)))
        #expect(!board.isEstimated("a", now: Self.start + .seconds(9)))
        board.learn([old, nil], now: Self.start + .seconds(6))
        #expect(board.find("a") != nil)
    }

    /// Whichever endpoint said something last is who the numbers count for.
    @Test(arguments: [false, true]) func estimatesLastAsLongAsTheNewestNumbers(_ isReversed: Bool) {
        let (board, _) = Self.board([1, 1])
        let lists = [0, 4].map { seconds in
            Self.list(
                [Self.model("a", service: (0, 1, 1000, 10))], measured: Self.start + .seconds(UInt64(seconds)))
        }
        board.learn(isReversed ? lists.reversed() : lists, now: Self.start + .seconds(4))
        #expect(board.isEstimated("a", now: Self.start + .milliseconds(8999)))
        #expect(!board.isEstimated("a", now: Self.start + .seconds(9)))
    }

    /// Which endpoint it is makes no difference to how old its numbers are.
    @Test func othersFadeAtEachEndpoint() {
        let (board, _) = Self.board([1, 1])
        let one = Self.list([Self.model("a", service: (7, 1, 1000, 1_000_000))])
        board.learn([one, one], now: Self.start)
        for endpoint in 0...1 {
            #expect(abs(board.time("a", at: endpoint, now: Self.start + .seconds(1)) - 3000) < 20)
        }
    }

    /// As many at once as elsewhere, until it is known.
    @Test func whatWasNotMeasuredIsExpectedToDoAsManyAtOnce() {
        let (board, _) = Self.board([1, 1])
        board.learn(
            [Self.list([Self.model("a", service: (0, 4, 1000, 1_000_000))]), Self.list([Self.model("a")])],
            now: Self.start)
        board.take("a", 3, at: 1)
        #expect(abs(board.time("a", at: 1, now: Self.start) - 1000) < 2)
        board.take("a", 4, at: 1)
        #expect(abs(board.time("a", at: 1, now: Self.start) - 2000) < 2)
    }

    /// Nobody has counted its requests for the model, so all of its requests count: it must not look idle.
    @Test func whereItIsNotListedAllRequestsCount() {
        let (board, loads) = Self.board([1, 1])
        board.learn([Self.list([Self.model("a", service: (0, 1, 1000, 1_000_000))]), nil], now: Self.start)
        #expect(abs(board.time("a", at: 1, now: Self.start) - 1000) < 2)
        loads[1].inFlight.add(5, ordering: .relaxed)
        #expect(abs(board.time("a", at: 1, now: Self.start) - 6000) < 2)
    }

    @Test func nothingMeasuredIsNoEstimate() {
        let (board, _) = Self.board([1])
        board.learn(
            [
                Self.list([
                    Self.model("idle", service: (0, 1, 0, 0)), Self.model("unasked"),
                    Self.model("busy", service: (0, 1, 1, 1)),
                ])
            ], now: Self.start)
        #expect(!board.isEstimated("idle", now: Self.start) && !board.isEstimated("unasked", now: Self.start))
        #expect(board.isEstimated("busy", now: Self.start))
        #expect(!board.isEstimated(entry: 99, now: Self.start))
    }

    /// An endpoint of three times the weight is taken to be three times as fast, until it is known.
    @Test func weightsSayHowFastUntilItIsMeasured() {
        let (board, _) = Self.board([1, 3])
        func learn(_ samples: UInt64) {
            board.learn(
                [
                    Self.list([Self.model("a", service: (0, 2, 3000, 1_000_000))]),
                    Self.list([Self.model("a", service: (0, 2, 5000, samples))]),
                ], now: Self.start)
        }
        learn(0)
        #expect(abs(board.time("a", at: 1, now: Self.start) - 1000) < 2)
        learn(1_000_000)
        #expect(abs(board.time("a", at: 1, now: Self.start) - 5000) < 2)
        #expect(abs(board.time("a", at: 0, now: Self.start) - 3000) < 2)
        // With as many samples as what is expected counts for, half of each: of 5000, and of the mean of both endpoints'
        // 3000 and 3 * 5000, a third for the weight.
        learn(10)
        #expect(abs(board.time("a", at: 1, now: Self.start) - 4000) < 2)
    }

    @Test func theNewestReadyVersionServes() {
        let (board, _) = Self.board([1])
        func learn(_ states: [(String, EndpointModels.State)]) {
            board.learn(
                [
                    Self.list(
                        states.map { version, state in
                            Self.model("a", version, state, service: (0, 1, Double(version) ?? 0, 1_000_000))
                        })
                ], now: Self.start)
        }
        for (states, version) in [
            ([("1", .ready), ("2", .ready)], 2), ([("10", .ready), ("9", .ready)], 10),
            ([("1", .ready), ("2", .loading)], 1), ([("3", .unavailable), ("1", .loading), ("2", .unavailable)], 1),
            ([("2", .ready), ("1", .ready)], 2),
        ] as [([(String, EndpointModels.State)], Double)] {
            learn(states)
            #expect(abs(board.time("a", at: 0, now: Self.start) - version) < 0.1, "\(states)")
            let load = board.find("a").flatMap { board.load($0, at: 0) }
            let same = board.find("a", "\(Int(version))").flatMap { board.load($0, at: 0) }
            #expect(load != nil && load === same)
        }
    }

    /// Counts go on when lists are published anew, and when the endpoints are in another order.
    @Test func countsSurviveRepublication() {
        let (board, loads) = Self.board([1, 1])
        board.learn([Self.list([Self.model("a")]), Self.list([Self.model("a")])], now: Self.start)
        let held = board.find("a").flatMap { board.load($0, at: 1) }
        held?.inFlight.add(1, ordering: .relaxed)
        board.learn([Self.list([]), Self.list([])], now: Self.start)
        #expect(loads[0].models.count == 0 && loads[1].models.count == 1)
        board.learn([Self.list([Self.model("b"), Self.model("a")]), Self.list([Self.model("a")])], now: Self.start)
        #expect(board.find("a").flatMap { board.load($0, at: 1) } === held)
        let other = ModelBoard(weights: [1], loads: [loads[1]])
        other.learn([Self.list([Self.model("a")])], now: Self.start)
        #expect(other.find("a").flatMap { other.load($0, at: 0) } === held)
        held?.inFlight.subtract(1, ordering: .relaxed)
        other.learn([Self.list([])], now: Self.start)
        #expect(loads[1].models.count == 0)
    }

    /// What an endpoint says of itself may be anything.
    @Test(arguments: [.nan, .infinity, -.infinity, -1, 0, 1e300, 1e-300] as [Double], [-1, 0, .max, .min] as [Int])
    func numbersThatLie(_ number: Double, _ pending: Int) {
        let (board, _) = Self.board([1, 1_000_000])
        for samples in [0, 1, .max] as [UInt64] {
            board.learn(
                [
                    Self.list([Self.model("a", service: (pending, number, number, samples))]),
                    Self.list([Self.model("a", service: (0, 1, 1000, 10))]),
                ], now: Self.start)
            for endpoint in 0...1 {
                let time = board.time("a", at: endpoint, now: Self.start)
                #expect(time.isFinite && time > 0, "\(number) \(pending) \(samples)")
            }
        }
    }
}

extension ModelBoard {
    func find(_ name: String, _ version: String = "") -> Int? {
        Array(name.utf8).withUnsafeBytes { name in
            Array(version.utf8).withUnsafeBytes { entry(name, version: $0) }
        }
    }

    func time(_ name: String, _ version: String = "", at endpoint: Int, now: Instant) -> Double {
        find(name, version).map { expectedTime($0, at: endpoint, now: now) } ?? .nan
    }

    func isEstimated(_ name: String, now: Instant) -> Bool { find(name).map { isEstimated($0, now: now) } ?? false }

    func isEstimated(entry: Int, now: Instant) -> Bool { isEstimated(entry, now: now) }

    func take(_ name: String, _ count: Int, at endpoint: Int) {
        _ = find(name).flatMap { load($0, at: endpoint) }?.inFlight.add(count, ordering: .relaxed)
    }
}
