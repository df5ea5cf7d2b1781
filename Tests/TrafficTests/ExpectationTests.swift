import Base
import Testing
import Traffic

/// What people are told of `leastQueue` is what it goes by.
struct ExpectationTests {
    typealias Board = ModelBoardTests

    @Test func isTheTimeThatIsCompared() throws {
        let (board, _) = Board.board([1, 1])
        board.learn(
            [
                Board.list([Board.model("a", service: (0, 1, 3000, 1_000_000)), Board.model("a", "2", .loading)]),
                Board.list([Board.model("a", service: (4, 2, 5000, 1_000_000))]),
            ], now: Board.start)
        board.take("a", 3, at: 0)
        for endpoint in 0...1 {
            let found = try #require(board.expectation("a", at: endpoint, now: Board.start))
            #expect(found.microseconds == board.time("a", at: endpoint, now: Board.start))
            #expect(!found.isLikeOthers)
            #expect(board.expectation("a", version: "1", at: endpoint, now: Board.start) == found)
        }
        // Three before it, one after the other, and its own time.
        #expect(abs(try #require(board.expectation("a", at: 0, now: Board.start)).microseconds - 12000) < 10)
        // At a tenth of its weight it is taken to be ten times as slow.
        let slow = try #require(board.expectation("a", at: 0, factor: SlowStart.least, now: Board.start))
        #expect(abs(slow.microseconds - 120_000) < 100)
    }

    @Test func saysWhatWasNotMeasured() throws {
        let (board, _) = Board.board([1, 2])
        board.learn(
            [Board.list([Board.model("a", service: (0, 1, 3000, 1_000_000))]), Board.list([Board.model("a")])],
            now: Board.start)
        let guess = try #require(board.expectation("a", at: 1, now: Board.start))
        #expect(guess.isLikeOthers && abs(guess.microseconds - 1500) < 10)
        #expect(try #require(board.expectation("a", at: 0, now: Board.start)).isLikeOthers == false)
    }

    @Test func saysNothingWhereNothingIsKnown() {
        let (board, _) = Board.board([1, 1])
        #expect(board.expectation("a", at: 0, now: Board.start) == nil)
        board.learn(
            [
                Board.list([Board.model("a", service: (0, 1, 3000, 10)), Board.model("idle")]),
                Board.list([Board.model("a", "1", .unavailable), Board.model("idle")]),
            ], now: Board.start)
        #expect(board.expectation("a", at: 0, now: Board.start) != nil)
        // Its requests do not go there.
        #expect(board.expectation("a", at: 1, now: Board.start) == nil)
        for name in ["idle", "other", ""] { #expect(board.expectation(name, at: 0, now: Board.start) == nil) }
        #expect(board.expectation("a", version: "7", at: 0, now: Board.start) == nil)
        #expect(board.expectation("a", at: 2, now: Board.start) == nil)
        // Numbers that are too old are none.
        let last = Board.start + ModelBoard.maxAge
        #expect(board.expectation("a", at: 0, now: Instant(nanoseconds: last.nanoseconds - 1)) != nil)
        #expect(board.expectation("a", at: 0, now: last) == nil)
    }

    /// Whichever endpoint gets a request is within a twentieth of the least time that is told.
    @Test(arguments: 0..<50 as Range<UInt64>) func tellsWhyAnEndpointIsChosen(_ seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        let weights = (0..<(2 + Int(random.below(6)))).map { _ in 1 + Int(random.below(4)) }
        let (board, loads) = Board.board(weights)
        board.learn(
            weights.map { _ in
                let service = (
                    Int(random.below(20)), 1 + Double(random.below(4)), Double(1 + random.below(20_000)),
                    UInt64(random.below(2000))
                )
                return Board.list([Board.model("a", service: service)])
            }, now: Board.start)
        for endpoint in weights.indices { board.take("a", Int(random.below(10)), at: endpoint) }
        guard board.isEstimated("a", now: Board.start) else { return }
        let entry = try #require(board.find("a"))
        let chosen = try #require(
            LeastQueue(weights: weights).pick(
                random: &random, isEstimated: true,
                expectedTime: { board.expectedTime(entry, at: $0, now: Board.start) },
                load: { loads[$0].inFlight.current }, hasRoom: { _ in true }))
        let times = try weights.indices.map {
            try #require(board.expectation("a", at: $0, now: Board.start)).microseconds
        }
        #expect(times[chosen] <= (times.min() ?? 0) * 1.051, "\(times) \(chosen)")
    }
}
