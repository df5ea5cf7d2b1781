import Base
import Testing

@testable import Traffic

struct NameTableTests {
    typealias Table = NameTable<Int>

    private var table = Table()
    private var random = RandomSource(seed: 1)
    private var now = Instant(nanoseconds: 1_000_000_000_000)

    private mutating func pass(_ time: Nanoseconds) { now = now + time }

    /// One look-up of `name`, prompt unless `lasting` says otherwise.
    private mutating func ask(
        _ name: String, _ answer: Table.Answer, lasting: Nanoseconds = .milliseconds(1)
    ) -> [Table.Event] {
        #expect(table.start(now: now) == [name])
        pass(lasting)
        return table.finish(name, answer, now: now, random: &random)
    }

    @Test mutating func aNameIsLookedUpAtOnceAndThenAboutEveryInterval() {
        table.use(["a"], now: now)
        #expect(table.nextStart(now: now) == now)
        var waits: Set<UInt64> = []
        for _ in 0..<200 {
            _ = ask("a", .found([1]))
            let wait = table.nextStart(now: now).since(now).count
            waits.insert(wait)
            #expect((4_500_000_000...5_500_000_000).contains(wait))
            pass(Nanoseconds(wait))
        }
        #expect(waits.count > 100, "look-ups of many gateways must not fall together")
    }

    @Test mutating func aNameIsNotLookedUpTwiceAtATime() {
        table.use(["a"], now: now)
        #expect(table.start(now: now) == ["a"])
        table.refresh(now: now)
        pass(.seconds(20))
        #expect(table.start(now: now).isEmpty)
        // Neither when it was forgotten and came back meanwhile.
        table.use([], now: now)
        table.use(["a"], now: now)
        #expect(table.start(now: now).isEmpty)
        _ = table.finish("a", .found([1]), now: now, random: &random)
        #expect(table.addresses(of: "a") == [1])
    }

    @Test mutating func whatWasRefreshedWhileItWasAskedIsAskedOnceMore() {
        table.use(["a"], now: now)
        #expect(table.start(now: now) == ["a"])
        pass(.milliseconds(1))
        table.refresh(now: now)
        _ = table.finish("a", .found([1]), now: now, random: &random)
        #expect(table.start(now: now) == ["a"])
    }

    @Test mutating func aChangeIsToldOnce() {
        table.use(["a"], now: now)
        #expect(ask("a", .found([1, 2])) == [.changed(from: [], to: [1, 2])])
        table.refresh(now: now)
        #expect(ask("a", .found([1, 2])).isEmpty)
        table.refresh(now: now)
        #expect(ask("a", .found([2])) == [.changed(from: [1, 2], to: [2])])
    }

    @Test mutating func noAnswerKeepsTheLastOne() {
        table.use(["a"], now: now)
        _ = ask("a", .found([1]))
        for turn in 0..<3 {
            table.refresh(now: now)
            let events = ask("a", .unavailable("server failure"))
            #expect(events == (turn == 0 ? [.failing("server failure", keeps: true)] : []))
            #expect(table.addresses(of: "a") == [1])
        }
        table.refresh(now: now)
        #expect(ask("a", .found([1])) == [.recovered])
    }

    @Test mutating func noSuchNameEmptiesTheSet() {
        table.use(["a"], now: now)
        _ = ask("a", .found([1]))
        table.refresh(now: now)
        #expect(
            ask("a", .none) == [
                .changed(from: [1], to: []), .failing("no such name, or no address", keeps: false),
            ])
        #expect(table.addresses(of: "a").isEmpty)
        table.refresh(now: now)
        #expect(ask("a", .unavailable("server failure")).isEmpty)
        table.refresh(now: now)
        #expect(ask("a", .found([3])) == [.changed(from: [], to: [3]), .recovered])
    }

    @Test mutating func whatIsNoLongerUsedIsForgotten() {
        table.use(["a", "b"], now: now)
        #expect(table.start(now: now) == ["a", "b"])
        table.use(["b"], now: now)
        #expect(table.finish("a", .found([1]), now: now, random: &random).isEmpty)
        #expect(table.addresses(of: "a").isEmpty)
        _ = table.finish("b", .found([2]), now: now, random: &random)
        table.use(["b"], now: now)
        #expect(table.addresses(of: "b") == [2], "a reload keeps what is known")
    }

    // MARK: Names that hang

    @Test mutating func promptLookUpsAreBounded() {
        table.use(Set((10..<40).map { "n\($0)" }), now: now)
        #expect(table.start(now: now).count == Table.promptLookups)
        #expect(table.nextStart(now: now) == now + Table.slowAfter)
        _ = table.finish("n10", .found([1]), now: now, random: &random)
        #expect(table.start(now: now) == ["n18"])
    }

    @Test mutating func namesThatHangMakeWayForOthers() {
        let dead = (10..<30).map { "dead\($0)" }
        table.use(Set(dead + ["live"]), now: now)
        var started: Set<String> = []
        while !started.contains("live") {
            started.formUnion(table.start(now: now))
            let next = table.nextStart(now: now)
            guard next != .never, next > now else { break }
            now = next
        }
        #expect(started.contains("live"))
        _ = table.finish("live", .found([1]), now: now, random: &random)

        // Once they are known, they never stand in its way again.
        pass(.seconds(30))
        _ = table.start(now: now)
        for name in dead + ["live"] { _ = table.finish(name, .unavailable("timed out"), now: now, random: &random) }
        for _ in 0..<10 {
            pass(.seconds(6))
            let begun = table.start(now: now)
            #expect(begun.contains("live"))
            _ = table.finish("live", .found([1]), now: now, random: &random)
            let slow = begun.filter { $0 != "live" }
            #expect(slow.count <= Table.slowLookups)
        }
    }

    @Test mutating func lookUpsAreBoundedHoweverManyNamesHang() {
        table.use(Set((0..<500).map { "n\($0)" }), now: now)
        var started = 0
        for _ in 0..<100 {
            started += table.start(now: now).count
            pass(Table.slowAfter)
        }
        #expect(started == Table.mostLookups)
        #expect(table.nextStart(now: now) == .never, "nothing can begin before one ends")
    }

    // MARK: Waiting

    @Test mutating func newNamesAreWaitedFor() {
        #expect(!table.awaitsAnswers(since: nil))
        table.use(["a"], now: now)
        #expect(table.awaitsAnswers(since: nil))
        _ = ask("a", .none)
        #expect(!table.awaitsAnswers(since: nil))
    }

    @Test mutating func refreshedNamesAreWaitedForUnlessTheyAreSlow() {
        table.use(["a"], now: now)
        _ = ask("a", .found([1]))
        pass(.seconds(1))
        let asked = now
        table.refresh(now: now)
        #expect(table.awaitsAnswers(since: asked))
        _ = ask("a", .unavailable("timed out"), lasting: .seconds(9))
        #expect(!table.awaitsAnswers(since: asked))
        pass(.seconds(1))
        #expect(!table.awaitsAnswers(since: now))
    }
}
