import Base
import EventLoop
import Testing

struct DeadlinesTests {
    final class Entry: Timed {
        let number: Int
        init(_ number: Int) { self.number = number }
    }

    static func at(_ nanoseconds: UInt64) -> Instant { Instant(nanoseconds: nanoseconds) }

    static func popAll(_ deadlines: inout Deadlines, now: Instant) -> [Int] {
        var popped: [Int] = []
        while let next = deadlines.popExpired(now: now) {
            #expect(next.deadline == .never, "a deadline that has passed is cleared")
            popped.append((next as? Entry)?.number ?? -1)
        }
        return popped
    }

    @Test func nothingIsEverDueInAnEmptyHeap() {
        var deadlines = Deadlines()
        #expect(deadlines.count == 0 && deadlines.earliest == .never)
        #expect(deadlines.popExpired(now: .never) == nil)
        let entry = Entry(0)
        deadlines.remove(entry)
        deadlines.set(entry, .never)
        #expect(deadlines.count == 0)
    }

    @Test func popsInTheOrderOfTime() {
        var deadlines = Deadlines()
        let times: [UInt64] = [50, 10, 40, 20, 30, 25, 5]
        let entries = times.indices.map(Entry.init)
        for (entry, time) in zip(entries, times) { deadlines.set(entry, Self.at(time)) }
        #expect(deadlines.earliest == Self.at(5))
        #expect(Self.popAll(&deadlines, now: Self.at(4)) == [])
        #expect(Self.popAll(&deadlines, now: Self.at(25)) == [6, 1, 3, 5])
        #expect(deadlines.earliest == Self.at(30))
        #expect(Self.popAll(&deadlines, now: Self.at(1000)) == [4, 2, 0])
        #expect(deadlines.count == 0)
    }

    @Test func isDueAtItsTimeAndNotBefore() {
        var deadlines = Deadlines()
        let entry = Entry(1)
        deadlines.set(entry, Self.at(100))
        #expect(deadlines.popExpired(now: Self.at(99)) == nil)
        #expect(deadlines.popExpired(now: Self.at(100)) === entry)
        #expect(deadlines.popExpired(now: Self.at(100)) == nil)
    }

    @Test func movesLaterWithoutTouchingTheHeap() {
        var deadlines = Deadlines()
        let entry = Entry(1)
        deadlines.set(entry, Self.at(10))
        for time in 20...60 { deadlines.set(entry, Self.at(UInt64(time))) }
        #expect(entry.deadline == Self.at(60))
        // The loop wakes once for the old time and finds nothing due.
        #expect(deadlines.earliest == Self.at(10))
        #expect(deadlines.popExpired(now: Self.at(30)) == nil)
        #expect(deadlines.earliest == Self.at(60))
        #expect(deadlines.popExpired(now: Self.at(60)) === entry)
    }

    @Test func movesEarlierAtOnce() {
        var deadlines = Deadlines()
        let entries = (0..<5).map(Entry.init)
        for entry in entries { deadlines.set(entry, Self.at(100 + UInt64(entry.number))) }
        deadlines.set(entries[4], Self.at(7))
        #expect(deadlines.earliest == Self.at(7))
        #expect(Self.popAll(&deadlines, now: Self.at(7)) == [4])
        #expect(deadlines.count == 4)
    }

    @Test func neverMeansNotDueAndIsForgottenInTime() {
        var deadlines = Deadlines()
        let entry = Entry(1)
        deadlines.set(entry, Self.at(10))
        deadlines.set(entry, .never)
        #expect(deadlines.popExpired(now: Self.at(9)) == nil)
        #expect(deadlines.popExpired(now: Self.at(10)) == nil)
        #expect(deadlines.count == 0 && deadlines.earliest == .never)
        deadlines.set(entry, Self.at(30))
        #expect(deadlines.popExpired(now: Self.at(30)) === entry)
    }

    @Test func removedEntriesAreLetGo() {
        var deadlines = Deadlines()
        let stays = Entry(0)
        deadlines.set(stays, Self.at(5))
        weak var gone: Entry?
        do {
            let entry = Entry(1)
            gone = entry
            deadlines.set(entry, Self.at(3))
            deadlines.remove(entry)
            #expect(entry.deadline == .never)
        }
        #expect(gone == nil)
        #expect(deadlines.count == 1 && deadlines.earliest == Self.at(5))
    }

    @Test func anEntryMayBeSetAgainWhenItExpires() {
        var deadlines = Deadlines()
        let entry = Entry(1)
        deadlines.set(entry, Self.at(10))
        var expiries = 0
        for now in stride(from: 0, through: 100, by: 5) as StrideThrough<UInt64> {
            while let due = deadlines.popExpired(now: Self.at(now)) {
                expiries += 1
                deadlines.set(due, Self.at(now + 10))
            }
        }
        #expect(expiries == 10)
    }

    /// Against a table of deadlines that is looked through from end to end.
    @Test(arguments: 0..<48) func agreesWithATable(_ seed: UInt64) {
        var random = RandomSource(seed: seed)
        var deadlines = Deadlines()
        let entries = (0..<40).map(Entry.init)
        var table: [Int: UInt64] = [:]
        // Deadlines that were never moved back have to come out in order.
        var isMoved = [Bool](repeating: false, count: entries.count)
        var now: UInt64 = 0
        for step in 0..<600 {
            let entry = entries[Int(random.below(40))]
            switch random.below(10) {
            case 0...5:
                let time = now + UInt64(random.below(200))
                if let old = table[entry.number], time > old { isMoved[entry.number] = true }
                deadlines.set(entry, Self.at(time))
                table[entry.number] = time
            case 6:
                deadlines.set(entry, .never)
                isMoved[entry.number] = true
                table[entry.number] = nil
            case 7:
                deadlines.remove(entry)
                isMoved[entry.number] = false
                table[entry.number] = nil
            default:
                now += UInt64(random.below(60))
                let due = table.filter { $0.value <= now }
                var popped: [Int] = []
                while let next = deadlines.popExpired(now: Self.at(now)) as? Entry { popped.append(next.number) }
                #expect(Set(popped) == Set(due.keys) && popped.count == due.count, "seed \(seed), step \(step)")
                let unmoved = popped.filter { !isMoved[$0] }.compactMap { due[$0] }
                #expect(unmoved == unmoved.sorted(), "seed \(seed), step \(step)")
                for number in popped {
                    table[number] = nil
                    isMoved[number] = false
                }
            }
            #expect(entry.deadline == table[entry.number].map(Self.at) ?? .never)
            #expect(deadlines.earliest <= table.values.min().map(Self.at) ?? .never, "seed \(seed), step \(step)")
            #expect(deadlines.count >= table.count)
        }
        #expect(Set(Self.popAll(&deadlines, now: Self.at(.max - 1))) == Set(table.keys), "seed \(seed)")
        #expect(deadlines.count == 0)
    }
}
