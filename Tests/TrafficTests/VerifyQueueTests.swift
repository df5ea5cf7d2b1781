import Base
import Testing
import Traffic

struct VerifyQueueTests {
    typealias Queue = VerifyQueue<String, Int>

    static func limits(total: Int = 1000, users: Int = 1000, jobs: Int = 1000) -> Queue.Limits {
        var limits = Queue.Limits()
        limits.total = total
        limits.usersPerAddress = users
        limits.jobsPerUser = jobs
        return limits
    }

    static func offer(
        _ job: Int, from address: String, user: [UInt8], to queue: inout Queue, isTaken: Bool = true,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let before = queue.count
        var displaced: Int?
        let taken = queue.add(job, from: address, user: user, displacing: &displaced)
        #expect(taken == isTaken, "job \(job)", sourceLocation: location)
        #expect(queue.count == before + (isTaken && displaced == nil ? 1 : 0), sourceLocation: location)
    }

    static func drain(_ queue: inout Queue) -> [Int] {
        var jobs: [Int] = []
        while let job = queue.nextJob() { jobs.append(job) }
        return jobs
    }

    @Test func isEmptyAtFirst() {
        var queue = Queue()
        #expect(Self.drain(&queue) == [])
        #expect(queue.count == 0)
    }

    @Test func oneUserWaitsInOrder() {
        var queue = Queue()
        for job in 0..<5 { Self.offer(job, from: "a", user: [1], to: &queue) }
        #expect(queue.count == 5)
        #expect(Self.drain(&queue) == [0, 1, 2, 3, 4])
        #expect(queue.count == 0)
        Self.offer(9, from: "a", user: [1], to: &queue)
        #expect(Self.drain(&queue) == [9])
    }

    @Test func addressesTakeTurns() {
        var queue = Queue(limits: Self.limits())
        for job in 0..<4 { Self.offer(job, from: "a", user: [1], to: &queue) }
        for job in 10..<12 { Self.offer(job, from: "b", user: [1], to: &queue) }
        Self.offer(20, from: "c", user: [1], to: &queue)
        #expect(Self.drain(&queue) == [0, 10, 20, 1, 11, 2, 3])
    }

    @Test func usersOfAnAddressTakeTurns() {
        var queue = Queue(limits: Self.limits())
        for job in 0..<4 { Self.offer(job, from: "a", user: [1], to: &queue) }
        for job in 10..<12 { Self.offer(job, from: "a", user: [2], to: &queue) }
        Self.offer(20, from: "b", user: [1], to: &queue)
        #expect(Self.drain(&queue) == [0, 20, 10, 1, 11, 2, 3])
    }

    @Test func everyLevelIsBounded() {
        var queue = Queue(limits: Self.limits(total: 6, users: 2, jobs: 3))
        for job in 0..<3 { Self.offer(job, from: "a", user: [1], to: &queue) }
        Self.offer(3, from: "a", user: [1], to: &queue, isTaken: false)
        Self.offer(4, from: "a", user: [2], to: &queue)
        Self.offer(5, from: "a", user: [3], to: &queue, isTaken: false)
        Self.offer(6, from: "b", user: [3], to: &queue)
        Self.offer(7, from: "b", user: [3], to: &queue)
        #expect(queue.count == 6)
        Self.offer(8, from: "a", user: [2], to: &queue, isTaken: false)
        #expect(queue.count == 6)
        #expect(Self.drain(&queue).sorted() == [0, 1, 2, 4, 6, 7])
        // Places come back.
        Self.offer(9, from: "a", user: [3], to: &queue)
        #expect(queue.count == 1)
    }

    @Test func defaultsBoundAnAddressBelowTheTotal() {
        let limits = Queue.Limits()
        #expect(limits.usersPerAddress * limits.jobsPerUser < limits.total)
    }

