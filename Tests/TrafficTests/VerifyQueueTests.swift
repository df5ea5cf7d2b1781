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
        while let job = queue.next() { jobs.append(job) }
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
            if now >= busyUntil, let job = queue.next() {
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
        while let job = queue.next(), job != 1 { turns += 1 }
        #expect(turns <= guessers)
    }
}
