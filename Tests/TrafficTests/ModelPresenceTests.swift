import Base
import Testing
import Traffic

/// Which endpoints have a model, by lists that may be old, missing, or at odds.
struct ModelPresenceTests {
    private static let start = ModelBoardTests.start

    private func model(_ name: String, _ version: String = "1", _ state: EndpointModels.State = .ready)
        -> EndpointModels.Model
    {
        ModelBoardTests.model(name, version, state)
    }

    private func board(_ lists: [[EndpointModels.Model]?], listed: Instant? = start, now: Instant = start) -> ModelBoard
    {
        let (board, _) = ModelBoardTests.board(lists.map { _ in 1 })
        board.learn(lists.map { $0.map { ModelBoardTests.list($0, listed: listed) } }, now: now)
        return board
    }

    @Test func readySomewhereIsEnough() {
        let board = board([[model("a"), model("b", "1", .unavailable)], [model("a"), model("b")], []])
        #expect(board.isListed && board.presence(board.find("a"), now: Self.start) == .somewhere)
        #expect((0..<3).map { board.mayHave(board.find("a"), at: $0, now: Self.start) } == [true, true, false])
        #expect((0..<3).map { board.mayHave(board.find("b"), at: $0, now: Self.start) } == [false, true, false])
        #expect((0..<3).map { board.mayHave(nil, at: $0, now: Self.start) } == [false, false, false])
        #expect(!board.isEverywhere(board.find("a")) && !board.isEverywhere(nil))
    }

    @Test func whatIsNotReady() {
        let board = board([
            [model("a", "1", .loading), model("gone", "", .unavailable)], [model("a", "1", .unavailable), model("c")],
        ])
        #expect(board.presence(board.find("a"), now: Self.start) == .loading)
        #expect(board.presence(board.find("gone"), now: Self.start) == .unavailable)
        #expect(board.presence(board.find("c"), now: Self.start) == .somewhere)
        #expect(board.presence(nil, now: Self.start) == .absent)
        #expect(board.presence(board.find("c", "2"), now: Self.start) == .absent)
        #expect(board.presence(12345, now: Self.start) == .absent)
    }

    @Test func versionsAreApart() {
        let board = board([[model("a", "1"), model("a", "2", .loading)], [model("a", "2")]])
        #expect(board.isEverywhere(board.find("a")))
        #expect(!board.isEverywhere(board.find("a", "1")) && !board.isEverywhere(board.find("a", "2")))
        #expect(board.isReady(board.find("a", "1"), at: 0) && !board.isReady(board.find("a", "1"), at: 1))
        #expect(!board.isReady(board.find("a", "2"), at: 0) && board.isReady(board.find("a", "2"), at: 1))
    }

    /// An endpoint of which nothing is known, or nothing new, may have anything.
    @Test func unknownMayHaveIt() {
        let half = board([[model("a")], nil])
        #expect(half.isListed && half.presence(nil, now: Self.start) == .somewhere)
        #expect(!half.mayHave(nil, at: 0, now: Self.start) && half.mayHave(nil, at: 1, now: Self.start))
        let none = board([[model("a")], [model("b")]], listed: nil)
        #expect(!none.isListed && none.presence(none.find("a"), now: Self.start) == .somewhere)
        #expect(none.mayHave(none.find("b"), at: 0, now: Self.start))

        let old = board([[model("a")], []])
        let (fresh, late) = (Self.start + .milliseconds(29_999), Self.start + .seconds(30))
        #expect(old.presence(nil, now: fresh) == .absent && old.presence(nil, now: late) == .somewhere)
        #expect(!old.mayHave(old.find("a"), at: 1, now: fresh) && old.mayHave(old.find("a"), at: 1, now: late))
        // What it had when it was last asked is no worse than what nobody has asked.
        #expect(old.mayHave(old.find("a"), at: 0, now: late))
    }

    @Test func listedSince() {
        let board = board([[], []])
        #expect(board.isListed(since: Self.start) && !board.isListed(since: Self.start + Nanoseconds(1)))
        #expect(board.presence(nil, now: Self.start) == .absent, "an empty repository is a list, too")
        let half = self.board([[], nil])
        #expect(!half.isListed(since: Self.start))
    }

    /// Requests that wait look again only where something is different.
    @Test func tellsWhatIsNew() {
        let (board, _) = ModelBoardTests.board([1, 1])
        func learn(_ lists: [[EndpointModels.Model]?]) -> Bool {
            board.learn(lists.map { $0.map { ModelBoardTests.list($0) } }, now: Self.start)
        }
        #expect(learn([[model("a")], nil]))
        #expect(!learn([[model("a")], nil]))
        #expect(learn([[model("a")], []]))
        #expect(learn([[model("a", "1", .loading)], []]))
        #expect(!learn([[model("a", "1", .loading)], []]))
        #expect(learn([[model("a", "1", .loading)], [model("a")]]))
        #expect(learn([nil, [model("a")]]))
    }

    /// What a model was before says nothing about it: not for its name, and not for its version.
    @Test(arguments: ["", "1"]) func whatItWasIsForgotten(_ version: String) {
        let (board, _) = ModelBoardTests.board([1])
        for (state, presence) in [
            (.ready, .somewhere), (.unavailable, .unavailable), (.ready, .somewhere), (.loading, .loading),
        ] as [(EndpointModels.State, ModelBoard.Presence)] {
            board.learn([ModelBoardTests.list([model("a", "1", state)])], now: Self.start)
            #expect(board.presence(board.find("a", version), now: Self.start) == presence)
        }
        board.learn([nil], now: Self.start)
        #expect(!board.isListed)
    }

    /// More than a board holds says nothing of what is absent.
    @Test func tooManySayNothing() {
        let many = (0...(ModelBoard.maxCells / 2)).map { model("m\($0)") }
        let board = board([many])
        #expect(!board.isListed && board.presence(nil, now: Self.start) == .somewhere)
        #expect(board.mayHave(nil, at: 0, now: Self.start))
    }
}