    /// Virtual time in milliseconds: a hash takes 250, one address guesses 100 times a second under ever new names and
    /// under one, and somebody comes for the first time every five seconds.
    @Test func newcomersDoNotWaitBehindGuesses() {
        var queue = Queue()
        var busyUntil = 0
        var newcomers: [Int: Int] = [:]
        var longestWait = 0
        var served = 0
        var displaced: Int?
        for now in 0..<60_000 {
            if now % 10 == 0 {
                let name = now % 20 == 0 ? UInt8(truncatingIfNeeded: now / 20) : 7
                _ = queue.add(-1, from: "guesser", user: [name], displacing: &displaced)
            }
            if now % 5000 == 777 {
                Self.offer(now, from: "newcomer \(now)", user: [UInt8(ascii: "a")], to: &queue)
                newcomers[now] = now
            }
            if now >= busyUntil, let job = queue.nextJob() {
                busyUntil = now + 250
                if let came = newcomers.removeValue(forKey: job) {
                    longestWait = max(longestWait, busyUntil - came)
                    served += 1
                }
            }
        }
        #expect(served == 12 && newcomers.isEmpty)
        // The hash at hand, perhaps one guess, and their own.
        #expect(longestWait <= 750, "\(longestWait) ms")
    }

    /// Room is made at the cost of those who have most, and only where that evens things out.
    @Test func aFullQueueMakesRoomForWhoHasLess() {
        var queue = Queue(limits: Self.limits(total: 4))
        for job in 0..<3 { Self.offer(job, from: "a", user: [1], to: &queue) }
        Self.offer(10, from: "b", user: [1], to: &queue)
        var displaced: Int?
        let isTaken = queue.add(20, from: "c", user: [1], displacing: &displaced)
        #expect(isTaken && displaced == 2)
        Self.offer(3, from: "a", user: [1], to: &queue, isTaken: false)
        Self.offer(11, from: "b", user: [1], to: &queue, isTaken: false)
        #expect(Self.drain(&queue) == [0, 10, 20, 1])
    }

    /// The same with guesses from several addresses at once, each of which keeps within its own bounds.
    @Test(arguments: [2, 5, 20]) func newcomersAreNotRefusedForTheGuessesOfOthers(_ guessers: Int) {
        var queue = Queue()
        var displaced: Int?
        for guess in 0..<10_000 {
            _ = queue.add(
                -1, from: "guesser \(guess % guessers)", user: [UInt8(truncatingIfNeeded: guess / guessers)],
                displacing: &displaced)
        }
        Self.offer(1, from: "newcomer", user: [1], to: &queue)
        var turns = 0
        while let job = queue.nextJob(), job != 1 { turns += 1 }
        #expect(turns <= guessers)
    }
}

extension VerifyQueue {
    /// The next job of a queue in which nobody rests.
    fileprivate mutating func nextJob() -> Job? {
        if case .job(let job) = next(now: .never) { return job }
        return nil
    }
}

@Suite struct VerifyQueueRestTests {
    private func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    @Test func whoGuessedWrongRestsWhileOthersAreServed() {
        var queue = VerifyQueue<String, Int>()
        var displaced: Int?
        for job in 1...3 { #expect(queue.add(job, from: "guesser", user: [1], displacing: &displaced)) }
        guard case .job(1) = queue.next(now: at(0)) else { return #expect(Bool(false), "the first is served at once") }
        queue.rest("guesser", until: at(200), now: at(0))
        guard case .wait(let end) = queue.next(now: at(10)) else { return #expect(Bool(false), "the guesser rests") }
        #expect(end == at(200))
        #expect(queue.add(9, from: "other", user: [2], displacing: &displaced))
        guard case .job(9) = queue.next(now: at(20)) else { return #expect(Bool(false), "others do not wait") }
        guard case .job(2) = queue.next(now: at(200)) else { return #expect(Bool(false), "the rest is over") }
        #expect(queue.count == 1)
    }

    @Test func remembersABoundedNumberOfGuessers() {
        var queue = VerifyQueue<Int, Int>()
        for address in 0..<5000 { queue.rest(address, until: at(1000), now: at(0)) }
        var displaced: Int?
        // The first is remembered, one beyond the bound is not.
        #expect(queue.add(1, from: 0, user: [], displacing: &displaced))
        guard case .wait = queue.next(now: at(1)) else { return #expect(Bool(false), "it rests") }
        #expect(queue.add(2, from: 4999, user: [], displacing: &displaced))
        guard case .job(2) = queue.next(now: at(1)) else { return #expect(Bool(false), "it does not rest") }
        // When they have rested there is room again.
        queue.rest(4999, until: at(3000), now: at(2000))
        #expect(queue.add(3, from: 4999, user: [], displacing: &displaced))
        guard case .job(1) = queue.next(now: at(2000)) else { return #expect(Bool(false), "the first is served") }
        guard case .wait = queue.next(now: at(2000)) else { return #expect(Bool(false), "now it rests") }
    }
}
