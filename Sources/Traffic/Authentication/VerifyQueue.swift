/// The order in which passwords are verified when they come faster than a slow hash allows.
///
/// Client addresses take turns, and within an address the user names do, so that whoever guesses passwords waits behind his
/// own guesses and not in front of everybody else. Every level is bounded; what does not fit is refused at once.
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
    package private(set) var count = 0

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// - Returns: false if a limit is reached; the job is then not kept.
    package mutating func add(_ job: Job, from address: Address, user: [UInt8]) -> Bool {
        guard count < limits.total else { return false }
        var queue = lanes[address] ?? []
        if let index = queue.firstIndex(where: { $0.user == user }) {
            guard queue[index].jobs.count < limits.jobsPerUser else { return false }
            queue[index].jobs.append(job)
        } else {
            guard queue.count < limits.usersPerAddress else { return false }
            queue.append(Lane(user: user, jobs: [job]))
        }
        if lanes.updateValue(queue, forKey: address) == nil { turns.append(address) }
        count += 1
        return true
    }

    /// The job whose turn it is.
    package mutating func next() -> Job? {
        guard !turns.isEmpty else { return nil }
        let address = turns.removeFirst()
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
