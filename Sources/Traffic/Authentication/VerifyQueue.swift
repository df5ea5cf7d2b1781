package import Base

/// The order in which passwords are verified when they come faster than a slow hash allows.
///
/// Client addresses take turns, and within an address the user names do, so that whoever guesses passwords waits behind his
/// own guesses and not in front of everybody else. An address whose password was wrong rests for a while, so that guessing
/// takes only a share of a core. Every level is bounded; what does not fit is refused at once.
package struct VerifyQueue<Address: Hashable, Job> {
    package struct Limits: Sendable {
        /// Jobs in all: a few seconds' work for a slow hash.
        package var total = 256
        /// User names an address may have waiting.
        package var usersPerAddress = 16
        /// Jobs of one user name from one address.
        package var jobsPerUser = 8

        package init() {}
    }

    private struct Lane {
        var user: [UInt8]
        var jobs: [Job]
    }

    private let limits: Limits
    private var lanes: [Address: [Lane]] = [:]
    private var turns: [Address] = []
    private var resting: [Address: Instant] = [:]
    /// Addresses remembered as resting: those of a few seconds of guesses from everywhere.
    private static var maxResting: Int { 1024 }
    package private(set) var count = 0

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// A full queue makes room at the cost of the address that has most in it, so that a few addresses full of guesses do
    /// not shut the others out.
    ///
    /// - Parameter displaced: the job that lost its place, to be refused in turn.
    /// - Returns: false if a limit is reached; the job is then not kept.
    package mutating func add(
        _ job: Job, from address: Address, user: [UInt8], displacing displaced: inout Job?
    ) -> Bool {
        var queue = lanes[address] ?? []
        let isFull = count >= limits.total
        let greediest = isFull ? greediest : nil
        if isFull {
            guard let greediest, greediest.address != address, greediest.jobs > Self.jobs(queue) + 1 else {
                return false
            }
        }
        if let index = queue.firstIndex(where: { $0.user == user }) {
            guard queue[index].jobs.count < limits.jobsPerUser else { return false }
            queue[index].jobs.append(job)
        } else {
            guard queue.count < limits.usersPerAddress else { return false }
            queue.append(Lane(user: user, jobs: [job]))
        }
        if lanes.updateValue(queue, forKey: address) == nil { turns.append(address) }
        count += 1
        if let greediest { displaced = removeLast(from: greediest.address) }
        return true
    }

    private static func jobs(_ queue: [Lane]) -> Int { queue.reduce(0) { $0 + $1.jobs.count } }

    /// The address with most jobs; looked for only when the queue is full, among `total` jobs at most.
    private var greediest: (address: Address, jobs: Int)? {
        var most: (address: Address, jobs: Int)?
        for (address, queue) in lanes {
            let jobs = Self.jobs(queue)
            if jobs > most?.jobs ?? 0 { most = (address, jobs) }
        }
        return most
    }

    /// Takes away the youngest job of the address's longest lane. It has more than one job, so it keeps its turn.
    private mutating func removeLast(from address: Address) -> Job? {
        guard var queue = lanes[address],
            let longest = queue.indices.max(by: { queue[$0].jobs.count < queue[$1].jobs.count })
        else { return nil }
        let job = queue[longest].jobs.removeLast()
        if queue[longest].jobs.isEmpty { queue.remove(at: longest) }
        lanes[address] = queue
        count -= 1
        return job
    }

    package enum Turn {
        case job(Job)
        /// Whoever waits rests until then, unless somebody else comes.
        case wait(until: Instant)
        case empty
    }

    /// The job whose turn it is.
    package mutating func next(now: Instant) -> Turn {
        guard let index = turns.firstIndex(where: { resting[$0].map { $0 <= now } ?? true }) else {
            let earliest = turns.compactMap { resting[$0] }.min()
            return earliest.map { .wait(until: $0) } ?? .empty
        }
        let address = turns.remove(at: index)
        guard let job = take(from: address) else { return .empty }
        return .job(job)
    }

    /// Leaves the jobs of an address alone until then; what it adds meanwhile waits as well.
    package mutating func rest(_ address: Address, until end: Instant, now: Instant) {
        if resting.count >= Self.maxResting { resting = resting.filter { $0.value > now } }
        if resting.count < Self.maxResting || resting[address] != nil { resting[address] = end }
    }

    private mutating func take(from address: Address) -> Job? {
        guard var queue = lanes[address], !queue.isEmpty else { return nil }
        var lane = queue.removeFirst()
        let job = lane.jobs.removeFirst()
        if !lane.jobs.isEmpty { queue.append(lane) }
        if queue.isEmpty {
            lanes[address] = nil
        } else {
            lanes[address] = queue
            turns.append(address)
        }
        count -= 1
        return job
    }
}
